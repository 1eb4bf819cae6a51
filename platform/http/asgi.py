"""The small HTTP layer of the byte planes: a request to read, an answer to send.

Header names go out in canonical case (`Content-Type`): clients compare them so (wire.md 2).
"""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, MutableMapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

import orjson

from algoport.db.outages import is_outage
from algoport.errors import ApiError, InputValidationError, InvalidRequest, ServiceUnavailable

logger = logging.getLogger(__name__)

# How many times the allowed size is read before a client that sends too much is cut off.
_PATIENCE = 4
_WORTH_READING = 256 * 1024
_MESSAGE_CHARACTERS = 500
_BOOLEANS = dict.fromkeys(("true", "1", "yes"), True) | dict.fromkeys(
    ("false", "0", "no", ""), False
)

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class ClientDisconnected(Exception):
    """The client went away before its request was read or answered."""


class RequestTooLarge(InvalidRequest):
    status = 413
    message = "The request body is larger than {limit} bytes."


class Request:
    """One HTTP request of an ASGI connection."""

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self.scope = scope
        self.method: str = scope["method"]
        self._receive = receive
        self._is_read = False
        self._headers: list[tuple[bytes, bytes]] = scope["headers"]

    @property
    def raw_path(self) -> bytes:
        """The path as sent, without decoding and query."""
        raw: bytes = self.scope.get("raw_path") or self.scope["path"].encode()
        return raw.partition(b"?")[0]

    def header(self, name: bytes) -> str | None:
        """Value of the header with this lower-case name."""
        for key, value in self._headers:
            if key == name or key.lower() == name:
                return value.decode("latin-1")
        return None

    def query(self) -> dict[str, str]:
        """The query's parameters; of a repeated one the last counts."""
        raw: bytes = self.scope["query_string"]
        return dict(parse_qsl(raw.decode("latin-1"), keep_blank_values=True)) if raw else {}

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body, as it comes. Raises ClientDisconnected."""
        while True:
            message = await self._receive()
            if message["type"] != "http.request":
                raise ClientDisconnected
            body: bytes = message.get("body", b"")
            if body:
                yield body
            if not message.get("more_body", False):
                self._is_read = True
                return

    async def settle(self) -> bool:
        """Read what is left of a small body, so that the connection can serve another request.

        False when the connection has to be closed after the answer, because more of the body may
        come than is worth reading.
        """
        declared = self.header(b"content-length") or "0"
        chunked = self.header(b"transfer-encoding") is not None
        if self._is_read:
            return True
        if chunked or self.header(b"expect") or int(declared) > _WORTH_READING:
            return False
        async for _ in self.chunks():
            continue
        return True

    async def body(self, limit: int, before: bytes = b"") -> bytes:
        """The whole body behind `before`. Raises RequestTooLarge when it has over `limit` bytes."""
        parts: list[bytes] = []
        size = 0
        async for chunk in self.chunks():
            size += len(chunk)
            if size <= limit:
                parts.append(chunk)
                continue
            # Most clients read no answer before they have sent everything, so a little too much
            # is taken and thrown away.
            parts.clear()
            if size > limit * _PATIENCE:
                break
        if size > limit:
            raise RequestTooLarge(limit=limit)
        if len(parts) == 1 and not before:
            return parts[0]
        return b"".join((before, *parts))

    async def disconnected(self) -> None:
        """Return when the client has gone; to be called after the body was read."""
        while (await self._receive())["type"] != "http.disconnect":
            continue


@dataclass(slots=True)
class Response:
    """A whole answer."""

    status: int = 200
    body: bytes = b""
    content_type: str | None = "application/json"
    headers: dict[str, str] = field(default_factory=dict)

    async def send(self, send: Send, *, head: bool = False) -> None:
        await start(send, self.status, self.headers, self.content_type, len(self.body))
        await send({"type": "http.response.body", "body": b"" if head else self.body})


async def start(
    send: Send,
    status: int,
    headers: dict[str, str],
    content_type: str | None,
    length: int | None,
) -> None:
    """Send the head of an answer; `length` None means chunked."""
    lines: list[tuple[bytes, bytes]] = []
    if content_type is not None:
        lines.append((b"Content-Type", content_type.encode("latin-1")))
    if length is not None and status not in (204, 304):
        lines.append((b"Content-Length", str(length).encode()))
    lines.extend((name.encode("latin-1"), encode_header(value)) for name, value in headers.items())
    await send({"type": "http.response.start", "status": status, "headers": lines})


def encode_header(value: str) -> bytes:
    """A header's value on one line of what can be printed; what Latin-1 cannot hold becomes `?`."""
    plain = "".join(each if each.isprintable() else " " for each in value)
    return " ".join(plain.split()).encode("latin-1", "replace")


def error_header(text: str) -> dict[str, str]:
    """The beginning of an error's text, for clients that do not read the body (spec.md 11.1).

    Proxies refuse answers whose headers have more than a few thousand bytes.
    """
    return {"X-Error-Message": text[:_MESSAGE_CHARACTERS]}


def json_response(
    value: object, status: int = 200, headers: dict[str, str] | None = None
) -> Response:
    """Compact JSON with the keys in their order (wire.md 2)."""
    return Response(status, orjson.dumps(value), "application/json", headers or {})


def error_response(error: ApiError, *, head: bool = False) -> Response:
    """The answer to an error; HEAD has no body, so its text stands in a header (spec.md 11.1)."""
    response = json_response(error.body(), error.status, error.headers())
    if head:
        response.headers |= error_header(error.text)
    return response


Handler = Callable[[Request, Send], Awaitable[None]]


async def answer(handler: Handler, scope: Scope, receive: Receive, send: Send) -> None:
    """Run a plane's handler: its ApiErrors become answers, a failure the generic one."""
    request = Request(scope, receive)
    started = False

    async def track(message: MutableMapping[str, Any]) -> None:
        nonlocal started
        started = True
        await send(message)

    try:
        await handler(request, track)
    except ClientDisconnected:
        return
    except ApiError as exc:
        if exc.status >= 500:
            logger.error("%s %s: %s [%s]", request.method, request.raw_path, exc.text, exc.id)
        if not started:
            await _refuse(request, exc, send)
    except Exception as exc:
        if started:
            # Half an answer cannot be taken back; the server cuts the connection.
            raise
        await _refuse(request, _failure_of(exc, request), send)


def _failure_of(exc: Exception, request: Request) -> ApiError:
    """What the caller is told of a failure; the log is told everything."""
    if is_outage(exc):
        outage = ServiceUnavailable()
        where = (request.method, request.raw_path)
        logger.error("%s %s: the database does not answer: %s [%s]", *where, exc, outage.id)
        return outage
    failure = ApiError()
    logger.exception("%s %s failed [%s]", request.method, request.raw_path, failure.id)
    return failure


async def _refuse(request: Request, error: ApiError, send: Send) -> None:
    head = request.method == "HEAD"
    response = error_response(error, head=head)
    try:
        if not await request.settle():
            response.headers["Connection"] = "close"
    except ClientDisconnected:
        return
    await response.send(send, head=head)


def parse_boolean(values: Iterable[str | None], default: bool = False) -> bool:
    """A query's boolean in any case, as the clients spell it (wire.md 3).

    Raises InputValidationError.
    """
    for value in values:
        if value is not None:
            word = value.strip().lower()
            if word not in _BOOLEANS:
                raise InputValidationError(
                    f"{value[:40]!r} in the query is neither true nor false."
                )
            return _BOOLEANS[word]
    return default
