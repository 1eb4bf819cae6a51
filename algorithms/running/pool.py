"""The runners of this web process: kept per build and caller, started by demand.

A runner serves one caller only, for as long as it lives (design.md 1, promise 4).
"""

import asyncio
import logging
import time
import uuid
from collections import deque
from collections.abc import Coroutine
from dataclasses import dataclass, field
from uuid import UUID

import redis
from kombu.exceptions import OperationalError

from algoport.accounts.permissions import Principal
from algorithms.constants import LOAD_SECONDS
from algorithms.errors import RunnersUnavailable
from algorithms.running import registry
from algorithms.running.runner import GatewayRunner, RunnerEnded
from algorithms.tasks import start_runner_task

logger = logging.getLogger(__name__)

MOST_RUNNERS = 64
MOST_RUNNERS_PER_KEY = 16
IDLE_SECONDS = 300.0
# A call that waits longer than this for a busy runner gets another one started.
PATIENCE_SECONDS = 0.03
START_SECONDS = 30

Key = tuple[UUID, UUID]


class LoadFailed(Exception):
    """The algorithm ended before it could take calls."""

    def __init__(self, exit_code: int | None, reason: str) -> None:
        super().__init__(exit_code, reason)
        self.exit_code = exit_code
        self.reason = reason


@dataclass
class _Group:
    """The runners of one build for one caller, and the calls that wait for one."""

    idle: list[GatewayRunner] = field(default_factory=list)
    waiting: deque[asyncio.Future[GatewayRunner]] = field(default_factory=deque)
    busy: int = 0
    starting: int = 0

    @property
    def size(self) -> int:
        return len(self.idle) + self.busy + self.starting


class RunnerPool:
    """Hands runners to calls; all its methods run in the one event loop."""

    def __init__(self) -> None:
        self.gateway_id = uuid.uuid4().hex
        self._groups: dict[Key, _Group] = {}
        self._valkey = registry.gateway_connection()
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Announce this gateway, and keep doing so."""
        await self._announce()
        self._spawn(self._housekeeping())

    async def close(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        for group in self._groups.values():
            for runner in group.idle:
                await runner.close()
        self._groups.clear()
        await self._valkey.delete(registry.gateway_key(self.gateway_id))
        await self._valkey.aclose()

    async def acquire(self, build_id: UUID, caller: Principal) -> GatewayRunner:
        """A runner for one call. Raises RunnersUnavailable, LoadFailed.

        To be followed by `release` or `discard`.
        """
        assert caller.user_id is not None
        key = (build_id, caller.user_id)
        group = self._groups.setdefault(key, _Group())
        while group.idle:
            runner = group.idle.pop()
            if runner.is_connected:
                group.busy += 1
                return runner
            self._spawn(self._dispose(runner))
        return await self._wait(key, group, caller)

    def release(self, build_id: UUID, caller: Principal, runner: GatewayRunner) -> None:
        """Give a runner back whose call has ended well."""
        assert caller.user_id is not None
        group = self._groups[(build_id, caller.user_id)]
        group.busy -= 1
        self._offer(group, runner)

    def discard(self, build_id: UUID, caller: Principal, runner: GatewayRunner) -> None:
        """Stop a runner whose call did not end: whatever still runs in it is killed."""
        assert caller.user_id is not None
        group = self._groups[(build_id, caller.user_id)]
        group.busy -= 1
        self._spawn(self._dispose(runner))
        if group.waiting and group.size == 0:
            # Nobody else would come back for those who wait.
            self._start((build_id, caller.user_id), group, caller)

    async def reason_of_end(self, runner: GatewayRunner) -> str:
        """Why a runner ended, as its worker saw it; an empty text when it does not say in time."""
        for _ in range(20):
            try:
                reason = await self._valkey.get(registry.ended_key(runner.id))
            except redis.RedisError as exc:
                logger.warning("cannot ask why runner %s ended: %s", runner.id, exc)
                return ""
            if reason is not None:
                return registry.as_text(reason)
            await asyncio.sleep(0.05)
        return ""

    async def _wait(self, key: Key, group: _Group, caller: Principal) -> GatewayRunner:
        future: asyncio.Future[GatewayRunner] = asyncio.get_running_loop().create_future()
        group.waiting.append(future)
        try:
            if group.size == 0:
                self._start(key, group, caller)
            while True:
                done, _ = await asyncio.wait({future}, timeout=PATIENCE_SECONDS)
                if done:
                    break
                if self._should_grow(group):
                    self._start(key, group, caller)
            return future.result()
        except asyncio.CancelledError:
            if future.done() and not future.cancelled() and future.exception() is None:
                group.busy -= 1
                self._offer(group, future.result())
            raise
        finally:
            if future in group.waiting:
                group.waiting.remove(future)

    def _should_grow(self, group: _Group) -> bool:
        """Whether calls wait for more runners than are on their way; a burst doubles them."""
        wanted = min(len(group.waiting), max(1, group.busy))
        return group.starting < wanted and group.size < MOST_RUNNERS_PER_KEY

    def _offer(self, group: _Group, runner: GatewayRunner) -> None:
        while group.waiting:
            future = group.waiting.popleft()
            if not future.done():
                group.busy += 1
                future.set_result(runner)
                return
        runner.idle_since = time.monotonic()
        group.idle.append(runner)

    def _start(self, key: Key, group: _Group, caller: Principal) -> None:
        total = sum(each.size for each in self._groups.values())
        if total >= MOST_RUNNERS and not self._evict_one():
            return
        group.starting += 1
        self._spawn(self._start_one(key, group, caller))

    async def _start_one(self, key: Key, group: _Group, caller: Principal) -> None:
        try:
            runner = await self._request_runner(key[0], caller)
        except (LoadFailed, RunnersUnavailable) as exc:
            group.starting -= 1
            self._fail_one(group, exc)
        except BaseException:
            group.starting -= 1
            self._fail_one(group, RunnersUnavailable())
            raise
        else:
            group.starting -= 1
            self._offer(group, runner)

    def _fail_one(self, group: _Group, exc: Exception) -> None:
        """A start that failed answers the call that has waited longest; others may have luck."""
        while group.waiting:
            future = group.waiting.popleft()
            if not future.done():
                future.set_exception(exc)
                return

    async def _request_runner(self, build_id: UUID, caller: Principal) -> GatewayRunner:
        runner_id = uuid.uuid4().hex[:20]
        loop = asyncio.get_running_loop()
        arguments = (runner_id, str(build_id), self.gateway_id)
        try:
            await loop.run_in_executor(None, lambda: start_runner_task.apply_async(arguments))
            message = await self._valkey.blpop([registry.started_key(runner_id)], START_SECONDS)
        except (OperationalError, redis.RedisError) as exc:
            logger.error("no runner can be asked for: %s", exc)
            raise RunnersUnavailable from exc
        if message is None:
            logger.error("no worker started runner %s within %s s", runner_id, START_SECONDS)
            raise RunnersUnavailable
        started = registry.decode(message[1])
        if "error" in started:
            raise RunnersUnavailable
        runner = GatewayRunner(runner_id, started, caller)
        try:
            async with asyncio.timeout(LOAD_SECONDS):
                await runner.connect()
        except TimeoutError as exc:
            await self._dispose(runner)
            raise LoadFailed(None, "timeout") from exc
        except RunnerEnded as exc:
            reason = await self.reason_of_end(runner)
            await self._dispose(runner)
            raise LoadFailed(exc.exit_code, reason) from exc
        return runner

    def _evict_one(self) -> bool:
        """Stop the runner that has been idle longest."""
        idle = [(group.idle[0], group) for group in self._groups.values() if group.idle]
        if not idle:
            return False
        oldest, group = min(idle, key=lambda pair: pair[0].idle_since)
        group.idle.remove(oldest)
        self._spawn(self._dispose(oldest))
        return True

    async def _dispose(self, runner: GatewayRunner) -> None:
        await runner.close()
        try:
            await self._valkey.rpush(registry.stop_key(runner.worker_id), runner.id)
        except redis.RedisError as exc:
            # The agent ends without its connection; this only hurries it.
            logger.warning("cannot tell the worker to stop runner %s: %s", runner.id, exc)

    async def _housekeeping(self) -> None:
        while True:
            await asyncio.sleep(registry.GATEWAY_RENEWAL_SECONDS)
            try:
                await self._announce()
            except redis.RedisError as exc:
                logger.warning("cannot announce this gateway: %s", exc)
            self._stop_idle()

    def _stop_idle(self) -> None:
        horizon = time.monotonic() - IDLE_SECONDS
        for key, group in list(self._groups.items()):
            for runner in [each for each in group.idle if each.idle_since < horizon]:
                group.idle.remove(runner)
                self._spawn(self._dispose(runner))
            if group.size == 0 and not group.waiting:
                del self._groups[key]

    async def _announce(self) -> None:
        await self._valkey.set(
            registry.gateway_key(self.gateway_id), b"1", ex=registry.GATEWAY_SECONDS
        )

    def _spawn(self, coroutine: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            logger.error("work of the runner pool failed", exc_info=task.exception())
