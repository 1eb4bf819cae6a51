"""Starting processes that cannot outlive the one that started them, and looking at others."""

import ctypes
import os
import pwd
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Program:
    """A command, and how it wants to be started and stopped."""

    name: str
    command: tuple[str, ...]
    folder: Path
    environ: dict[str, str]
    log: Path
    stop_signal: signal.Signals = signal.SIGTERM
    grace_seconds: float = 5.0
    # Sent by the kernel when the launcher is gone; nobody is left then to enforce a grace.
    orphan_signal: signal.Signals = signal.SIGTERM
    user: pwd.struct_passwd | None = None
    inherited: tuple[int, ...] = field(default=())


@dataclass(frozen=True)
class ProcessStatus:
    """One row of the process table, from /proc/PID/stat."""

    pid: int
    parent: int
    session: int
    start_time: int
    is_zombie: bool


def die_with_parent(number: signal.Signals, parent: int) -> None:
    """Have the kernel send `number` to this process when the thread that made it ends.

    A change of user clears this, so it comes after one.
    """
    _prctl(_PR_SET_PDEATHSIG, number)
    if os.getppid() != parent:
        os.kill(os.getpid(), number)


def adopt_orphans() -> None:
    """Become the parent of descendants whose own parent ends, so that none can get lost."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def start_program(program: Program) -> int:
    """Start it in a session of its own, output to its log; returns its pid."""
    # Before the fork: a child that cannot open its log would have nowhere to say so.
    log = os.open(program.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        return _fork(lambda parent: _become(program, log, parent))
    finally:
        os.close(log)


def start_step(step: Callable[[], int]) -> int:
    """Run `step` in a copy of this process; its result is the exit status. Returns the pid."""

    def body(parent: int) -> None:
        die_with_parent(signal.SIGKILL, parent)
        signal.signal(signal.SIGTERM, _leave)
        os._exit(_exit_status(step))

    return _fork(body)


def read_status(pid: int) -> ProcessStatus | None:
    """The row of this process, if there is one."""
    try:
        raw = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The name, in parentheses, may itself contain spaces and parentheses.
    fields = raw.rpartition(")")[2].split()
    return ProcessStatus(
        pid=pid,
        parent=int(fields[1]),
        session=int(fields[3]),
        start_time=int(fields[19]),
        is_zombie=fields[0] in "ZX",
    )


def process_table() -> list[ProcessStatus]:
    """Every process that this one can see."""
    return list(_rows())


def descendants_of(pid: int, table: list[ProcessStatus]) -> list[ProcessStatus]:
    """Its children, their children, and so on."""
    found: list[ProcessStatus] = []
    parents = {pid}
    while parents:
        children = [row for row in table if row.parent in parents]
        found += children
        parents = {row.pid for row in children}
    return found


def send_signal(pid: int, number: signal.Signals) -> None:
    """Send a signal to a process that may have ended already."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def _rows() -> Iterator[ProcessStatus]:
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            row = read_status(int(entry))
            if row is not None:
                yield row


def _prctl(option: int, value: int) -> None:
    if _libc.prctl(option, value, 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"prctl({option}): {os.strerror(number)}")


def _fork(body: Callable[[int], None]) -> int:
    # What is buffered would be written twice.
    sys.stdout.flush()
    sys.stderr.flush()
    parent = os.getpid()
    pid = os.fork()
    if pid:
        return pid
    try:
        os.setsid()
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        body(parent)
    except BaseException:
        # The frame above belongs to the launcher: nothing may return into it.
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(127)


def _become(program: Program, log: int, parent: int) -> NoReturn:
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(log, 1)
    os.dup2(log, 2)
    for descriptor in program.inherited:
        os.set_inheritable(descriptor, True)
    os.chdir(program.folder)
    if program.user is not None:
        os.initgroups(program.user.pw_name, program.user.pw_gid)
        os.setgid(program.user.pw_gid)
        os.setuid(program.user.pw_uid)
    die_with_parent(program.orphan_signal, parent)
    os.execve(program.command[0], program.command, program.environ)  # noqa: S606 (no shell)


def _exit_status(step: Callable[[], int]) -> int:
    try:
        status = step()
    except SystemExit:
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    return status


def _leave(number: int, frame: object) -> NoReturn:
    raise SystemExit(1)
