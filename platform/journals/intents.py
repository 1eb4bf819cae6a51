"""What a process has begun to do: found when it was killed amid it, and only then.

A line is written before the work begins, and its record (`segments`) when it has ended. Segments
whose work has all ended are removed; one that a dead process left is written to the records'
table, where those that are there already are left as they are.
"""

import os
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from algoport.journals.segments import SEGMENT_SECONDS, open_segment

# Long enough for the records of a dead process to have been written before its intents are.
REST_SECONDS = 10.0


@dataclass(eq=False)
class Intents:
    """A segment of intents, some of which have not ended."""

    path: Path
    descriptor: int
    since: float
    pending: int = 0

    def remove(self) -> None:
        self.path.unlink()
        os.close(self.descriptor)


class IntentWriter:
    """The segment that this process writes to; any of its threads may."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._current: Intents | None = None
        self._lock = threading.Lock()

    def begin(self, line: bytes) -> Intents:
        """Write one line; what is returned is to be given to `end`. Raises OSError."""
        with self._lock:
            self._retire()
            if self._current is None:
                path, descriptor = open_segment(self._folder)
                self._current = Intents(path, descriptor, time.monotonic())
            os.write(self._current.descriptor, line)
            self._current.pending += 1
            return self._current

    def end(self, intents: Intents) -> None:
        """The work that this was returned for has ended, and has its record."""
        with self._lock:
            intents.pending -= 1
            if not intents.pending and intents is not self._current:
                intents.remove()

    def close(self) -> None:
        with self._lock:
            self._retire(at_once=True)

    def _retire(self, *, at_once: bool = False) -> None:
        current = self._current
        if current is None:
            return
        if at_once or time.monotonic() - current.since >= SEGMENT_SECONDS:
            self._current = None
            if not current.pending:
                current.remove()
