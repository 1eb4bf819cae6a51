"""The runners of one gateway: kept per program and caller, started by demand.

A runner serves one caller only, for as long as it lives (design.md 1, promise 4). Runners that were
started without a caller are bound by the first call that takes them.
"""

import asyncio
import heapq
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from uuid import UUID

from algorithms.errors import RunnersUnavailable, TooManyCallsWaiting
from algorithms.running.groups import (
    Group,
    GroupState,
    Key,
    PoolState,
    Reserved,
    Waiting,
    tell_times,
)
from algorithms.running.program import Call, Loader, Program, Starter, loader_for
from algorithms.running.runner import GatewayRunner, LoadFailed
from algorithms.running.spares import Spares

logger = logging.getLogger(__name__)

MOST_RUNNERS = 64
MOST_WAITING = 2000
# A start may take minutes after its call has been given up, so one caller has few at once; calls of
# calls have as many more at each depth, because loading may make some.
MOST_STARTING = 8
IDLE_SECONDS = 300.0
# A call that waits longer than this for a busy runner gets another one started.
PATIENCE_SECONDS = 0.03
# For so long a caller keeps a runner although others have none.
FAIR_SECONDS = 0.25


class RunnerPool:
    """Hands runners to calls; all its methods run in the one event loop."""

    def __init__(
        self,
        starter: Starter,
        *,
        memory_is_short: Callable[[], bool] = lambda: False,
        most_runners: int = MOST_RUNNERS,
    ) -> None:
        self._starter = starter
        self._memory_is_short = memory_is_short
        self._most = most_runners
        self._groups: dict[Key, Group] = {}
        # Groups whose calls wait because there is no place for another runner, oldest first.
        self._hungry: dict[Key, Group] = {}
        self._waiting = 0
        self._active = 0
        self._starting: Counter[UUID] = Counter()  # By caller.
        self._leaving: set[str] = set()  # Workers that are about to stop.
        # For callers that wait: where calls come from a queue, nobody does.
        self.keeps_spares = True
        self._tasks: set[asyncio.Task[None]] = set()
        # Runners on their way out; these are not cancelled.
        self._stops: set[asyncio.Task[None]] = set()
        self._spares = Spares(starter, self.spawn)

    async def close(self) -> None:
        for task in (tasks := list(self._tasks)):
            task.cancel()
        await asyncio.gather(*tasks, *self._stops, return_exceptions=True)
        runners = [runner for group in self._groups.values() for runner in group.idle]
        runners += self._spares.take_all()
        self._groups.clear()
        for runner in runners:
            await self._starter.stop(runner)

    def state(self) -> PoolState:
        groups = self._groups.values()
        return PoolState(
            idle=sum(len(group.idle) for group in groups),
            busy=sum(group.busy for group in groups),
            starting=sum(group.starting for group in groups) + self._spares.preparing,
            unbound=self._spares.ready,
            waiting=self._waiting,
        )

    @property
    def free(self) -> int:
        """How many more calls from outside find a place now."""
        return 0 if self._memory_is_short() else max(0, self._most // 2 - self._active)

    def groups(self, most: int) -> list[GroupState]:
        """The groups with most runners and waiting calls, at most so many."""
        largest = heapq.nlargest(
            most, self._groups.values(), key=lambda group: group.size + len(group.waiting)
        )
        return [group.state for group in largest]

    async def acquire(self, program: Program, call: Call, unbound: Loader) -> GatewayRunner:
        """A runner for one call. Raises RunnersUnavailable, LoadFailed, TooManyCallsWaiting.

        To be followed by `release` or `discard`. `unbound` is who spare runners of this program
        load as. The time it took is told to the call's trace.
        """
        assert call.identity.user_id is not None
        key = (program, call.identity.user_id)
        group = self._groups.get(key)
        if group is None:
            group = Group(program, call.identity.user_id, loader_for(call.identity))
            self._groups[key] = group
        self._spares.note_use(program, unbound)
        runner = self._take_ready(group)
        if runner is None:
            # SECURITY: what is started now loads with the rights that this call has, and not with
            # those of an earlier one, which may be gone.
            group.loader = loader_for(call.identity)
            runner = await self._wait(group, call)
        call.trace.spent("queue")
        return runner

    def release(self, runner: GatewayRunner, program: Program) -> None:
        """Give a runner back whose call has ended well."""
        group = self._end_call(runner, program)
        if runner.worker_id in self._leaving or (group.waiting and self._must_share(group)):
            self._dispose(runner)
            self._feed()
            self._feed_group(group)
        else:
            self._offer(group, runner)

    def discard(self, runner: GatewayRunner, program: Program) -> None:
        """Stop a runner whose call did not end: whatever still runs in it is killed."""
        group = self._end_call(runner, program)
        self._dispose(runner)
        self._feed_group(group)
        self._feed()

    async def prepare(self, program: Program, loader: Loader) -> bool:
        """Have a runner of the program that belongs to nobody; whether there is one now."""
        self._spares.note_use(program, loader)
        if program in self._spares.wanted() and not self._is_full(0) and self._make_room():
            await self._spares.prepare(program)
        return self._spares.has(program)

    def reserve(self, reservations: Iterable[Reserved]) -> None:
        """From now on keep these runners, and no others, whether or not they are called."""
        for group in self._groups.values():
            group.reserved = 0
        for each in reservations:
            assert each.loader.caller_id is not None
            key = (each.program, each.loader.caller_id)
            group = self._groups.setdefault(key, Group(*key, each.loader))
            group.loader = each.loader
            group.reserved += each.count

    def retire(self, worker_id: str) -> None:
        """The worker is about to stop: let go of its runners, of busy ones after their call."""
        self._leaving.add(worker_id)
        runners = [each for group in self._groups.values() for each in group.take_idle(worker_id)]
        for runner in runners + self._spares.take_of(worker_id):
            self._dispose(runner)

    def turn_away(self) -> None:
        """No runner can be started here any more: end all waiting with RunnersUnavailable."""
        for group in self._groups.values():
            group.turn_away()

    def tend(self) -> None:
        """To be called each second: let idle runners go, keep spares and reservations."""
        self._stop_idle()
        while self._memory_is_short() and self._evict_one():
            continue
        self._feed()
        now = time.monotonic()
        for group in list(self._groups.values()):
            while group.size < group.reserved and group.starting < 2 and group.retry_at <= now:
                if not self._start(group):
                    break
        for program in self._spares.wanted() if self.keeps_spares else ():
            # Spares take no place that a caller could need soon.
            if self._total() < self._most // 2 and not self._memory_is_short():
                self.spawn(self._use_spare(program, self._spares.prepare(program)))

    def spawn(self, coroutine: Coroutine[None, None, None]) -> None:
        """Run something for as long as the pool is open; a failure is logged."""
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    # -- handing out ------------------------------------------------------------------------

    def _take_ready(self, group: Group) -> GatewayRunner | None:
        while group.idle:
            runner = group.idle.pop()
            if runner.is_connected:
                return self._begin_call(group, runner)
            self._dispose(runner)
        spare = self._take_spare(group)
        return None if spare is None else self._begin_call(group, spare)

    def _take_spare(self, group: Group) -> GatewayRunner | None:
        runner = self._spares.take(group.program)
        if runner is not None:
            runner.bind(group.caller_id)
        return runner

    def _begin_call(self, group: Group, runner: GatewayRunner) -> GatewayRunner:
        group.busy += 1
        self._active += 1
        return runner

    def _end_call(self, runner: GatewayRunner, program: Program) -> Group:
        assert runner.caller_id is not None
        group = self._groups[(program, runner.caller_id)]
        group.busy -= 1
        self._active -= 1
        return group

    async def _wait(self, group: Group, call: Call) -> GatewayRunner:
        if self._waiting >= MOST_WAITING:
            raise TooManyCallsWaiting
        waiting = Waiting(asyncio.get_running_loop().create_future(), call.depth)
        began = time.perf_counter()
        group.waiting.append(waiting)
        self._waiting += 1
        try:
            if group.size == 0:
                self._start(group)
            self._watch(group)
            runner = await waiting.future
        except asyncio.CancelledError:
            future = waiting.future
            if future.done() and not future.cancelled() and future.exception() is None:
                self._active -= 1
                group.busy -= 1
                self._offer(group, future.result())
            raise
        finally:
            self._waiting -= 1
            if waiting in group.waiting:
                group.waiting.remove(waiting)
            if not group.waiting:
                self._hungry.pop(group.key, None)
        tell_times(call, runner, time.perf_counter() - began)
        return runner

    def _watch(self, group: Group) -> None:
        """Look after a group with waiting calls, until there are none."""
        if group.timer is None:
            loop = asyncio.get_running_loop()
            group.timer = loop.call_later(PATIENCE_SECONDS, self._grow, group)

    def _grow(self, group: Group) -> None:
        group.timer = None
        if group.waiting:
            if group.key not in self._hungry and group.should_grow():
                self._start(group)
            self._watch(group)

    def _offer(self, group: Group, runner: GatewayRunner) -> None:
        future = group.take_waiting()
        if future is not None:
            future.set_result(self._begin_call(group, runner))
            return
        if runner.worker_id in self._leaving:
            self._dispose(runner)
            return
        runner.idle_since = time.monotonic()
        group.idle.append(runner)
        self._feed()

    def _must_share(self, group: Group) -> bool:
        """Whether another caller has waited long for a place while this one holds several."""
        horizon = time.monotonic() - FAIR_SECONDS
        return any(
            other is not group
            and other.hungry_since < horizon
            and other.size < max(1, group.size)
            and self._may_start(other)
            for other in self._hungry.values()
        )

    def _feed(self) -> None:
        """Start runners for those who wait for a place: first for whoever has fewest.

        Calls of calls find places when calls from outside have taken all of theirs.
        """
        while fed := [each for each in self._hungry.values() if self._may_start(each)]:
            group = min(fed, key=lambda each: (each.size, each.hungry_since))
            del self._hungry[group.key]
            since = group.hungry_since
            if group.waiting and not self._start(group):
                group.hungry_since = since
                return

    def _feed_group(self, group: Group) -> None:
        if group.waiting and group.size == 0:
            # Nobody else would come back for those who wait.
            self._start(group)

    # -- starting and stopping --------------------------------------------------------------

    def _start(self, group: Group) -> bool:
        """Have another runner for the group; False when there is no place for it yet."""
        spare = self._take_spare(group)
        if spare is not None:
            self._offer(group, spare)
            return True
        if not self._may_start(group) or not self._make_room():
            if group.key not in self._hungry:
                group.hungry_since = time.monotonic()
                self._hungry[group.key] = group
            return False
        group.starting += 1
        self._starting[group.caller_id] += 1
        self._active += 1
        self.spawn(self._start_one(group))
        return True

    def _make_room(self) -> bool:
        while self._total() >= self._most:
            if not self._evict_one():
                return False
        while self._memory_is_short():
            if not self._evict_one():
                # One at a time goes on even then: nothing would ever get free otherwise.
                return self._active == 0
        return True

    def _may_start(self, group: Group) -> bool:
        depth = group.depth
        most = MOST_STARTING * (depth + 1)
        return self._starting[group.caller_id] < most and not self._is_full(depth)

    def _is_full(self, depth: int) -> bool:
        """Calls of calls find places that calls from outside cannot take: else those could hold
        every runner while each waits for one more."""
        return self._active >= self._most * (depth + 1) // (depth + 2)

    def _total(self) -> int:
        spares = self._spares.ready + self._spares.preparing
        return sum(group.size for group in self._groups.values()) + spares

    async def _start_one(self, group: Group) -> None:
        try:
            runner = await self._starter.start(group.program, group.loader)
        except (LoadFailed, RunnersUnavailable) as exc:
            self._end_start(group)
            group.note_failed_start()
            self._fail_one(group, exc)
        except BaseException:
            self._end_start(group)
            self._fail_one(group, RunnersUnavailable())
            raise
        else:
            self._end_start(group)
            group.failed_starts = 0
            self._offer(group, runner)
            self._feed()

    def _end_start(self, group: Group) -> None:
        group.starting -= 1
        self._starting[group.caller_id] -= 1
        self._starting += Counter()  # Callers without any are forgotten.
        self._active -= 1

    def _fail_one(self, group: Group, exc: Exception) -> None:
        """A start that failed answers the call that has waited longest; others may have luck."""
        future = group.take_waiting()
        if future is not None:
            future.set_exception(exc)
        self._feed_group(group)
        self._feed()

    async def _use_spare(self, program: Program, prepared: Awaitable[bool]) -> None:
        if not await prepared:
            return
        for group in self._groups.values():
            if group.program == program and group.waiting:
                self._start(group)
                return

    def _evict_one(self) -> bool:
        """Stop the runner that has been idle longest; those without a caller go first."""
        spare = self._spares.take_oldest()
        if spare is not None:
            self._dispose(spare)
            return True
        groups = [each for each in self._groups.values() if each.idle]
        groups = [each for each in groups if each.size > each.reserved]
        if not groups:
            return False
        oldest = min(groups, key=lambda group: group.idle[0].idle_since)
        self._dispose(oldest.idle.pop(0))
        return True

    def _stop_idle(self) -> None:
        horizon = time.monotonic() - IDLE_SECONDS
        for key, group in list(self._groups.items()):
            for runner in [each for each in group.idle if not each.is_connected]:
                group.idle.remove(runner)
                self._dispose(runner)
            while group.idle and group.idle[0].idle_since < horizon and group.size > group.reserved:
                self._dispose(group.idle.pop(0))
            if group.size == 0 and not group.waiting and not group.reserved:
                del self._groups[key]
        for runner in self._spares.take_unused(horizon):
            self._dispose(runner)

    def _dispose(self, runner: GatewayRunner) -> None:
        task = asyncio.get_running_loop().create_task(self._starter.stop(runner))
        self._stops.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        self._stops.discard(task)
        if not task.cancelled() and task.exception() is not None:
            logger.error("work of the runner pool failed", exc_info=task.exception())
