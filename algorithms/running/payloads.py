"""What goes into a runner and comes out of it: a letter for its kind, then the value as it is.

The letters are told in `platform/containers/agent/program.py`; `l` is a line of the langpack
protocol (wire.md 3), from a program that speaks nothing else.
"""

from typing import Any

import orjson
import pybase64
from django.conf import settings

from algoport.errors import InputValidationError, MalformedJson
from algorithms.errors import RunFailed, UnsupportedContentType
from algorithms.running.runner import Reply

_CONTENT_TYPES = {b"j": "json", b"t": "text", b"b": "binary", b"v": "void"}
_OUTSIDE = "The algorithm answered outside the protocol."
_INVALID = "The algorithm answered with invalid JSON."


def encode_input(body: bytes, content_type: str | None) -> bytes:
    """The input for the runner.

    Raises MalformedJson, InputValidationError, UnsupportedContentType.
    """
    media = (content_type or "application/json").partition(";")[0].strip().lower()
    if media == "application/json":
        try:
            orjson.loads(body)
        except orjson.JSONDecodeError as exc:
            raise MalformedJson from exc
        return b"j" + body
    if media in ("text/plain", "application/text"):
        try:
            body.decode()
        except UnicodeDecodeError as exc:
            raise InputValidationError("The text is not UTF-8.") from exc
        return b"t" + body
    if media == "application/octet-stream":
        return b"b" + body
    raise UnsupportedContentType(given=content_type)


def beginning_of_input(payload: bytes, characters: int) -> str:
    """The first characters of the JSON for what `encode_input` made; however long it is."""
    # A character has up to four bytes.
    kind, data = payload[:1], payload[1 : 4 * characters + 1]
    text = (pybase64.b64encode(data) if kind == b"b" else data).decode("utf-8", "ignore")
    if kind != b"j":
        text = orjson.dumps(text).decode()
    # JSON may be written over several lines; an excerpt is one.
    text = text.replace("\n", " ").replace("\r", " ")
    return text[:characters]


def decode_reply(reply: Reply) -> tuple[bytes, str]:
    """Result and content type: JSON, text in UTF-8, or bytes. Raises RunFailed for all else.

    It was written by the algorithm's process and can be anything.
    """
    payload = reply.payload
    # A line has its result in base64 and some words around it.
    if payload is None or len(payload) > settings.CALL_OUTPUT_BYTES + 1024:
        megabytes = settings.CALL_OUTPUT_BYTES // 1_000_000
        raise RunFailed(f"The result is larger than {megabytes} MB.", "TooLargeError")
    kind, data = payload[:1], payload[1:]
    if kind == b"e":
        raise _failure_of({"error": _parse(data)})
    if kind == b"l":
        return _decode_line(data)
    if kind == b"j":
        _parse(data)
    elif kind == b"t":
        try:
            data.decode()
        except UnicodeDecodeError as exc:
            raise RunFailed(_OUTSIDE, "ParsingError") from exc
    elif kind != b"b" and (kind != b"v" or data):
        raise RunFailed(_OUTSIDE, "ParsingError")
    return data, _CONTENT_TYPES[kind]


def as_json(result: bytes, content_type: str) -> bytes:
    """A result of `decode_reply` as JSON: bytes in base64, nothing as null."""
    if content_type == "text":
        return orjson.dumps(result.decode())
    if content_type == "binary":
        return b'"' + pybase64.b64encode(result) + b'"'
    return result if content_type == "json" else b"null"


def _decode_line(line: bytes) -> tuple[bytes, str]:
    message = _parse(line)
    if isinstance(message, dict) and isinstance(message.get("error"), dict):
        raise _failure_of(message)
    metadata = message.get("metadata") if isinstance(message, dict) else None
    kind = metadata.get("content_type") if isinstance(metadata, dict) else None
    result = message.get("result") if isinstance(message, dict) else None
    if kind == "void":
        return b"", kind
    if kind == "json":
        return orjson.dumps(result), kind
    if kind == "text" and isinstance(result, str):
        return result.encode(), kind
    if kind == "binary" and isinstance(result, str):
        try:
            return pybase64.b64decode(result, validate=True), kind
        except ValueError as exc:
            text = "The algorithm's binary result is not base64."
            raise RunFailed(text, "ParsingError") from exc
    raise RunFailed(_OUTSIDE, "ParsingError")


def _parse(text: bytes) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as exc:
        raise RunFailed(_INVALID, "ParsingError") from exc


def _failure_of(message: dict[str, Any]) -> RunFailed:
    error = message["error"] if isinstance(message["error"], dict) else {}
    return RunFailed(
        _text(error.get("message"), "The algorithm failed without a message."),
        _text(error.get("error_type"), "AlgorithmError"),
        _text(error.get("stacktrace"), "") or None,
    )


def _text(value: object, default: str) -> str:
    return value if isinstance(value, str) and value else default
