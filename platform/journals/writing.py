"""Writing the journals' segments to PostgreSQL, each once."""

import logging
import os
from pathlib import Path

from django.db import DataError, IntegrityError, connection, transaction

from algoport.journals.records import RecordKind
from algoport.journals.segments import UNREADABLE, finished_segments, held

logger = logging.getLogger(__name__)


def write_records(folder: Path, kind: RecordKind, rested: float = 1.0) -> int:
    """Write what the folder's finished segments hold; how many rows that made.

    `rested` is how many seconds those of dead processes are left alone for. Killed at any point, it
    is done again: a record that is there already is left as it is.
    """
    written = 0
    for segment in finished_segments(folder, rested):
        with held(segment) as descriptor:
            if descriptor is None:
                continue
            try:
                written += _write(descriptor, kind)
            except DataError as exc:
                # Cut off by a full disk, say. The others must not wait for somebody to look at it.
                logger.error("%s cannot be read and is kept for you to look at: %s", segment, exc)
                segment.rename(segment.with_suffix(UNREADABLE))
                continue
            segment.unlink()
    return written


def _write(descriptor: int, kind: RecordKind) -> int:
    names = ", ".join(kind.columns)
    try:
        return _copy(descriptor, f"COPY {kind.table} ({names}) FROM STDIN")
    except IntegrityError:
        # Some of it is there already: whoever wrote it was killed before the segment was removed.
        return _copy_new(descriptor, kind.table, names)


@transaction.atomic
def _copy(descriptor: int, statement: str) -> int:
    os.lseek(descriptor, 0, os.SEEK_SET)
    with connection.cursor() as cursor, os.fdopen(os.dup(descriptor), "rb") as segment:
        # The ORM's cursor passes this one on without making its errors the ORM's.
        with connection.wrap_database_errors:
            cursor.copy_expert(statement, segment)
        return int(cursor.rowcount)


@transaction.atomic
def _copy_new(descriptor: int, table: str, names: str) -> int:
    """Copy what is not there yet; all names are our own."""
    incoming = f"incoming_{table}"
    with connection.cursor() as cursor:
        cursor.execute(
            f"CREATE TEMPORARY TABLE {incoming} ON COMMIT DROP AS "  # noqa: S608
            f"SELECT {names} FROM {table} WITH NO DATA"
        )
        _copy(descriptor, f"COPY {incoming} ({names}) FROM STDIN")
        cursor.execute(
            f"INSERT INTO {table} ({names}) "  # noqa: S608
            f"SELECT {names} FROM {incoming} ON CONFLICT DO NOTHING"
        )
        return int(cursor.rowcount)
