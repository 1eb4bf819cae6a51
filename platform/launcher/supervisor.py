"""Keeps programs running, and stops them in order; one thread, driven by signals."""

import os
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from algoport.launcher.errors import StartRefused, StopRequested
from algoport.launcher.folders import last_lines
from algoport.launcher.leftovers import RecordBook
from algoport.launcher.processes import (
    Program,
    adopt_orphans,
    descendants_of,
    process_table,
    send_signal,
    start_program,
    start_step,
)

_STOP_SIGNALS = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP}
_POLL_SECONDS = 0.02
_STEP_GRACE_SECONDS = 3.0
# A program that ran this long had started well: its next failure is its first.
_SETTLED_SECONDS = 30.0
# One that ended sooner has not started: why is in its log.
_START_SECONDS = 5.0
_FIRST_DELAY_SECONDS = 0.5
_LONGEST_DELAY_SECONDS = 30.0
_IDLE_SECONDS = 3600.0

Say = Callable[[str], None]


@dataclass
class Child:
    """A program with the process that runs it now, if one does."""

    program: Program
    pid: int | None = None
    started_at: float = 0.0
    failures: int = 0
    restart_at: float | None = None


class Supervisor:
    """Starts, watches, restarts and stops children of this process."""

    def __init__(self, records: RecordBook, say: Say) -> None:
        self._records = records
        self._say = say
        self._children: list[Child] = []
        self._ended: dict[int, int] = {}
        self._stop_signals = 0
        self._signals = {signal.SIGCHLD, *_STOP_SIGNALS}
        if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
            self._signals.remove(signal.SIGHUP)  # Started by nohup.

    def take_signals(self) -> None:
        """From here on a signal to stop is noted, not acted upon, until somebody pauses."""
        # Ignored by whoever started this process, it would hide how children end.
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_BLOCK, self._signals)
        adopt_orphans()

    def run_step(self, name: str, step: Callable[[], int]) -> int:
        """Run a step in a process of its own and return its status. Raises StopRequested."""
        return self.finish_step(self.begin_step(name, step))

    def begin_step(self, name: str, step: Callable[[], int]) -> int:
        """Start a step, to be waited for by `finish_step`; returns the pid of its process."""
        pid = start_step(step)
        self._records.add(name, pid)
        return pid

    def finish_step(self, pid: int) -> int:
        """Wait for a step that was begun and return its status. Raises StopRequested."""
        try:
            while pid not in self._ended:
                self._pause(_IDLE_SECONDS)
                self._raise_if_stopping()
            return self._ended.pop(pid)
        finally:
            self._end_session(pid, signal.SIGTERM, _STEP_GRACE_SECONDS)
            self._records.remove(pid)

    def start(self, program: Program) -> None:
        """Start a program that shall run until `stop`."""
        child = Child(program)
        self._children.append(child)
        self._launch(child)

    def wait_until(self, condition: Callable[[], bool], name: str, seconds: float) -> None:
        """Wait for program `name` to be ready; its end is a refusal with the end of its log."""
        deadline = time.monotonic() + seconds
        child = next(child for child in self._children if child.program.name == name)
        while not condition():
            self._pause(_POLL_SECONDS)
            self._raise_if_stopping()
            if child.pid in self._ended:
                raise StartRefused(self._epitaph(child, "ended while it was starting"))
            if time.monotonic() > deadline:
                raise StartRefused(self._epitaph(child, f"is not ready after {seconds:.0f} s"))

    def watch(self) -> None:
        """Restart what ends, until a signal asks to stop."""
        while not self._stop_signals:
            now = time.monotonic()
            for child in self._children:
                self._look_after(child, now)
            due = [child.restart_at - now for child in self._children if child.restart_at]
            self._pause(max(0.0, min([*due, _IDLE_SECONDS])))

    def stop(self, order: Sequence[Sequence[str]]) -> None:
        """Stop the programs, one group after the other, and whatever they have left behind."""
        for names in order:
            self._stop_group([child for child in self._children if child.program.name in names])
        self._kill_rest()
        self._records.close()

    def _launch(self, child: Child) -> None:
        child.pid = start_program(child.program)
        child.started_at = time.monotonic()
        child.restart_at = None
        self._records.add(child.program.name, child.pid)

    def _look_after(self, child: Child, now: float) -> None:
        if child.pid in self._ended:
            assert child.pid is not None
            how = describe_end(self._ended.pop(child.pid))
            # Its workers hold what the next one needs.
            self._end_session(child.pid, signal.SIGKILL, 0)
            self._records.remove(child.pid)
            child.pid = None
            if now - child.started_at > _SETTLED_SECONDS:
                child.failures = 0
            delay = restart_delay(child.failures)
            child.failures += 1
            child.restart_at = now + delay
            when = f"in {delay:g} s" if delay else "now"
            self._say(f"{child.program.name} {how}; starting it again {when}")
            if now - child.started_at < _START_SECONDS:
                self._say(last_lines(child.program.log, 8))
        if child.restart_at is not None and child.restart_at <= now:
            self._launch(child)

    def _stop_group(self, children: list[Child]) -> None:
        running = [child for child in children if child.pid is not None]
        began = time.monotonic()
        for child in running:
            assert child.pid is not None
            send_signal(child.pid, child.program.stop_signal)
        for child in running:
            assert child.pid is not None
            deadline = began + child.program.grace_seconds
            # A second signal means: do not wait.
            while child.pid not in self._ended and self._stop_signals < 2:
                left = deadline - time.monotonic()
                if left <= 0:
                    self._say(f"{child.program.name} did not stop in time; killing it")
                    break
                self._pause(left)
            self._end_session(child.pid, signal.SIGKILL, 0)
            child.pid = None

    def _end_session(self, leader: int, number: signal.Signals, grace: float) -> None:
        """Signal every process of a session and wait for them; SIGKILL after the grace."""
        deadline = time.monotonic() + grace
        for pid in _session(leader):
            send_signal(pid, number)
        while members := _session(leader):
            # Again and again: one that was killed may have started another meanwhile.
            if number == signal.SIGKILL or time.monotonic() > deadline:
                for pid in members:
                    send_signal(pid, signal.SIGKILL)
            self._pause(_POLL_SECONDS)
        self._reap()

    def _kill_rest(self) -> None:
        """Kill every descendant: those whose parents ended have become our children."""
        while rest := [row.pid for row in descendants_of(os.getpid(), process_table())]:
            for pid in rest:
                send_signal(pid, signal.SIGKILL)
            self._pause(_POLL_SECONDS)
            self._reap()

    def _pause(self, seconds: float) -> None:
        """Sleep until a signal comes, at most so long, and take note of it."""
        received = signal.sigtimedwait(self._signals, seconds)
        if received is None:
            return
        if received.si_signo == signal.SIGCHLD:
            self._reap()
        else:
            self._stop_signals += 1

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            self._ended[pid] = os.waitstatus_to_exitcode(status)

    def _raise_if_stopping(self) -> None:
        if self._stop_signals:
            raise StopRequested

    def _epitaph(self, child: Child, what: str) -> str:
        log = child.program.log
        return f"{child.program.name} {what}; the end of {log}:\n{last_lines(log)}"


def restart_delay(failures: int) -> float:
    """Seconds before the next start after so many failures in a row: at once at first."""
    if failures == 0:
        return 0.0
    return min(_LONGEST_DELAY_SECONDS, _FIRST_DELAY_SECONDS * 2.0 ** (failures - 1))


def describe_end(status: int) -> str:
    """How a process ended, in words."""
    if status < 0:
        return f"was killed by {signal.Signals(-status).name}"
    return f"ended with status {status}"


def _session(leader: int) -> list[int]:
    return [row.pid for row in process_table() if row.session == leader and not row.is_zombie]
