"""The journals of calls, and of those that failed (docs/adr/0008)."""

import logging

from algoport.journals.segments import SegmentWriter
from algorithms.errors import RunFailed
from algorithms.features.switching import Switch
from algorithms.metering.records import CallRecord, error_line

logger = logging.getLogger(__name__)


class Journal(SegmentWriter):
    """The records of calls."""

    def write(self, record: CallRecord, status: int, error_type: str, bytes_out: int) -> None:
        """Record a call that has ended; on return it will not be lost."""
        self.append(record.line(status, error_type, bytes_out))


class ErrorJournal(SegmentWriter):
    """The entries of the error log (spec.md 3.12).

    Nothing is written unless its feature is on for the owner of the algorithm that failed.
    """

    switch = Switch()

    def write(self, record: CallRecord, request: bytes, failure: RunFailed) -> None:
        """Note a call that failed in its algorithm; `request` is the line that it was given.

        A call is answered even when its entry cannot be kept.
        """
        if not self.switch.is_on_for(record.target.owner_id):
            return
        try:
            self.append(error_line(record, request, failure))
        except OSError as exc:
            logger.error("an entry of the error log is lost: %s", exc)
