"""Processes of a platform to be killed, and a second worker of it."""

import os
import random
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from tests.acceptance.platform import ROOT, Platform, wait_until

WORKER = "celery -A algoport --quiet worker"
SECOND = "second@"
# What its launcher starts again after a growing delay unless it ran for half a minute.
REST_SECONDS = 31.0
_LOCKS = Path("/proc/locks")


def kill(pid: int, number: int = signal.SIGKILL) -> bool:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True


class SecondWorker:
    """A worker beside the launcher's, started again whenever it has ended."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        launched = min(platform.processes(WORKER))
        command = Path(f"/proc/{launched}/cmdline").read_bytes()
        self._command = command.decode().removesuffix("\0").split("\0")
        self._process: subprocess.Popen[bytes] | None = None
        self.log = platform.data / "logs" / "worker-second.log"

    @property
    def pid(self) -> int | None:
        running = self._process is not None and self._process.poll() is None
        return self._process.pid if running and self._process is not None else None

    def tend(self) -> None:
        if self.pid is None:
            self._start()

    def _start(self) -> None:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*self._command, "--hostname", f"{SECOND}%h"],
                cwd=ROOT,
                env=self._platform.environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            # It may have been paused when something went wrong.
            self._process.send_signal(signal.SIGCONT)
            self._process.terminate()
            try:
                self._process.wait(30)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()


@dataclass
class Victims:
    """Finds processes of each kind."""

    platform: Platform
    second: SecondWorker

    @property
    def runners_folder(self) -> Path:
        return self.platform.data / "run" / "r"

    def tokens(self) -> list[str]:
        """Names of the workers that have sandboxes, as their folders tell."""
        return [each.name for each in self.runners_folder.iterdir() if each.is_dir()]

    def count_workers(self) -> int:
        """Workers that live and are ready for sandboxes."""
        return sum(is_locked(self.runners_folder / each / "lock") for each in self.tokens())

    def worker(self) -> int | None:
        """The launcher's worker."""
        pids = self.platform.processes(WORKER)
        pids = [pid for pid in pids if SECOND not in _command(pid)]
        return min(pids, default=None)

    def web_master(self) -> int | None:
        pids = set(self.platform.processes("gunicorn"))
        return next((pid for pid in pids if _parent(pid) not in pids), None)

    def web_processes(self) -> list[int]:
        pids = set(self.platform.processes("gunicorn"))
        return [pid for pid in pids if _parent(pid) in pids]

    def valkey(self) -> int | None:
        return next(iter(self.platform.processes("valkey-server")), None)

    def beat(self) -> int | None:
        return next(iter(self.platform.processes("celery -A algoport.beat --quiet beat")), None)

    def postmaster(self) -> int | None:
        try:
            pid = int((self.platform.data / "postgres" / "postmaster.pid").read_text().split()[0])
        except (FileNotFoundError, IndexError, ValueError):
            return None
        return pid if "postgres" in _command(pid) else None

    def backends(self) -> list[int]:
        master = self.postmaster()
        return [] if master is None else [pid for pid, parent in _parents() if parent == master]

    def sandbox_processes(self) -> list[int]:
        """Agents, with bubblewrap around them and the algorithms below them."""
        marks = [f"--worker={token}:" for token in self.tokens()]
        agents = {pid for pid, _ in _parents() if any(mark in _command(pid) for mark in marks)}
        below = {pid for pid, parent in _parents() if parent in agents}
        return sorted(agents | below)

    def agent_folders(self) -> list[Path]:
        return [
            each
            for token in self.tokens()
            for each in (self.runners_folder / token).iterdir()
            if each.is_dir()
        ]


class Killer:
    """Kills one process after the other, each round another kind, by one random generator."""

    WEIGHTS = {
        "web": 3,
        "web process": 4,
        "worker": 3,
        "second worker": 3,
        "runner": 6,
        "valkey": 3,
        "database": 3,
        "database backend": 2,
        "beat": 1,
    }

    def __init__(self, victims: Victims, seed: int) -> None:
        self._victims = victims
        self._random = random.Random(seed)
        self._last: dict[str, float] = {}
        self.spared: set[str] = set()

    def kill_one(self) -> str | None:
        """Kill something that runs; what it was, None when nothing of it did."""
        now = time.monotonic()
        kinds = [
            kind
            for kind in self.WEIGHTS
            if kind not in self.spared and now - self._last.get(kind, -1e9) > self._rest_of(kind)
        ]
        (kind,) = self._random.choices(kinds, [self.WEIGHTS[kind] for kind in kinds])
        pid = self._find(kind)
        if pid is None or not kill(pid):
            return None
        self._last[kind] = now
        return kind

    def _rest_of(self, kind: str) -> float:
        if kind in ("web", "worker", "valkey", "database", "beat"):
            # Now and then one is hit again while it starts.
            return REST_SECONDS if self._random.random() < 0.9 else 0.0
        return 4.0 if kind == "second worker" else 0.0

    def _find(self, kind: str) -> int | None:
        victims = self._victims
        if kind == "web":
            return victims.web_master()
        if kind == "web process":
            return self._one_of(victims.web_processes())
        if kind == "worker":
            return victims.worker()
        if kind == "second worker":
            return victims.second.pid
        if kind == "runner":
            return self._one_of(victims.sandbox_processes())
        if kind == "valkey":
            return victims.valkey()
        if kind == "database":
            return victims.postmaster()
        if kind == "database backend":
            return self._one_of(victims.backends())
        return victims.beat()

    def _one_of(self, pids: list[int]) -> int | None:
        return self._random.choice(sorted(pids)) if pids else None


def stop_and_wait(pid: int) -> None:
    """Pause a process; on return none of its threads runs."""
    kill(pid, signal.SIGSTOP)
    wait_until(lambda: _state(pid) in ("T", ""), 5, f"process {pid} is paused")


def is_locked(path: Path) -> bool:
    """Whether a live process holds the lock of a file; found out without taking it."""
    try:
        inode = path.stat().st_ino
    except FileNotFoundError:
        return False
    return any(line.split()[-3].endswith(f":{inode}") for line in _LOCKS.read_text().splitlines())


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


def _status(pid: int) -> list[str]:
    """State, parent and so on; nothing of a process that is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    except OSError:
        return []


def _state(pid: int) -> str:
    return next(iter(_status(pid)), "")


def _parent(pid: int) -> int:
    status = _status(pid)
    return int(status[1]) if status else 0


def _parents() -> list[tuple[int, int]]:
    return [(int(name), _parent(int(name))) for name in os.listdir("/proc") if name.isdigit()]
