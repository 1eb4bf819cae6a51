"""Asking a host's API: bounded, to checked addresses, without following anything."""

import json
import time
from dataclasses import dataclass
from typing import Any

import requests
from django.conf import settings
from urllib3.exceptions import HTTPError

from algoport.http.addresses import OutgoingPolicy
from algoport.http.checked import ConnectionNotAllowed, checked_session
from scm.errors import HostUnreachable

_CONNECT_SECONDS, _READ_SECONDS, _BODY_SECONDS = 5, 15, 20
_LONGEST_ANSWER = 4 * 1024 * 1024
_CHUNK = 64 * 1024
_SAID = 200


@dataclass(frozen=True)
class Answer:
    """Status and JSON of an answer; `value` is None where there is none."""

    status: int
    value: Any

    @property
    def is_good(self) -> bool:
        return 200 <= self.status < 300

    def text(self, name: str) -> str:
        """A member that has to be a text. Raises HostUnreachable."""
        found = self.member(name)
        if not isinstance(found, str) or not found:
            raise no_such_host()
        return found

    def member(self, name: str) -> Any:
        return self.value.get(name) if isinstance(self.value, dict) else None


def policy() -> OutgoingPolicy:
    """Where hosts may be: the public internet, and what the operator has named."""
    return OutgoingPolicy(settings.SCM_HOSTS, setting="ALGOPORT_SCM_HOSTS")


def ask(method: str, url: str, **options: Any) -> Answer:
    """What the host answers, refusals too. Raises HostUnreachable.

    SECURITY: requests and their errors hold credentials, so no error is kept as a cause; a redirect
    is no answer, so that no token goes where it leads.
    """
    options["headers"] = {"Accept": "application/json", **options.get("headers", {})}
    timeout = (_CONNECT_SECONDS, _READ_SECONDS)
    try:
        with (
            checked_session(policy(), requests.Session()) as session,
            session.request(
                method, url, stream=True, allow_redirects=False, timeout=timeout, **options
            ) as answer,
        ):
            return _read(answer)
    except ConnectionNotAllowed as exc:
        raise HostUnreachable(reason=f"{exc}.") from None
    except (requests.RequestException, HTTPError, OSError):
        raise HostUnreachable(reason="It does not answer.") from None


def no_such_host() -> HostUnreachable:
    return HostUnreachable(reason="Its answer is not one of a host of this kind.")


def said_by(answer: Answer) -> str:
    """What a refusal says, as one line of text that can be shown."""
    said = [answer.member("message"), answer.member("error_description"), answer.member("error")]
    errors = answer.member("errors")
    for each in errors if isinstance(errors, list) else ():
        said.append(each.get("message") if isinstance(each, dict) else each)
    texts = [each if isinstance(each, str) else json.dumps(each) for each in said if each]
    plain = "".join(c if c.isprintable() else " " for c in "; ".join(texts))
    return plain[:_SAID].replace("{", "(").replace("}", ")") or f"HTTP status {answer.status}"


def _read(answer: requests.Response) -> Answer:
    if 300 <= answer.status_code < 400:
        raise HostUnreachable(reason="It answers from another address; correct its configuration.")
    if answer.status_code >= 500:
        raise HostUnreachable(reason=f"It answers with HTTP status {answer.status_code}.")
    data, latest = bytearray(), time.monotonic() + _BODY_SECONDS
    for piece in answer.iter_content(_CHUNK):
        data += piece
        if len(data) > _LONGEST_ANSWER or time.monotonic() > latest:
            raise HostUnreachable(reason="Its answer is too long.")
    if not data:
        return Answer(answer.status_code, None)
    try:
        return Answer(answer.status_code, json.loads(data))
    except (ValueError, RecursionError):
        if answer.status_code >= 400:
            return Answer(answer.status_code, None)
        raise no_such_host() from None
