"""What goes into a runner and comes out of it: a letter for its kind, then the value as it is.

The letters are told in `platform/containers/agent/program.py`; `l` is a line of the langpack
protocol (wire.md 3), from a program that speaks nothing else.
"""

from typing import Any

import orjson
import pybase64
from django.conf import settings

from algoport.errors import InputValidationError, MalformedJson
from algorithms.errors import RunFailed
from algorithms.running.runner import Reply

_KINDS = {
    "application/json": b"j",
    "text/plain": b"t",
    "application/text": b"t",
    "application/octet-stream": b"b",
}
_CONTENT_TYPES = {b"j": "json", b"t": "text", b"b": "binary", b"v": "void"}
_OUTSIDE = "The algorithm answered outside the protocol."
_INVALID = "The algorithm answered with invalid JSON."


# Text is a `str`, JSON stays as it was written, nothing is no bytes.
Result = str | bytes | memoryview


def kind_of_input(content_type: str | None) -> bytes | None:
    """The letter for an input; None for a type that no algorithm takes."""
    return _KINDS.get((content_type or "application/json").partition(";")[0].strip().lower())


def check_input(payload: bytes) -> None:
    """Raises MalformedJson, InputValidationError."""
    kind = payload[:1]
    if kind == b"j":
        try:
            orjson.loads(memoryview(payload)[1:])
        except orjson.JSONDecodeError as exc:
            raise MalformedJson from exc
    # Most text is ASCII, which is told without decoding it.
    elif kind == b"t" and not payload.isascii():
        try:
            payload.decode()
        except UnicodeDecodeError as exc:
            raise InputValidationError("The text is not UTF-8.") from exc


def beginning_of_input(payload: bytes, characters: int) -> str:
    """The first characters of an input as JSON; however long it is."""
    # A character has up to four bytes.
    kind, data = payload[:1], payload[1 : 4 * characters + 1]
    text = (pybase64.b64encode(data) if kind == b"b" else data).decode("utf-8", "ignore")
    if kind != b"j":
        text = orjson.dumps(text).decode()
    # JSON may be written over several lines; an excerpt is one.
    text = text.replace("\n", " ").replace("\r", " ")
    return text[:characters]


def decode_reply(reply: Reply) -> tuple[Result, str]:
    """Result and content type. Raises RunFailed for all that is not one of those.

    It was written by the algorithm's process and can be anything.
    """
    payload = reply.payload
    # A line has its result in base64 and some words around it.
    if payload is None or len(payload) > settings.CALL_OUTPUT_BYTES + 1024:
        megabytes = settings.CALL_OUTPUT_BYTES // 1_000_000
        raise RunFailed(f"The result is larger than {megabytes} MB.", "TooLargeError")
    kind, data = bytes(payload[:1]), payload[1:]
    if kind == b"e":
        raise _failure_of({"error": _parse(data)})
    if kind == b"l":
        return _decode_line(data)
    if kind == b"t":
        try:
            return str(data, "utf-8"), "text"
        except UnicodeDecodeError as exc:
            raise RunFailed(_OUTSIDE, "ParsingError") from exc
    if kind == b"j":
        _parse(data)
    elif kind != b"b" and (kind != b"v" or data):
        raise RunFailed(_OUTSIDE, "ParsingError")
    return data, _CONTENT_TYPES[kind]


def in_json(result: Result, content_type: str) -> str | orjson.Fragment | None:
    """What stands in JSON for a result of `decode_reply`: base64 for bytes, null for nothing."""
    if isinstance(result, str):
        return result
    if content_type == "binary":
        return pybase64.b64encode_as_string(result)
    return orjson.Fragment(bytes(result)) if content_type == "json" else None


def _decode_line(line: memoryview) -> tuple[Result, str]:
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
        return result, kind
    if kind == "binary" and isinstance(result, str):
        try:
            return pybase64.b64decode(result, validate=True), kind
        except ValueError as exc:
            text = "The algorithm's binary result is not base64."
            raise RunFailed(text, "ParsingError") from exc
    raise RunFailed(_OUTSIDE, "ParsingError")


def _parse(text: memoryview) -> Any:
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
