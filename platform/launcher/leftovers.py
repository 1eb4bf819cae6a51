"""Ending what a killed predecessor has left behind."""

import json
import os
import signal
import time
from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass
from pathlib import Path

from algoport.launcher.processes import ProcessStatus, process_table, read_status, send_signal

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
# The kernel has told them to end; a database may need to finish a checkpoint.
_PATIENCE_SECONDS = 10.0
_POLL_SECONDS = 0.05


@dataclass(frozen=True)
class ProcessRecord:
    """A started process; pids are used again, so the start time is part of its identity."""

    name: str
    pid: int
    start_time: int


class RecordBook:
    """The file that tells the next start which processes this one had."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._records: dict[int, ProcessRecord] = {}

    def add(self, name: str, pid: int) -> None:
        status = read_status(pid)
        if status is not None:
            self._records[pid] = ProcessRecord(name, pid, status.start_time)
            self._write()

    def remove(self, pid: int) -> None:
        if self._records.pop(pid, None) is not None:
            self._write()

    def close(self) -> None:
        """Nothing is left for a next start to look for."""
        self._path.unlink(missing_ok=True)

    def _write(self) -> None:
        draft = self._path.with_suffix(".new")
        rows = [asdict(record) for record in self._records.values()]
        draft.write_text(json.dumps({"boot_id": boot_id(), "processes": rows}))
        draft.replace(self._path)


def boot_id() -> str:
    """Identity of this run of the kernel: start times count from its boot."""
    return _BOOT_ID.read_text().strip()


def read_records(path: Path) -> list[ProcessRecord]:
    """What the predecessor has recorded, unless the machine was started anew since."""
    try:
        content = json.loads(path.read_text())
    except FileNotFoundError:
        return []
    if content["boot_id"] != boot_id():
        return []
    return [ProcessRecord(**row) for row in content["processes"]]


def still_running(
    records: Collection[ProcessRecord], table: Collection[ProcessStatus]
) -> list[ProcessStatus]:
    """Recorded processes that live, and members of sessions whose recorded leader is dead.

    The kernel gives no pid away that still names a session, so such members are the leader's.
    """
    rows = {row.pid: row for row in table}
    sessions = set()
    for record in records:
        leader = rows.get(record.pid)
        if leader is None or leader.start_time == record.start_time:
            sessions.add(record.pid)
    return [row for row in table if row.session in sessions and not row.is_zombie]


def end_leftovers(records: Collection[ProcessRecord]) -> None:
    """Return when none of the recorded processes runs; kills what does not end in time."""
    _end(lambda: [row.pid for row in still_running(records, process_table())], None)


def end_processes_in(folder: Path) -> None:
    """End processes whose working folder this is, as PostgreSQL's is its data folder."""
    _end(lambda: _pids_in(folder), signal.SIGQUIT)


def _end(find: Callable[[], list[int]], first: signal.Signals | None) -> None:
    pids = find()
    if first is not None:
        for pid in pids:
            send_signal(pid, first)
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while pids:
        if time.monotonic() > deadline:
            for pid in pids:
                send_signal(pid, signal.SIGKILL)
        time.sleep(_POLL_SECONDS)
        pids = find()


def _pids_in(folder: Path) -> list[int]:
    found = []
    for row in process_table():
        try:
            if os.readlink(f"/proc/{row.pid}/cwd") == str(folder):
                found.append(row.pid)
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            # Ended meanwhile, or somebody else's: nobody else runs in our folders.
            continue
    return found
