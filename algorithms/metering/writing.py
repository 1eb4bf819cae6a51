"""Writing the journals' segments to PostgreSQL, each once."""

import os
from functools import cache
from pathlib import Path

from django.db import connection, transaction

from algoport import metrics
from algorithms.metering.journal import finished_segments, held
from algorithms.metering.records import CALLS, ERRORS, RecordKind


def write_call_records(folder: Path) -> int:
    """Write the calls that have been recorded by now; how many that were."""
    return write_records(folder, CALLS)


def write_algorithm_errors(folder: Path) -> int:
    """Write the entries of the error log that have been made by now; how many that were."""
    return write_records(folder, ERRORS)


def write_records(folder: Path, kind: RecordKind) -> int:
    """Write what the folder's finished segments hold; how many rows that made.

    Killed at any point, it is done again: a record that is there already is left as it is.
    """
    written = 0
    for segment in finished_segments(folder):
        with held(segment) as descriptor:
            if descriptor is None:
                continue
            written += _write(descriptor, kind)
            segment.unlink()
    metrics.call_records_written.add(written)
    return written


@transaction.atomic
def _write(descriptor: int, kind: RecordKind) -> int:
    staging, copy, insert = _statements(kind)
    with connection.cursor() as cursor:
        cursor.execute(staging)
        with os.fdopen(os.dup(descriptor), "rb") as segment:
            cursor.copy_expert(copy, segment)
        cursor.execute(insert)
        return int(cursor.rowcount)


@cache
def _statements(kind: RecordKind) -> tuple[str, str, str]:
    """Stage, copy and insert; all names in them are our own."""
    names = ", ".join(kind.columns)
    staged = ", ".join(
        f"0::float8 AS {name}" if name == kind.moment else name for name in kind.columns
    )
    selected = ", ".join(
        f"to_timestamp({name})" if name == kind.moment else name for name in kind.columns
    )
    incoming = f"incoming_{kind.table}"
    return (
        f"CREATE TEMPORARY TABLE IF NOT EXISTS {incoming} ON COMMIT DELETE ROWS AS "  # noqa: S608
        f"SELECT {staged} FROM {kind.table} WITH NO DATA",
        f"COPY {incoming} ({names}) FROM STDIN",
        f"INSERT INTO {kind.table} ({names}) "  # noqa: S608
        f"SELECT {selected} FROM {incoming} ON CONFLICT DO NOTHING",
    )
