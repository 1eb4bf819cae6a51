"""The worker's thread that writes the journals to PostgreSQL."""

import logging
import threading
from pathlib import Path

from django.conf import settings
from django.db import Error, connection

from algorithms.metering.writing import write_algorithm_errors, write_call_records
from dataportal.auditing.writing import write_data_accesses

logger = logging.getLogger(__name__)

WRITE_SECONDS = 1.0


class RecordWriter(threading.Thread):
    """Writes each second, over a connection of its own, and a last time when it is stopped.

    Not a periodic task: that would cost a message, a task and a new connection each time, which
    together are felt by calls.
    """

    def __init__(self) -> None:
        super().__init__(name="record-writer", daemon=True)
        self._stopping = threading.Event()

    def run(self) -> None:
        while not self._stopping.wait(WRITE_SECONDS):
            self._write()
        self._write()
        connection.close()

    def stop(self) -> None:
        self._stopping.set()
        self.join()

    def _write(self) -> None:
        for write, folder in (
            (write_call_records, settings.JOURNAL_FOLDER),
            (write_algorithm_errors, settings.ERROR_JOURNAL_FOLDER),
            (write_data_accesses, settings.DATA_JOURNAL_FOLDER),
        ):
            try:
                write(Path(folder))
            except Error as exc:
                # What was not written waits in its file, and the others do not wait for it.
                logger.warning("records cannot be written: %s", exc)
                connection.close()
