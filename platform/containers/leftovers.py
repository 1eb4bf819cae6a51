"""Telling what a dead worker left behind from what belongs to a live one."""

import fcntl
from contextlib import suppress
from pathlib import Path

import psutil


def worker_mark(token: str) -> str:
    """Argument of every process of bwrap and every agent that a worker started."""
    return f"--worker={token}:"


def kill_processes_of(token: str) -> None:
    """Kill what a worker started and was killed before bwrap could tie its life to ours."""
    mark = worker_mark(token)
    for process in psutil.process_iter(["cmdline"]):
        if any(each.startswith(mark) for each in process.info["cmdline"] or ()):
            with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                process.kill()


def can_lock(path: Path) -> bool:
    """Whether nobody holds the lock, as a live worker does."""
    with path.open("r") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
