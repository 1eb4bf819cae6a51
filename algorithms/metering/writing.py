"""Writing the journals' segments to PostgreSQL, each once."""

from pathlib import Path

from algoport import metrics
from algoport.journals.writing import write_records
from algorithms.metering.records import CALLS, ERRORS


def write_call_records(folder: Path) -> int:
    """Write the calls that have been recorded by now; how many that were."""
    written = write_records(folder, CALLS)
    metrics.call_records_written.add(written)
    return written


def write_algorithm_errors(folder: Path) -> int:
    """Write the entries of the error log that have been made by now; how many that were."""
    return write_records(folder, ERRORS)
