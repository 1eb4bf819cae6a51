"""How the SDK of Google Cloud Storage reaches a storage: its requests, and what they come to."""

import contextlib
import io
import re
from collections.abc import Callable, Iterator
from typing import Any, ParamSpec, TypeVar

import orjson
import requests
from google.api_core.exceptions import GoogleAPIError
from google.api_core.retry import Retry
from google.auth.exceptions import GoogleAuthError
from google.auth.transport.requests import AuthorizedSession, Request
from google.cloud.storage.exceptions import DataCorruption, InvalidResponse
from google.oauth2.service_account import Credentials
from urllib3.exceptions import HTTPError

from algoport.http.addresses import OutgoingPolicy
from algoport.http.checked import ConnectionNotAllowed, checked_session
from dataportal.connectors.credentials import ServiceAccountCredential
from dataportal.stores.base import (
    NotFound,
    NotModified,
    NotPossible,
    PreconditionFailed,
    Refused,
    StoreError,
    Unreachable,
)
from dataportal.stores.http_client import AGAIN, PAUSE_SECONDS, not_satisfiable, read_body

_SCOPE = "https://www.googleapis.com/auth/devstorage.read_write"

P = ParamSpec("P")
R = TypeVar("R")


class _Account(Credentials):
    """Signs what is asked with itself; nothing else of Google's is asked for it."""

    def _is_regional_access_boundary_lookup_required(self) -> bool:
        # Else a thread would ask another service where the account may be used from.
        return False


class GoogleSession(AuthorizedSession):
    """Goes where the policy allows; of what is no object, no more than an answer's length is read.

    SECURITY: the server is anybody's, and the SDK would read whatever comes.
    """

    def __init__(self, credentials: Credentials, policy: OutgoingPolicy) -> None:
        # For tokens, of which none is fetched; the SDK would make a session for it.
        other = Request(checked_session(policy, requests.Session()))
        super().__init__(credentials, max_refresh_attempts=0, auth_request=other)
        checked_session(policy, self)
        self.max_redirects = 0

    def request(  # type: ignore[override]
        self, method: str, url: str, *args: Any, stream: bool = False, **asked: Any
    ) -> requests.Response:
        answer = super().request(method, url, *args, stream=True, **asked)
        if not stream or answer.status_code not in (200, 206):
            answer.raw = io.BytesIO(read_body(answer))
        return answer


def account_of(credential: ServiceAccountCredential) -> Credentials:
    """What signs requests for this account. Raises Refused for a key that is none."""
    known = {
        "client_email": credential.email,
        "private_key_id": credential.private_key_id,
        # Out of JSON by hand, line ends come as two characters.
        "private_key": credential.private_key.replace("\\n", "\n"),
        # Never asked.
        "token_uri": "https://oauth2.googleapis.com/token",
    }
    try:
        return _Account.from_service_account_info(
            known, scopes=[_SCOPE], always_use_jwt_access=True
        )
    except (ValueError, TypeError, GoogleAuthError):
        raise Refused("the private key is not a PEM key of a service account.") from None


class _OnceMore(Retry):
    """Has the SDK do once more, for each of its requests, what failed for the moment."""

    def __call__(
        self, func: Callable[P, R], on_error: Callable[[Exception], Any] | None = None
    ) -> Callable[P, R]:
        left = iter((True,))
        once = Retry(
            lambda exc: _is_for_now(exc) and next(left, False),
            initial=PAUSE_SECONDS,
            maximum=PAUSE_SECONDS,
            timeout=None,
        )
        return once(func, on_error)


ONCE_MORE = _OnceMore()


def _is_for_now(exc: BaseException) -> bool:
    answer = getattr(exc, "response", None)
    if answer is None:
        return isinstance(exc, requests.ConnectionError | requests.Timeout)
    return answer.status_code in AGAIN


@contextlib.contextmanager
def google_errors() -> Iterator[None]:
    """Errors of the SDK as ours, in the storage's own words.

    SECURITY: those of the SDK hold requests, with what was signed: none is kept as a cause.
    """
    try:
        yield
    except ConnectionNotAllowed as exc:
        raise Refused(str(exc)) from None
    except (GoogleAPIError, InvalidResponse, DataCorruption) as exc:
        answer = getattr(exc, "response", None)
        raise (Unreachable("it fails.") if answer is None else _as_error(answer)) from None
    except (KeyError, TypeError, ValueError, AttributeError):
        raise Unreachable("its answer is not one of a storage of this kind.") from None
    except (GoogleAuthError, HTTPError, OSError):
        raise Unreachable("it does not answer.") from None


def _as_error(answer: requests.Response) -> StoreError:
    status = answer.status_code
    if status == 416:
        return not_satisfiable(answer)
    if status == 304:
        return NotModified(answer.headers.get("X-Goog-Generation", ""), None)
    if status < 400:
        return Unreachable("its answer is not one of a storage of this kind.")
    words = _words(answer.content) or answer.reason or str(status)
    if status == 404:
        return NotFound(words)
    if status == 412:
        return PreconditionFailed("the storage has another one.")
    if status in (401, 403):
        return Refused(words)
    return NotPossible(words) if status < 500 and status != 429 else Unreachable(words)


def _words(body: bytes) -> str:
    """The message in an error's body, which is JSON, or plain text."""
    try:
        message = orjson.loads(body)["error"]["message"]
    except (ValueError, TypeError, KeyError):
        message = body.decode(errors="replace")
    # SECURITY: a token must not come back in an error; they are signed, in three parts.
    return re.sub(r"ey[\w-]+\.[\w-]+\.[\w-]*", "***", str(message))[:300].strip()
