"""What goes into a runner and comes out of it: the langpack protocol's lines (wire.md 3)."""

import base64
import string
from typing import Any

import orjson
from django.conf import settings

from algoport.errors import InputValidationError, MalformedJson
from algorithms.errors import RunFailed, UnsupportedContentType
from algorithms.running.runner import Reply

_BASE64 = string.ascii_letters.encode() + string.digits.encode() + b"+/"
_DATA = b',"data":'


def encode_input(body: bytes, content_type: str | None) -> bytes:
    """The langpack request line. Raises MalformedJson, UnsupportedContentType."""
    media = (content_type or "application/json").partition(";")[0].strip().lower()
    if media == "application/json":
        try:
            orjson.loads(body)
        except orjson.JSONDecodeError as exc:
            raise MalformedJson from exc
        # Outside strings a line break is white space, and inside one it cannot stand.
        flat = body.replace(b"\n", b" ").replace(b"\r", b" ")
        return b'{"content_type":"json","data":' + flat + b"}"
    if media in ("text/plain", "application/text"):
        try:
            text = body.decode()
        except UnicodeDecodeError as exc:
            raise InputValidationError("The text is not UTF-8.") from exc
        return b'{"content_type":"text","data":' + orjson.dumps(text) + b"}"
    if media == "application/octet-stream":
        return b'{"content_type":"binary","data":"' + base64.b64encode(body) + b'"}'
    raise UnsupportedContentType(given=content_type)


def beginning_of_input(line: bytes, characters: int) -> str:
    """The first characters of the JSON that a line of `encode_input` holds; however long it is."""
    start = line.find(_DATA) + len(_DATA)
    # A character has up to four bytes; the line ends with the brace that is not the data's.
    return line[start:-1][: 4 * characters].decode("utf-8", "ignore")[:characters]


def decode_reply(reply: Reply) -> tuple[Any, str]:
    """Result and content type of an algorithm's line. Raises RunFailed for everything else.

    The line was written by the algorithm's process and can be anything.
    """
    if reply.line is None or len(reply.line) > settings.CALL_OUTPUT_BYTES + 1024:
        megabytes = settings.CALL_OUTPUT_BYTES // 1_000_000
        raise RunFailed(f"The result is larger than {megabytes} MB.", "TooLargeError")
    try:
        message = orjson.loads(reply.line)
    except orjson.JSONDecodeError as exc:
        raise RunFailed("The algorithm answered with invalid JSON.", "ParsingError") from exc
    if isinstance(message, dict) and isinstance(message.get("error"), dict):
        error = message["error"]
        raise RunFailed(
            _text(error.get("message"), "The algorithm failed without a message."),
            _text(error.get("error_type"), "AlgorithmError"),
            _text(error.get("stacktrace"), "") or None,
        )
    metadata = message.get("metadata") if isinstance(message, dict) else None
    kind = metadata.get("content_type") if isinstance(metadata, dict) else None
    if kind not in ("text", "json", "binary", "void"):
        raise RunFailed("The algorithm answered outside the protocol.", "ParsingError")
    result = message.get("result")
    if kind in ("text", "binary") and not isinstance(result, str):
        raise RunFailed("The algorithm answered outside the protocol.", "ParsingError")
    if kind == "binary" and not _is_base64(result):
        raise RunFailed("The algorithm's binary result is not base64.", "ParsingError")
    return result, kind


def _is_base64(text: str) -> bool:
    """Whether it is base64 with its padding; much quicker than decoding what is passed on as is."""
    body = text.rstrip("=")
    if len(text) % 4 or len(text) - len(body) > 2 or not body.isascii():
        return False
    return not body.encode().translate(None, _BASE64)


def _text(value: object, default: str) -> str:
    return value if isinstance(value, str) and value else default
