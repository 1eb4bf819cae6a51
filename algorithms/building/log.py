"""The log of a build, streamed into the database while it runs."""

import codecs
import threading
import time

from django.db import connection

from algorithms.building.leases import LeaseLost
from algorithms.constants import LONGEST_LOG_CHARACTERS, BuildState
from algorithms.models import Build

_FLUSH_SECONDS = 0.1
_FLUSH_CHARACTERS = 16 * 1024
_INSERT = """
    INSERT INTO algorithms_buildlogline (build_id, text)
    SELECT id, %s FROM algorithms_build WHERE id = %s AND attempt = %s AND state = %s
"""


class BuildLog:
    """Writer of one attempt's log; every write names the attempt. Used by one thread at a time."""

    def __init__(self, build: Build) -> None:
        self._build = build
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._pending: list[str] = []
        self._characters = 0
        self._written = 0
        self._flushed_at = 0.0
        self._lock = threading.Lock()

    def line(self, text: str) -> None:
        """Write one line of ours at once."""
        self._append(text + "\n")
        self.flush()

    def output(self, data: bytes) -> None:
        """Take output of a step; it reaches the database within a moment."""
        self._append(self._decoder.decode(data))
        due = time.monotonic() - self._flushed_at > _FLUSH_SECONDS
        if due or self._characters > _FLUSH_CHARACTERS:
            self.flush()

    def flush(self) -> None:
        """Raises LeaseLost when another attempt has the build."""
        with self._lock:
            text, self._pending, self._characters = "".join(self._pending), [], 0
            self._flushed_at = time.monotonic()
        if not text:
            return
        with connection.cursor() as cursor:
            build = self._build
            # PostgreSQL text cannot hold NUL.
            clean = text.replace("\x00", "\N{REPLACEMENT CHARACTER}")
            cursor.execute(_INSERT, [clean, build.pk, build.attempt, BuildState.IN_PROGRESS])
            if cursor.rowcount == 0:
                raise LeaseLost

    def _append(self, text: str) -> None:
        with self._lock:
            room = LONGEST_LOG_CHARACTERS - self._written
            if room <= 0:
                return
            if len(text) > room:
                text = text[:room] + "\n[the log is cut here: it is too long]\n"
            self._written += len(text)
            self._characters += len(text)
            self._pending.append(text)
