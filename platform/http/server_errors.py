"""Answers to requests that the server cannot even read, in the envelope of all others."""

import logging
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

from algoport.errors import ApiError, InvalidRequest
from algoport.http.asgi import encode_header, error_response
from algoport.http.tracing import Session, Trace

logger = logging.getLogger(__name__)


class UnreadableRequest(InvalidRequest):
    message = "The request is not valid HTTP/1.1."


class AddressTooLong(InvalidRequest):
    status = 414
    message = "The request's address is longer than 8190 bytes."


class HeadersTooLarge(InvalidRequest):
    status = 431
    message = "The request has more than 100 headers, or one of over 16380 bytes."


class UnknownTransferCoding(InvalidRequest):
    status = 501
    message = "Transfer-Encoding may say chunked."


_ERRORS: dict[int, type[ApiError]] = {
    each.status: each
    for each in (UnreadableRequest, AddressTooLong, HeadersTooLarge, UnknownTransferCoding)
}


def use_envelope(protocol: Any) -> None:
    """Have gunicorn's protocol class answer so; what it would answer is its plain text."""
    if not callable(getattr(protocol, "_send_error_response", None)):
        raise RuntimeError("gunicorn does not answer unreadable requests as it did before")
    protocol._send_error_response = _send_error_response


def _send_error_response(
    self: Any, status: int, message: str, extra_headers: Iterable[tuple[str, str]] = ()
) -> None:
    error = _ERRORS.get(status, ApiError)()
    if error.status >= 500:
        logger.error("a request failed in the server: %s [%s]", message, error.id)
    # Whether it was a HEAD is not known.
    self._safe_write(response_bytes(error, extra_headers))


def response_bytes(error: ApiError, extra_headers: Iterable[tuple[str, str]] = ()) -> bytes:
    """A whole answer, after which the connection is closed."""
    answer = error_response(error, head=True)
    headers = [
        ("Content-Type", answer.content_type or ""),
        ("Content-Length", str(len(answer.body))),
        *Trace(Session()).headers(),
        *answer.headers.items(),
        *extra_headers,
        ("Connection", "close"),
    ]
    lines = [f"HTTP/1.1 {error.status} {HTTPStatus(error.status).phrase}".encode()]
    lines += [name.encode() + b": " + encode_header(value) for name, value in headers]
    return b"\r\n".join([*lines, b"", answer.body])
