"""The beginning of a file as a page can show it; nothing of it is ever run or rendered."""

import csv
import io
import json
from dataclasses import dataclass, field

HEAD_BYTES = 64 * 1024
_MOST_ROWS, _MOST_COLUMNS, _LONGEST_CELL = 50, 20, 200
_MOST_CHARACTERS = 20_000
_LONGEST_IMAGE = 20 * 1000 * 1000
# Pictures without scripts; browsers show no others here.
_IMAGES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp", "image/avif"})
_DELIMITERS = {"text/csv": ",", "text/tab-separated-values": "\t"}


@dataclass(frozen=True, slots=True)
class Preview:
    """Text, rows of a table, an image, or none of them; `cut` when there is more of it."""

    text: str = ""
    rows: list[list[str]] = field(default_factory=list)
    is_image: bool = False
    cut: bool = False


def preview_of(content_type: str, head: bytes, size: int) -> Preview:
    """What to show of a file that begins so."""
    media = content_type.partition(";")[0].strip().lower()
    if media in _IMAGES:
        return Preview(is_image=size <= _LONGEST_IMAGE)
    text = _decode(head, is_whole=len(head) == size)
    if not text:
        return Preview()
    is_cut = len(head) < size
    if media in _DELIMITERS:
        return _table(text, _DELIMITERS[media], is_cut=is_cut)
    if media == "application/json" and not is_cut:
        text = _laid_out(text)
    return Preview(text[:_MOST_CHARACTERS], cut=is_cut or len(text) > _MOST_CHARACTERS)


def _decode(head: bytes, *, is_whole: bool) -> str:
    """As UTF-8, whose last character may be missing some bytes; "" for what is no text."""
    for missing in range(1 if is_whole else 4):
        try:
            text = head[: len(head) - missing].decode()
        except UnicodeDecodeError:
            continue
        return "" if "\0" in text else text
    return ""


def _table(text: str, delimiter: str, *, is_cut: bool) -> Preview:
    rows: list[list[str]] = []
    try:
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter):
            rows.append([cell[:_LONGEST_CELL] for cell in row[:_MOST_COLUMNS]])
            if len(rows) > _MOST_ROWS:
                break
    except csv.Error:
        return Preview(text[:_MOST_CHARACTERS], cut=True)
    if is_cut and len(rows) <= _MOST_ROWS:
        # The last one may end in the middle.
        rows = rows[:-1]
    return Preview(rows=rows[:_MOST_ROWS], cut=is_cut or len(rows) > _MOST_ROWS)


def _laid_out(text: str) -> str:
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return text
