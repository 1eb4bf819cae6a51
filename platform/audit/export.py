"""Entries as CSV."""

import csv
import json
from collections.abc import Iterator
from io import StringIO

from django.db.models import QuerySet

from algoport.audit.models import AuditEntry
from algoport.audit.selectors import each_entry

_COLUMNS = tuple(field.attname for field in AuditEntry._meta.concrete_fields)
# What a spreadsheet would take for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def csv_lines(rows: QuerySet[AuditEntry]) -> Iterator[bytes]:
    """A head with the names of the columns, and a line for each entry, some of them at a time."""
    yield _lines([list(_COLUMNS)])
    for batch in each_entry(rows):
        yield _lines([[_cell(getattr(entry, name)) for name in _COLUMNS] for entry in batch])


def _lines(rows: list[list[str]]) -> bytes:
    out = StringIO()
    csv.writer(out).writerows(rows)
    return out.getvalue().encode()


def _cell(value: object) -> str:
    if value is None:
        return ""
    text = json.dumps(value, sort_keys=True) if isinstance(value, dict | list) else str(value)
    # SECURITY: names are chosen by users, and whoever opens the file is an administrator.
    return f"'{text}" if text.startswith(_FORMULA) else text
