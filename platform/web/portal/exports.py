"""Lists as CSV: streamed, and harmless to the spreadsheet that opens them."""

import csv
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from functools import partial
from io import StringIO
from itertools import islice
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, StreamingHttpResponse

from algoport.http.streaming import stream

_BATCH = 500
# What spreadsheets take for the beginning of a formula.
_DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\n")


def cell(value: Any) -> str:
    """The text of a value; one that would be a formula gets an apostrophe in front of it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (int, float)):
        return str(value)
    text = value.isoformat() if isinstance(value, datetime) else str(value)
    return f"'{text}" if text.startswith(_DANGEROUS) else text


def csv_response(
    request: HttpRequest,
    filename: str,
    header: list[str],
    queryset: QuerySet,
    cells: Callable[[list[Any]], Iterable[list[Any]]],
) -> StreamingHttpResponse:
    """The rows of a list; `cells` makes the lines of a batch of them."""
    content = stream(request, partial(_lines, header, queryset, cells))
    response = StreamingHttpResponse(content, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{filename}.csv"'
    response["Cache-Control"] = "no-store"
    return response


def _lines(
    header: list[str], queryset: QuerySet, cells: Callable[[list[Any]], Iterable[list[Any]]]
) -> Iterator[bytes]:
    yield _encoded([header])
    rows = queryset.iterator(chunk_size=_BATCH)
    while batch := list(islice(rows, _BATCH)):
        yield _encoded([[cell(each) for each in line] for line in cells(batch)])


def _encoded(lines: list[list[str]]) -> bytes:
    out = StringIO()
    csv.writer(out).writerows(lines)
    return out.getvalue().encode()
