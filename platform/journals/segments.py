"""Records on their way to the database: lines appended to a file before a request is answered.

A line that was written survives the kill of its process, and of Valkey and PostgreSQL as well
(docs/adr/0008). Each process has a segment of its own, which it holds locked and closes now and
then by renaming it; a worker writes closed segments, and those of dead processes, to PostgreSQL.
"""

import fcntl
import os
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

OPEN, CLOSED, UNREADABLE = ".open", ".closed", ".unreadable"
SEGMENT_SECONDS = 0.5


class SegmentWriter:
    """The segment that this process writes to; any of its threads may."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._descriptor: int | None = None
        self._path = folder
        self._since = 0.0
        # A worker's builds serve the API in a thread beside the loop of its queued calls.
        self._lock = threading.Lock()

    def append(self, line: bytes) -> None:
        """Write one line; on return it will not be lost. Raises OSError when it cannot be kept."""
        with self._lock:
            if self._descriptor is None:
                self._open()
            assert self._descriptor is not None
            os.write(self._descriptor, line)

    def tend(self) -> None:
        """To be called often: let the worker have what was written."""
        if self._descriptor is not None and time.monotonic() - self._since >= SEGMENT_SECONDS:
            self.close()

    def close(self) -> None:
        with self._lock:
            if self._descriptor is not None:
                self._path.rename(self._path.with_suffix(CLOSED))
                os.close(self._descriptor)
                self._descriptor = None

    def _open(self) -> None:
        self._path, self._descriptor = open_segment(self._folder)
        self._since = time.monotonic()


def open_segment(folder: Path) -> tuple[Path, int]:
    """A new segment, which is this process's to write to while it has the descriptor."""
    path = folder / f"{time.time_ns()}-{uuid.uuid4().hex[:8]}{OPEN}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
    descriptor = os.open(path, flags, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return path, descriptor


def finished_segments(folder: Path, rested: float = 1.0) -> list[Path]:
    """Segments that nobody writes to any more, oldest first.

    One of a process that died is left alone until it has rested for so many seconds.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    segments = sorted(folder.glob(f"*{CLOSED}"))
    for path in folder.glob(f"*{OPEN}"):
        # A process that dies between making a segment and locking it has written nothing yet.
        if _has_rested(path, rested) and _is_abandoned(path):
            segments.append(path)
    return segments


@contextmanager
def held(segment: Path) -> Iterator[int | None]:
    """The segment opened for reading, or None when another worker has it or it is gone."""
    try:
        descriptor = os.open(segment, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        yield None
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # The other may have removed it between our open and our lock.
        yield descriptor if segment.exists() else None
    except BlockingIOError:
        yield None
    finally:
        os.close(descriptor)


def _has_rested(path: Path, seconds: float) -> bool:
    try:
        return time.time() - path.stat().st_mtime > seconds
    except FileNotFoundError:
        return False  # It was closed meanwhile.


def _is_abandoned(path: Path) -> bool:
    with held(path) as descriptor:
        return descriptor is not None
