"""Lines of journals, in PostgreSQL's text format of COPY: fields between tabs."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

NO_VALUE = "\\N"
_ESCAPED = {ord("\\"): "\\\\", ord("\t"): "\\t", ord("\n"): "\\n", ord("\r"): "\\r", 0: None}
_special = re.compile(r"[\\\t\n\r\0]").search


@dataclass(frozen=True)
class RecordKind:
    """The table that lines of a journal go to, and its columns in the order of a line."""

    table: str
    columns: tuple[str, ...]


def moment_field(seconds: float) -> str:
    """Seconds since 1970 as PostgreSQL reads them."""
    whole, microseconds = divmod(int(seconds * 1_000_000), 1_000_000)
    return f"{_second(whole)}.{microseconds:06d}+00:00"


@lru_cache(maxsize=8)
def _second(seconds: int) -> str:
    """Many records are of the same second, and all else of a moment takes ten times as long."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def text_field(text: str, longest: int) -> str:
    """Text that somebody else chose, as a field that ends where it should."""
    text = text[:longest]
    return text.translate(_ESCAPED) if _special(text) else text


def cut_to_bytes(text: str, longest: int) -> str:
    """The beginning of a text that has at most `longest` bytes, in whole characters."""
    if text.isascii():
        return text[:longest]
    return text.encode("utf-8", "replace")[:longest].decode("utf-8", "ignore")
