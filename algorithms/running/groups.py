"""What a pool knows of the runners of one program for one caller."""

import asyncio
import time
from collections import deque
from dataclasses import dataclass, field
from uuid import UUID

from algorithms.errors import RunnersUnavailable
from algorithms.running.program import Call, Loader, Program
from algorithms.running.runner import GatewayRunner

MOST_RUNNERS_PER_CALLER = 16

# A reserved runner that could not be started is tried again after so long, then after twice that.
RETRY_SECONDS = 1.0
LONGEST_RETRY_SECONDS = 60.0

Key = tuple[Program, UUID]


@dataclass(frozen=True)
class Reserved:
    """Runners that one caller's calls of one program always find (spec.md 3.13)."""

    program: Program
    loader: Loader
    count: int


@dataclass(frozen=True)
class GroupState:
    """How many runners one caller has of one build, in which state, and how many calls wait."""

    build_id: UUID
    caller_id: UUID
    idle: int
    busy: int
    starting: int
    waiting: int
    reserved: int


@dataclass(frozen=True)
class PoolState:
    """How many runners there are in which state, and how many calls wait."""

    idle: int
    busy: int
    starting: int
    unbound: int
    waiting: int


@dataclass(eq=False)
class Waiting:
    """A call that waits for a runner."""

    future: "asyncio.Future[GatewayRunner]"
    depth: int


@dataclass(eq=False)
class Group:
    """The runners of one program for one caller, and the calls that wait for one."""

    program: Program
    caller_id: UUID
    loader: Loader
    idle: list[GatewayRunner] = field(default_factory=list)
    waiting: deque[Waiting] = field(default_factory=deque)
    busy: int = 0
    starting: int = 0
    reserved: int = 0
    hungry_since: float = 0.0
    failed_starts: int = 0
    retry_at: float = 0.0
    timer: asyncio.TimerHandle | None = None

    @property
    def key(self) -> Key:
        return self.program, self.caller_id

    @property
    def size(self) -> int:
        return len(self.idle) + self.busy + self.starting

    @property
    def depth(self) -> int:
        return max((each.depth for each in self.waiting), default=0)

    @property
    def state(self) -> GroupState:
        return GroupState(
            self.program.build_id,
            self.caller_id,
            len(self.idle),
            self.busy,
            self.starting,
            len(self.waiting),
            self.reserved,
        )

    def should_grow(self) -> bool:
        """Whether calls wait for more runners than are on their way; a burst doubles them."""
        wanted = min(len(self.waiting), max(1, self.busy))
        return self.starting < wanted and self.size < MOST_RUNNERS_PER_CALLER

    def take_waiting(self) -> "asyncio.Future[GatewayRunner] | None":
        """What the call that has waited longest is waiting for; None when none waits."""
        while self.waiting:
            future = self.waiting.popleft().future
            if not future.done():
                return future
        return None

    def turn_away(self) -> None:
        """End all waiting with RunnersUnavailable."""
        while (future := self.take_waiting()) is not None:
            future.set_exception(RunnersUnavailable())

    def take_idle(self, worker_id: str) -> list[GatewayRunner]:
        """The idle runners that this worker has, to be stopped."""
        taken = [runner for runner in self.idle if runner.worker_id == worker_id]
        self.idle = [runner for runner in self.idle if runner.worker_id != worker_id]
        return taken

    def note_failed_start(self) -> None:
        wait = min(LONGEST_RETRY_SECONDS, RETRY_SECONDS * 2.0 ** min(self.failed_starts, 10))
        self.failed_starts += 1
        self.retry_at = time.monotonic() + wait


def tell_times(call: Call, runner: GatewayRunner, waited: float) -> None:
    """Of a wait that ended with a new runner, its start and its loading are told by their names."""
    call.trace.spent("queue")
    loading = min(waited, runner.load_seconds)
    starting = min(waited - loading, runner.start_seconds)
    runner.load_seconds = runner.start_seconds = 0.0
    call.trace.move("queue", "load", loading)
    call.trace.move("queue", "start", starting)
