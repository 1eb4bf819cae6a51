"""Control groups for sandboxes, version 1 and 2, where this process may make them."""

import errno
import os
import time
from contextlib import suppress
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
FOLDER = "algoport"
_PERIOD_MICROSECONDS = 100_000
# A group is empty from its making until its sandbox is let go, which takes seconds at most.
_ABANDONED_SECONDS = 120


class ControlGroup:
    """Limits and counts one sandbox's processes together."""

    def __init__(self, folders: list[Path], unified: bool) -> None:
        self._folders = folders
        self._unified = unified

    def add(self, pid: int) -> None:
        for folder in self._folders:
            (folder / "cgroup.procs").write_text(str(pid))

    def limit(self, memory_bytes: int, pids: int, cpus: float) -> None:
        """Processor time is limited where the kernel lets us have its controller."""
        quota = int(cpus * _PERIOD_MICROSECONDS)
        for folder in self._folders:
            if (folder / "cpu.max").exists():
                (folder / "cpu.max").write_text(f"{quota} {_PERIOD_MICROSECONDS}")
            if (folder / "cpu.cfs_quota_us").exists():
                _write_cpu_limit(folder / "cpu.cfs_period_us", _PERIOD_MICROSECONDS)
                _write_cpu_limit(folder / "cpu.cfs_quota_us", quota)
            if (folder / "pids.max").exists():
                (folder / "pids.max").write_text(str(pids))
            if self._unified:
                (folder / "memory.max").write_text(str(memory_bytes))
                _write_if_there(folder / "memory.swap.max", "0")
                _write_if_there(folder / "memory.oom.group", "0")
            elif (folder / "memory.limit_in_bytes").exists():
                (folder / "memory.limit_in_bytes").write_text(str(memory_bytes))
                _write_if_there(folder / "memory.memsw.limit_in_bytes", str(memory_bytes))

    def out_of_memory(self) -> bool:
        """Whether the kernel has killed a process of it for memory."""
        name = "memory.events" if self._unified else "memory.oom_control"
        for folder in self._folders:
            path = folder / name
            if not path.exists():
                continue
            counts = dict(line.split() for line in path.read_text().splitlines())
            if int(counts.get("oom_kill", 0)) > 0:
                return True
        return False

    def processes(self) -> list[int]:
        return [int(pid) for pid in (self._folders[0] / "cgroup.procs").read_text().split()]

    def remove(self) -> None:
        """Remove it; its last processes may need a moment to be gone."""
        for folder in self._folders:
            for _ in range(100):
                try:
                    folder.rmdir()
                except FileNotFoundError:
                    break
                except OSError:
                    time.sleep(0.01)
                else:
                    break


def _write_cpu_limit(path: Path, microseconds: int) -> None:
    """Limit processor time by version 1, unless a group above is limited to less.

    The kernel does not take a share that is larger than an ancestor's, which holds in any case.
    """
    try:
        path.write_text(str(microseconds))
    except OSError as exc:
        if exc.errno != errno.EINVAL:
            raise


def _write_if_there(path: Path, text: str) -> None:
    """Write to a file that not every kernel has; one without swap accounting refuses it."""
    if path.exists():
        try:
            path.write_text(text)
        except OSError:
            return


def parents() -> tuple[list[Path], bool] | None:
    """The folders to make groups in, and whether they are version 2; None where we may not."""
    if os.geteuid() != 0:
        return None
    controllers = ROOT / "cgroup.controllers"
    if controllers.exists():
        return _unified_parent(controllers)
    wanted = [ROOT / "memory", ROOT / "pids"]
    if not all(path.is_dir() and os.access(path, os.W_OK) for path in wanted):
        return None
    # Not all that let us count memory let us share out processors.
    more = [path for path in [ROOT / "cpu"] if path.is_dir() and os.access(path, os.W_OK)]
    return [path / FOLDER for path in (*wanted, *more)], False


def limits_cpus() -> bool:
    """Whether processor time is limited here."""
    found = parents()
    if found is None:
        return False
    folders, unified = found
    if unified:
        return "cpu" in (folders[0] / "cgroup.subtree_control").read_text().split()
    return ROOT / "cpu" / FOLDER in folders


def _let_control(folder: Path) -> None:
    """Let groups below have controllers of their own. Raises OSError."""
    (folder / "cgroup.subtree_control").write_text("+memory +pids")
    with suppress(OSError):
        (folder / "cgroup.subtree_control").write_text("+cpu")


def _unified_parent(controllers: Path) -> tuple[list[Path], bool] | None:
    if not {"memory", "pids"} <= set(controllers.read_text().split()):
        return None
    folder = ROOT / FOLDER
    try:
        folder.mkdir(exist_ok=True)
        for level in (ROOT, folder):
            _let_control(level)
    except OSError:
        return None  # A container's own group, or a read-only tree: the watchdog does the work.
    return [folder], True


def make_group(token: str, name: str) -> ControlGroup | None:
    """A group for one sandbox of the runtime `token`."""
    found = parents()
    if found is None:
        return None
    folders, unified = found
    made = [folder / token / name for folder in folders]
    try:
        for folder in made:
            _make_folder(folder)
            if unified:
                _let_control(folder.parent)
    except OSError:
        return None
    return ControlGroup(made, unified)


def _make_folder(folder: Path) -> None:
    """Another worker may be removing the empty parent."""
    for attempt in range(5):
        folder.parent.mkdir(parents=True, exist_ok=True)
        try:
            folder.mkdir()
        except FileNotFoundError:
            if attempt == 4:
                raise
        else:
            return


def remove_abandoned(older_than: float = _ABANDONED_SECONDS) -> None:
    """Remove the empty groups of runtimes whose folders are gone, so that nobody else will.

    `older_than` in seconds; younger ones may be about to get their sandbox.
    """
    found = parents()
    for parent in found[0] if found is not None else []:
        for folder in [*parent.glob("*/*/"), *parent.glob("*/")]:
            # The kernel removes no group that has processes or groups in it.
            with suppress(OSError):
                if time.time() - folder.stat().st_mtime > older_than:
                    folder.rmdir()


def remove_groups(token: str) -> None:
    """Remove what a dead runtime left, its processes first."""
    found = parents()
    if found is None:
        return
    for parent in found[0]:
        if not (parent / token).is_dir():
            continue
        for folder in [*(parent / token).iterdir(), parent / token]:
            if folder.is_dir():
                group = ControlGroup([folder], found[1])
                for pid in group.processes():
                    with suppress(ProcessLookupError):  # It was ending by itself.
                        os.kill(pid, 9)
                group.remove()
