"""Lines of journals, in PostgreSQL's text format of COPY: fields between tabs."""

from dataclasses import dataclass
from datetime import UTC, datetime

NO_VALUE = "\\N"
_ESCAPED = {ord("\\"): "\\\\", ord("\t"): "\\t", ord("\n"): "\\n", ord("\r"): "\\r", 0: None}


@dataclass(frozen=True)
class RecordKind:
    """The table that lines of a journal go to, and its columns in the order of a line."""

    table: str
    columns: tuple[str, ...]


def moment_field(seconds: float) -> str:
    """Seconds since 1970 as PostgreSQL reads them."""
    return datetime.fromtimestamp(seconds, UTC).isoformat()


def text_field(text: str, longest: int) -> str:
    """Text that somebody else chose, as a field that ends where it should."""
    return text[:longest].translate(_ESCAPED)


def cut_to_bytes(text: str, longest: int) -> str:
    """The beginning of a text that has at most `longest` bytes, in whole characters."""
    return text.encode("utf-8", "replace")[:longest].decode("utf-8", "ignore")
