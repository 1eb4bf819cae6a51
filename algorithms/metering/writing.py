"""Writing the journal's segments to PostgreSQL, each once."""

import logging
import os
from pathlib import Path

from django.db import connection, transaction

from algoport import metrics
from algorithms.metering.journal import finished_segments, held
from algorithms.metering.records import COLUMNS

logger = logging.getLogger(__name__)

_NAMES = ", ".join(COLUMNS)
# A call's line has at most a few hundred bytes; what is cut by a full disk has no line's end.
_SELECTED = _NAMES.replace("started_at", "to_timestamp(started_at)")

_STAGED = _NAMES.replace("started_at", "0::float8 AS started_at")
_STAGING = (  # names of our own
    "CREATE TEMPORARY TABLE IF NOT EXISTS incoming_calls ON COMMIT DELETE ROWS AS "  # noqa: S608
    f"SELECT {_STAGED} FROM algorithms_callrecord WITH NO DATA"
)
_INSERT = (
    f"INSERT INTO algorithms_callrecord ({_NAMES}) "  # noqa: S608  (names of our own)
    f"SELECT {_SELECTED} FROM incoming_calls ON CONFLICT DO NOTHING"
)


def write_call_records(folder: Path) -> int:
    """Write what has been recorded by now; how many records that were.

    Killed at any point, it is done again: a record that is there already is left as it is.
    """
    written = 0
    for segment in finished_segments(folder):
        with held(segment) as descriptor:
            if descriptor is None:
                continue
            written += _write(descriptor)
            segment.unlink()
    metrics.call_records_written.add(written)
    return written


@transaction.atomic
def _write(descriptor: int) -> int:
    with connection.cursor() as cursor:
        cursor.execute(_STAGING)
        with os.fdopen(os.dup(descriptor), "rb") as segment:
            cursor.copy_expert(f"COPY incoming_calls ({_NAMES}) FROM STDIN", segment)
        cursor.execute(_INSERT)
        return int(cursor.rowcount)
