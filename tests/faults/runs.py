"""Looks at the processes of this machine and sees which calls run, and whether one runs twice."""

import os
import threading
import time
from collections import defaultdict
from dataclasses import dataclass

from tests.faults.algorithm import MARK, NONCE, TOKEN
from tests.faults.ledger import Ledger

SECONDS = 0.02


@dataclass
class Sighting:
    """One run, with the times (since 1970) at which its process was seen first and last."""

    nonce: str
    first: float
    last: float


class RunWatcher(threading.Thread):
    """Samples /proc for as long as a campaign runs."""

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(name="run-watcher", daemon=True)
        self._ledger = ledger
        self._mark = f"({MARK}{ledger.tokens.prefix}".encode()
        self._stopping = threading.Event()
        self._runs: dict[str, list[Sighting]] = defaultdict(list)
        self.samples = 0
        self.overlaps = 0

    def run(self) -> None:
        while not self._stopping.wait(SECONDS):
            self._sample()
            self.samples += 1

    def stop(self) -> None:
        self._stopping.set()
        self.join()

    def sightings(self) -> dict[str, list[Sighting]]:
        """The runs that were seen, by the token of their call, oldest first."""
        return dict(self._runs)

    def _sample(self) -> None:
        seen: dict[str, list[tuple[int, str]]] = defaultdict(list)
        for entry in os.listdir("/proc"):
            if not entry.isdigit():
                continue
            name = self._run_of(int(entry))
            if name is None:
                continue
            token, nonce = name[:TOKEN], name[TOKEN:]
            self._note(token, nonce)
            seen[token].append((int(entry), nonce))
        for token, runs in seen.items():
            if len(runs) > 1 and self._both_run(token, runs):
                self.overlaps += 1
                self._ledger.violated(f"the call {token} runs more than once: {runs}")

    def _run_of(self, pid: int) -> str | None:
        """Token and nonce of the run that this process is in the middle of."""
        try:
            descriptor = os.open(f"/proc/{pid}/stat", os.O_RDONLY)
        except (FileNotFoundError, ProcessLookupError):
            return None
        try:
            text = os.read(descriptor, 400)
        except ProcessLookupError:
            return None
        finally:
            os.close(descriptor)
        start = text.find(self._mark)
        end = text.rfind(b") ")
        if start < 0 or text[end + 2 : end + 3] in (b"Z", b"X"):
            return None
        name = text[start + 1 + len(MARK) : end].decode()
        return name if len(name) == TOKEN + NONCE else None

    def _both_run(self, token: str, runs: list[tuple[int, str]]) -> bool:
        """A scan takes time: the first may have ended before the second began."""
        return sum(self._run_of(pid) == token + nonce for pid, nonce in runs) > 1

    def _note(self, token: str, nonce: str) -> None:
        now = time.time()
        for run in self._runs[token]:
            if run.nonce == nonce:
                run.last = now
                return
        self._runs[token].append(Sighting(nonce, now, now))
