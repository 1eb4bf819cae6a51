"""Running queued calls in a worker: one event loop with a gateway of its own."""

import asyncio
import logging
import threading
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar
from uuid import UUID

import orjson
from django.conf import settings
from django.db import Error

from algoport import metrics
from algoport.db.threads import in_database_thread
from algoport.errors import ApiError
from algoport.http.tracing import Session, Trace, current_trace
from algoport.loops import keep_at, woken_within
from algorithms.constants import (
    ASYNC_LEASE_SECONDS,
    ASYNC_RENEWAL_SECONDS,
    MOST_ASYNC_CALLS,
    QUEUE_SECONDS,
    CallKind,
)
from algorithms.errors import (
    NoSuitableHost,
    RunnersUnavailable,
    TooManyCalls,
    TooManyCallsWaiting,
)
from algorithms.metering.records import CallRecord
from algorithms.models import AsyncCall
from algorithms.queueing import leases
from algorithms.queueing.leases import Settlement
from algorithms.queueing.pauses import PausedCallers
from algorithms.queueing.routing import Routed, route_queued
from algorithms.running.gateway import Gateway
from algorithms.running.invocation import Outcome, invoke, outcome_of
from algorithms.running.program import Call, Lease, Program

logger = logging.getLogger(__name__)

T = TypeVar("T")

POLL_SECONDS = 1.0
# After a wake-up, for the transaction that sent it.
SECOND_LOOK_SECONDS = 0.03
PUT_BACK_SECONDS = 2.0
# For the last records, when it is to end.
CLOSE_SECONDS = 5.0
# The agent ends a run so much before its lease does.
MARGIN_SECONDS = 1.0
NO_RUNNER = "No runner could be had for the call for a day."


@dataclass(eq=False)
class _Attempt:
    call: AsyncCall
    lease: Lease
    trace: Trace
    task: "asyncio.Task[None]"

    @property
    def has_begun(self) -> bool:
        """Whether its run may have; else it still waits for a runner."""
        return "queue" in self.trace.phases


class QueueExecutor:
    """Takes calls from the queue for as long as it runs, at most MOST_ASYNC_CALLS at once."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._attempts: dict[UUID, _Attempt] = {}
        self._paused = PausedCallers(PUT_BACK_SECONDS)
        self._woken = asyncio.Event()
        self._taking = asyncio.Lock()
        self._is_leaving = False
        self._work: list[asyncio.Task[None]] = []
        self._recording: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        self._gateway.on_cancel = self._cancel
        loop = asyncio.get_running_loop()
        self._work = [
            loop.create_task(keep_at(self._take)),
            loop.create_task(keep_at(self._renew)),
        ]

    def wake(self) -> None:
        """There may be something to do; to be called in the loop's thread."""
        self._woken.set()

    def leave(self) -> None:
        """Take no more."""
        self._is_leaving = True

    async def close(self) -> None:
        """Take no more, wait a little for what runs, and let go of the rest."""
        self.leave()
        take, renew = self._work
        # What it is just taking has to become an attempt.
        async with self._taking:
            take.cancel()
        tasks = [attempt.task for attempt in self._attempts.values()]
        if tasks:
            await asyncio.wait(tasks, timeout=settings.DRAIN_SECONDS)
        for attempt in list(self._attempts.values()):
            attempt.task.cancel()
            held = (attempt.call.pk, attempt.call.attempt)
            if attempt.has_begun:
                await in_database_thread(leases.lose, *held)
            else:
                await in_database_thread(leases.let_go, *held)
        renew.cancel()
        await asyncio.gather(take, renew, *tasks, return_exceptions=True)
        if self._recording:
            _, late = await asyncio.wait(self._recording, timeout=CLOSE_SECONDS)
            for each in late:
                each.cancel()

    async def _take(self) -> None:
        while True:
            try:
                await in_database_thread(leases.reclaim_lost)
                while await self._take_some():
                    continue
            except Error as exc:
                logger.warning("the queue cannot be read: %s", exc)
            if await woken_within(POLL_SECONDS, self._woken):
                await self._take_woken()

    async def _take_woken(self) -> None:
        try:
            if not await self._take_some():
                await asyncio.sleep(SECOND_LOOK_SECONDS)
        except Error as exc:
            logger.warning("the queue cannot be read: %s", exc)

    async def _take_some(self) -> bool:
        """Take what there is room for; whether there may be more."""
        async with self._taking:
            return not self._is_leaving and await self._take_up_to(
                MOST_ASYNC_CALLS - len(self._attempts)
            )

    async def _take_up_to(self, room: int) -> bool:
        if room <= 0:
            return False
        taken_at = time.monotonic()
        calls = await in_database_thread(leases.take_calls, room, self._paused.most_of())
        for call in calls:
            self._paused.note_taken(call.caller_id)
            lease = Lease(taken_at + ASYNC_LEASE_SECONDS - MARGIN_SECONDS)
            trace = Trace(Session(call.session_id), call.pk)
            task = asyncio.get_running_loop().create_task(self._run(call, trace))
            self._attempts[call.pk] = _Attempt(call, lease, trace, task)
            task.add_done_callback(partial(self._end, call.pk))
        return len(calls) == room

    def _end(self, call_id: UUID, task: "asyncio.Task[None]") -> None:
        attempt = self._attempts.pop(call_id)
        self._woken.set()
        if task.cancelled():
            if attempt.has_begun:
                attempt.trace.spent("run")
                stopped = self._record_cancelled(attempt.call, attempt.trace)
                record = task.get_loop().create_task(stopped)
                self._recording.add(record)
                record.add_done_callback(self._recording.discard)
        elif task.exception() is not None:
            # Its lease runs out, and the call is told as lost.
            logger.error("req-%s failed in the platform", call_id, exc_info=task.exception())

    async def _record_cancelled(self, call: AsyncCall, trace: Trace) -> None:
        await _insist(
            lambda: in_database_thread(leases.record_cancelled, call.pk, call.attempt, trace.phases)
        )

    def _cancel(self, call_id: UUID) -> None:
        attempt = self._attempts.get(call_id)
        if attempt is not None:
            attempt.task.cancel()

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(ASYNC_RENEWAL_SECONDS)
            attempts = list(self._attempts.values())
            held = [(each.call.pk, each.call.attempt) for each in attempts]
            asked_at = time.monotonic()
            try:
                kept = await in_database_thread(leases.renew_leases, held)
            except Error as exc:
                logger.warning("leases cannot be renewed: %s", exc)
                continue
            for each in attempts:
                if each.call.pk in kept:
                    each.lease.extend(asked_at + ASYNC_LEASE_SECONDS - MARGIN_SECONDS)
                else:
                    # Cancelled, or another worker's by now.
                    each.task.cancel()

    async def _run(self, call: AsyncCall, trace: Trace) -> None:
        current_trace.set(trace)
        try:
            routed = await in_database_thread(route_queued, call)
        except ApiError as exc:
            await self._settle(call, Settlement(None, "void", 0.0, exc.text, type(exc).__name__))
            return
        except Error as exc:
            logger.warning("%s cannot be looked up: %s", call, exc)
            await self._put_back(call, exc)
            return
        trace.spent("resolve")
        try:
            outcome = await self._invoke(call, routed, Call(trace, routed.route.identity, 0.0))
        except NoSuitableHost as exc:
            await self._pass_on(call, routed.route.program, exc)
            return
        except TooManyCalls as exc:
            self._paused.note_refused(call.caller_id)
            await self._put_back(call, exc)
            return
        except (TooManyCallsWaiting, RunnersUnavailable) as exc:
            await self._put_back(call, exc)
            return
        if outcome is None:
            return
        settled = await self._settle(call, _settlement_of(outcome, trace))
        if not settled:
            # Cancelled just before, or another worker's by now.
            await self._record_cancelled(call, trace)
            return
        metrics.async_calls.count(outcome_of(outcome.failure))
        if outcome.failure is not None:
            record = CallRecord(
                trace, routed.principal, routed.route.target, call.bytes_in, CallKind.ASYNC
            )
            self._gateway.errors.write(record, bytes(call.payload or b""), outcome.failure)

    async def _invoke(self, call: AsyncCall, routed: Routed, running: Call) -> Outcome | None:
        """None when the call is not this worker's any more."""
        gateway, account = self._gateway, call.caller_id
        await gateway.slots.take(account, routed.principal.call_limit)
        try:
            payload = await _insist(
                lambda: in_database_thread(leases.payload_of, call.pk, call.attempt)
            )
            if payload is None:
                return None
            call.payload = payload
            running.deadline = asyncio.get_running_loop().time() + call.timeout
            running.lease = self._attempts[call.pk].lease
            # Without a key it is of a sample, of which a build has one.
            running.is_only = call.key_id is None
            return await invoke(gateway.pool, gateway.starter, routed.route, payload, running)
        finally:
            gateway.slots.give_back(account)
            self._paused.note_place(account)
            await gateway.end_session(running.session)

    async def _settle(self, call: AsyncCall, settlement: Settlement) -> bool:
        """Whether it counted; a result is kept until the database takes it."""
        settled = await _insist(
            lambda: in_database_thread(leases.settle, call.pk, call.attempt, settlement)
        )
        if not settled:
            logger.warning("attempt %d of %s was not its holder's any more", call.attempt, call)
        return settled

    async def _pass_on(self, call: AsyncCall, program: Program, exc: NoSuitableHost) -> None:
        """It is for a worker of another host; without any it ends, and may be queued again."""
        if not await self._gateway.is_for_nobody(program):
            await self._put_back(call, exc)
            return
        await _insist(
            lambda: in_database_thread(
                leases.give_up, call.pk, call.attempt, exc.text, type(exc).__name__
            )
        )

    async def _put_back(self, call: AsyncCall, exc: Exception) -> None:
        refused_at = call.refused_at
        if refused_at is not None and time.time() - refused_at.timestamp() > QUEUE_SECONDS:
            error_type = type(exc).__name__
            await _insist(
                lambda: in_database_thread(
                    leases.give_up, call.pk, call.attempt, NO_RUNNER, error_type
                )
            )
            return
        await _insist(
            lambda: in_database_thread(leases.put_back, call.pk, call.attempt, PUT_BACK_SECONDS)
        )


async def _insist(ask: Callable[[], Awaitable[T]]) -> T:
    """Repeat until the database has answered; a lost lease makes it answer no."""
    while True:
        try:
            return await ask()
        except Error as exc:
            logger.warning("a call cannot be read or settled yet: %s", exc)
            await asyncio.sleep(0.5)


def _settlement_of(outcome: Outcome, trace: Trace) -> Settlement:
    failure = outcome.failure
    if failure is None:
        result = orjson.dumps(outcome.in_json())
        return Settlement(result, outcome.content_type, outcome.seconds, phases=trace.phases)
    return Settlement(
        None,
        "void",
        outcome.seconds,
        failure.message,
        failure.error_type,
        failure.stacktrace or "",
        trace.phases,
    )


class ExecutorThread(threading.Thread):
    """The loop of a worker's executor, for as long as the worker runs."""

    def __init__(
        self,
        gateway: Gateway,
        open_all: Callable[[], Awaitable[None]],
        close_all: Callable[[], Awaitable[None]],
    ) -> None:
        super().__init__(name="queue-executor", daemon=True)
        self._gateway = gateway
        self._open_all = open_all
        self._close_all = close_all
        self._loop = asyncio.new_event_loop()
        self._leaving = asyncio.Event()
        self._stopping = asyncio.Event()
        self._executor: QueueExecutor | None = None

    def run(self) -> None:
        try:
            self._loop.run_until_complete(self._serve())
        finally:
            self._loop.close()

    def wake(self) -> None:
        executor = self._executor
        if executor is not None:
            self._loop.call_soon_threadsafe(executor.wake)

    def leave(self) -> None:
        """The worker is to stop: what it has goes on for a while, and nothing new is taken."""
        self._loop.call_soon_threadsafe(self._leaving.set)

    def stop(self) -> None:
        self.leave()
        self._loop.call_soon_threadsafe(self._stopping.set)
        self.join()

    async def _serve(self) -> None:
        await self._open_all()
        executor = QueueExecutor(self._gateway)
        executor.start()
        self._executor = executor
        await self._leaving.wait()
        executor.leave()
        await self._gateway.leave()
        await self._stopping.wait()
        self._executor = None
        await asyncio.gather(executor.close(), self._gateway.finish())
        await self._close_all()
