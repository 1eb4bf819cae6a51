"""What the clients know: what was accepted, answered, cancelled, stored; and what was wrong."""

import threading
import time
from collections import Counter
from dataclasses import dataclass, field

from tests.acceptance.platform import Account
from tests.faults.algorithm import Tokens

FINAL = frozenset({"finished", "failed", "dead", "cancelled"})
MOST_TOLD = 50


@dataclass
class Accepted:
    """A queued call whose acceptance a client was told of."""

    id: str
    token: str
    account: Account
    retries: int
    fails: bool
    note: bool
    may_cancel: bool = True
    cancelled: bool = False
    final: str | None = None


@dataclass
class Ledger:
    """Shared by all threads of a campaign; a violation is a broken promise of the platform."""

    tokens: Tokens = field(default_factory=Tokens)
    accepted: dict[str, Accepted] = field(default_factory=dict)
    # Synchronous calls that were answered with 200, by request id.
    answered: dict[str, str] = field(default_factory=dict)
    # Posts without an Idempotency-Key of which no client knows whether they were accepted.
    uncertain: int = 0
    files: dict[str, tuple[Account, bytes]] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)
    lock: threading.RLock = field(default_factory=threading.RLock)
    began: float = field(default_factory=time.monotonic)

    def token(self) -> str:
        with self.lock:
            return self.tokens.next()

    def count(self, what: str, by: int = 1) -> None:
        with self.lock:
            self.counts[what] += by

    def violated(self, what: str) -> None:
        with self.lock:
            self.violations.append(what)
            if len(self.violations) <= MOST_TOLD:
                seconds = time.monotonic() - self.began
                print(f"VIOLATION at {seconds:.1f} s: {what}", flush=True)

    def accept(self, call: Accepted) -> None:
        with self.lock:
            self.accepted[call.id] = call
            self.counts["accepted"] += 1

    def snapshot(self) -> list[Accepted]:
        with self.lock:
            return list(self.accepted.values())

    def open_calls(self) -> list[Accepted]:
        """Accepted calls of which no final state was seen."""
        return [call for call in self.snapshot() if call.final is None]

    def note_final(self, call: Accepted, state: str, where: str) -> None:
        """A final state was seen: it must be the only one that ever is."""
        with self.lock:
            if call.final is None:
                call.final = state
            elif call.final != state:
                self.violated(f"{where}: {call.id} was {call.final} and is {state} now")
