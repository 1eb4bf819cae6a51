"""HTTP for storages that are asked without a client of their own."""

import contextlib
import time
from collections.abc import Iterator, Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

import orjson
import requests
from urllib3.exceptions import HTTPError

from algoport.http.addresses import OutgoingPolicy
from algoport.http.checked import ConnectionNotAllowed, checked_session
from dataportal.stores.base import (
    ByteRange,
    Conditions,
    ObjectInfo,
    Opened,
    RangeNotSatisfiable,
    Refused,
    StoreError,
    Unreachable,
)

CONNECT_SECONDS, READ_SECONDS = 5, 60
_LONGEST_ANSWER = 32 * 1024 * 1024
_AGAIN = frozenset({429, 500, 502, 503, 504})
_PAUSE_SECONDS = 0.5


class HttpClient:
    """Reaches what connectors may lead to, and nothing else; its errors have no addresses.

    SECURITY: a query or a header may hold a credential, and the errors of the libraries have both,
    so none is kept as a cause.
    """

    def __init__(self, policy: OutgoingPolicy) -> None:
        self.session = checked_session(policy, requests.Session())

    def send(
        self, method: str, url: str, *, repeat: bool = True, **asked: Any
    ) -> requests.Response:
        """The answer, whose body is still to be read; `repeat` when a second try does no harm.

        Raises Refused for an address that is not allowed, Unreachable.
        """
        if repeat:
            try:
                answer = self._send(method, url, asked)
                if answer.status_code not in _AGAIN:
                    return answer
                answer.close()
            except Unreachable:
                pass
            time.sleep(_PAUSE_SECONDS)
        return self._send(method, url, asked)

    def close(self) -> None:
        self.session.close()

    def _send(self, method: str, url: str, asked: Mapping[str, Any]) -> requests.Response:
        try:
            return self.session.request(
                method,
                url,
                stream=True,
                allow_redirects=False,
                timeout=(CONNECT_SECONDS, READ_SECONDS),
                **asked,
            )
        except ConnectionNotAllowed as exc:
            raise Refused(str(exc)) from None
        except (requests.RequestException, HTTPError, OSError):
            raise Unreachable("it does not answer.") from None


@contextlib.contextmanager
def answer_of_kind() -> Iterator[None]:
    """For what is taken from an answer: one that lacks it is not from a storage of this kind."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError):
        raise Unreachable("its answer is not one of a storage of this kind.") from None


def read_body(answer: requests.Response, most: int = _LONGEST_ANSWER) -> bytes:
    """All of an answer's body, so that its connection is used again. Raises Unreachable."""
    try:
        data: bytes = answer.raw.read(most + 1, decode_content=True)
    except (HTTPError, OSError):
        raise Unreachable("the connection was lost.") from None
    finally:
        answer.close()
    if len(data) > most:
        raise Unreachable("its answer is too long.")
    return data


def read_json(answer: requests.Response) -> dict[str, Any]:
    """Raises Unreachable for what is not a JSON object."""
    body = read_body(answer)
    with answer_of_kind():
        found = orjson.loads(body)
        if isinstance(found, dict):
            return found
        raise TypeError


def range_header(part: ByteRange) -> str:
    start = "" if part.start is None else part.start
    return f"bytes={start}-{'' if part.end is None else part.end}"


def given_range(answer: requests.Response) -> tuple[tuple[int, int] | None, int | None]:
    """The span (first, last) that an answer has, and the object's size, as far as it tells them."""
    # bytes FIRST-LAST/SIZE, or bytes */SIZE
    span, _, size = answer.headers.get("Content-Range", "").removeprefix("bytes ").partition("/")
    first, _, last = span.partition("-")
    known = int(size) if size.isdigit() else None
    return (int(first), int(last)) if first.isdigit() and last.isdigit() else None, known


def not_satisfiable(answer: requests.Response) -> RangeNotSatisfiable:
    """The error for this 416."""
    size = given_range(answer)[1]
    answer.close()
    return RangeNotSatisfiable(size)


def http_date(text: str) -> datetime | None:
    try:
        return parsedate_to_datetime(text)
    except ValueError:
        return None


def headers_with(prefix: str, answer: requests.Response) -> dict[str, str]:
    """The headers whose names begin so, without it and in lower case."""
    return {
        name.lower().removeprefix(prefix): value
        for name, value in answer.headers.items()
        if name.lower().startswith(prefix)
    }


def open_answer(
    answer: requests.Response, info: ObjectInfo, conditions: Conditions | None
) -> "HttpObject":
    """The object in this answer, if it is as asked for; the storage may not have looked itself."""
    try:
        opened = HttpObject(answer, info)
        (conditions or Conditions()).check(info)
    except StoreError:
        answer.close()
        raise
    return opened


class HttpObject(Opened):
    """The body of an answer, as the bytes that are stored."""

    def __init__(self, answer: requests.Response, info: ObjectInfo) -> None:
        self._answer = answer
        self.info = info
        if answer.status_code == 206:
            self.span = given_range(answer)[0]
        if self.span is not None and self.span[0] > self.span[1]:
            # Some give nothing, as a part that begins just behind the end.
            raise RangeNotSatisfiable(info.size)

    def read(self, size: int) -> bytes:
        try:
            data: bytes = self._answer.raw.read(size, decode_content=False)
        except (HTTPError, OSError):
            raise Unreachable("the connection was lost.") from None
        return data

    def close(self) -> None:
        self._answer.close()
