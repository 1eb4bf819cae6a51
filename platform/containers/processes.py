"""One running sandbox: its first process, its control group, its folder."""

import os
import select
import shutil
import signal
import subprocess
import threading
from contextlib import suppress
from pathlib import Path

import psutil

from algoport.containers import cgroups
from algoport.containers.egress import EgressProxy
from algoport.containers.engine import Limits, Runner
from algoport.containers.errors import SandboxNotEnded

_KILL_SECONDS = 10


class Sandbox(Runner):
    """One bubblewrap process with everything below it."""

    def __init__(
        self,
        identifier: str,
        folder: Path,
        process: "subprocess.Popen[bytes]",
        group: cgroups.ControlGroup | None,
        limits: Limits,
        egress: EgressProxy | None,
    ) -> None:
        self.id = identifier
        self.folder = folder
        self.process = process
        self.limits = limits
        self.agent_socket = folder / "agent.sock"
        self.platform_socket = folder / "platform.sock"
        self._group = group
        self._egress = egress
        self._first: int | None = None
        self._lifeline: int | None = None
        self._reason = ""
        self._lock = threading.Lock()
        self._cleaned = False

    @property
    def exit_reason(self) -> str:
        self._note_end()
        return self._reason

    def is_alive(self) -> bool:
        return self.process.poll() is None

    def wait(self) -> int:
        """The exit code of its first command, when it has ended."""
        return self.process.wait()

    def hold(self, first: int | None, lifeline: int) -> None:
        """Keep the pipe whose end tells the agent that we died, and the first process inside."""
        self._lifeline = lifeline
        if first is not None:
            self._first = os.pidfd_open(first)

    def kill(self, reason: str = "killed") -> None:
        with self._lock:
            if self.process.poll() is None and not self._reason:
                self._reason = reason
            if not self._cleaned:
                self._end_all()
        self.process.wait()
        self._note_end()
        self._clean()

    def _end_all(self) -> None:
        """Kill the first process inside and wait: it is gone only when all the others are.

        bwrap itself ends earlier, on its own or by a signal, and says nothing about them.
        """
        if self._first is not None:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._first, signal.SIGKILL)
            ended = select.poll()
            ended.register(self._first, select.POLLIN)
            if not ended.poll(_KILL_SECONDS * 1000):
                raise SandboxNotEnded(f"sandbox {self.id} did not end in {_KILL_SECONDS} seconds")
        self.process.kill()

    def uses_more_memory_than(self, most: int) -> bool:
        """Whether all its processes together hold more; a page they share counts once."""
        tree = self._processes()
        # The quick sum counts shared pages for each process; only what exceeds is looked at closer.
        if sum(_memory_of(process, exact=False) for process in tree) <= most:
            return False
        return sum(_memory_of(process, exact=True) for process in tree) > most

    def _processes(self) -> list[psutil.Process]:
        try:
            return psutil.Process(self.process.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return []

    @property
    def has_group(self) -> bool:
        return self._group is not None

    def _note_end(self) -> None:
        if self.process.poll() is None or self._cleaned:
            return
        with self._lock:
            if self._group is not None and self._group.out_of_memory():
                self._reason = "oom"
            self._reason = self._reason or "exited"

    def _clean(self) -> None:
        with self._lock:
            if self._cleaned:
                return
            self._cleaned = True
            for stream in (self.process.stdout, self.process.stderr):
                if stream is not None:
                    stream.close()
            for descriptor in (self._first, self._lifeline):
                if descriptor is not None:
                    os.close(descriptor)
            if self._group is not None:
                self._group.remove()
            if self._egress is not None:
                self._egress.close()
            shutil.rmtree(self.folder, ignore_errors=True)


def _memory_of(process: psutil.Process, *, exact: bool) -> int:
    try:
        return int(process.memory_full_info().pss if exact else process.memory_info().rss)
    except psutil.AccessDenied:
        return int(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0
