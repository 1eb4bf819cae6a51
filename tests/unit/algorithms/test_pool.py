"""The pool decides who gets which runner; what a runner is does not matter to it."""

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from algoport.accounts.permissions import Principal, PrincipalKind, Run
from algoport.http.tracing import Session, Trace
from algorithms.errors import RunnersUnavailable, TooManyCallsWaiting
from algorithms.running import pool as pool_module
from algorithms.running.groups import LONGEST_RETRY_SECONDS, MOST_RUNNERS_PER_CALLER, Reserved
from algorithms.running.invocation import Route, invoke
from algorithms.running.pool import MOST_STARTING, RunnerPool
from algorithms.running.program import (
    Call,
    Loader,
    Program,
    loader_for,
    loader_without_caller,
)
from algorithms.running.runner import GatewayRunner, LoadFailed, Reply
from algorithms.running.starter import RunnerStarter
from tests.factories.algorithms import make_program

ALGORITHM, OWNER = uuid.uuid4(), uuid.uuid4()
HELLO, OTHER = (make_program(name, algorithm_id=ALGORITHM) for name in "ab")
SPARE = loader_without_caller(ALGORITHM, OWNER)


class Runner(GatewayRunner):
    """A runner without a sandbox."""

    connected = True

    @property
    def is_connected(self) -> bool:
        return self.connected

    async def call(self, request: bytes, call: Call) -> Reply:
        return Reply(memoryview(request), b"", 0.0)


class Starts:
    """A starter whose runners are there at once, unless it is told to hold them back."""

    def __init__(self) -> None:
        self.started: list[tuple[Program, Loader]] = []
        self.stopped: list[str] = []
        self.failure: Exception | None = None
        self.refuse_while_loading = False
        self.open = asyncio.Event()
        self.open.set()

    async def start(self, program: Program, loader: Loader) -> GatewayRunner:
        self.started.append((program, loader))
        await self.open.wait()
        if self.failure is not None:
            raise self.failure
        sockets = {"worker": "w", "agent_socket": "a", "platform_socket": "p"}
        runner = Runner(uuid.uuid4().hex, sockets, loader)
        runner.load_refused = self.refuse_while_loading
        return runner

    async def stop(self, runner: GatewayRunner) -> None:
        self.stopped.append(runner.id)


def call_of(user: UUID, depth: int = 0) -> Call:
    run = Run(ALGORITHM, OWNER, pipeline_enabled=True)
    identity = Principal(PrincipalKind.RUN, user, "demo", run=run)
    return Call(Trace(Session()), identity, deadline=0.0, depth=depth)


def in_loop(scenario: Callable[[Starts], Awaitable[None]]) -> Callable[[], None]:
    def run() -> None:
        async def main() -> None:
            async with asyncio.timeout(10):
                await scenario(Starts())

        asyncio.run(main())

    return run


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def until(condition: Callable[[], Any]) -> None:
    while not condition():
        await asyncio.sleep(0.005)


@in_loop
async def test_a_runner_stays_with_its_caller(starts: Starts) -> None:
    pool = RunnerPool(starts)
    demo, guest = uuid.uuid4(), uuid.uuid4()
    first = await pool.acquire(HELLO, call_of(demo), SPARE)
    pool.release(first, HELLO)
    assert await pool.acquire(HELLO, call_of(guest), SPARE) is not first
    assert await pool.acquire(HELLO, call_of(demo), SPARE) is first
    assert await pool.acquire(OTHER, call_of(demo), SPARE) is not first
    assert [loader.caller_id for _, loader in starts.started] == [demo, guest, demo]


@in_loop
async def test_what_did_not_end_well_is_stopped(starts: Starts) -> None:
    pool = RunnerPool(starts)
    demo = uuid.uuid4()
    runner = await pool.acquire(HELLO, call_of(demo), SPARE)
    pool.discard(runner, HELLO)
    assert await pool.acquire(HELLO, call_of(demo), SPARE) is not runner
    assert starts.stopped == [runner.id]


@in_loop
async def test_a_dead_idle_runner_is_not_handed_out(starts: Starts) -> None:
    pool = RunnerPool(starts)
    demo = uuid.uuid4()
    runner = await pool.acquire(HELLO, call_of(demo), SPARE)
    pool.release(runner, HELLO)
    runner.connected = False  # type: ignore[attr-defined]
    assert await pool.acquire(HELLO, call_of(demo), SPARE) is not runner


@in_loop
async def test_runners_of_a_worker_that_leaves_end_their_calls_and_go(starts: Starts) -> None:
    pool = RunnerPool(starts)
    demo = uuid.uuid4()
    assert await pool.prepare(OTHER, SPARE)
    busy = await pool.acquire(HELLO, call_of(demo), SPARE)
    idle = await pool.acquire(HELLO, call_of(demo), SPARE)
    pool.release(idle, HELLO)

    pool.retire("w")
    await settle()

    assert idle.id in starts.stopped and busy.id not in starts.stopped
    assert pool.state().unbound == 0 and len(starts.stopped) == 2
    pool.release(busy, HELLO)
    await settle()
    assert busy.id in starts.stopped and pool.state().idle == 0


@in_loop
async def test_who_waits_is_turned_away_when_nothing_can_be_started(starts: Starts) -> None:
    pool = RunnerPool(starts)
    starts.open.clear()
    waiting = asyncio.ensure_future(pool.acquire(HELLO, call_of(uuid.uuid4()), SPARE))
    await settle()
    pool.turn_away()
    with pytest.raises(RunnersUnavailable):
        await waiting
    await pool.close()


@in_loop
async def test_a_pool_tells_how_many_calls_find_a_place(starts: Starts) -> None:
    pool = RunnerPool(starts, most_runners=8)
    assert pool.free == 4
    runner = await pool.acquire(HELLO, call_of(uuid.uuid4()), SPARE)
    assert pool.free == 3
    pool.release(runner, HELLO)
    assert pool.free == 4
    short = RunnerPool(starts, memory_is_short=lambda: True)
    assert short.free == 0


@in_loop
async def test_a_spare_is_bound_by_its_first_caller(starts: Starts) -> None:
    pool = RunnerPool(starts)
    demo, guest = uuid.uuid4(), uuid.uuid4()
    assert await pool.prepare(HELLO, SPARE)
    assert await pool.prepare(HELLO, SPARE) and len(starts.started) == 1
    runner = await pool.acquire(HELLO, call_of(demo), SPARE)
    assert runner.caller_id == demo and len(starts.started) == 1
    pool.release(runner, HELLO)
    assert await pool.acquire(HELLO, call_of(guest), SPARE) is not runner


@in_loop
async def test_a_program_in_use_gets_a_spare(starts: Starts) -> None:
    pool = RunnerPool(starts)
    demo = uuid.uuid4()
    pool.release(await pool.acquire(HELLO, call_of(demo), SPARE), HELLO)
    pool.tend()
    pool.tend()
    await settle()
    assert pool.state().unbound == 1
    assert starts.started[1:] == [(HELLO, SPARE)]


@in_loop
async def test_where_calls_come_from_a_queue_no_spare_is_kept(starts: Starts) -> None:
    pool = RunnerPool(starts)
    pool.keeps_spares = False
    pool.release(await pool.acquire(HELLO, call_of(uuid.uuid4()), SPARE), HELLO)
    pool.tend()
    await settle()
    assert pool.state().unbound == 0 and len(starts.started) == 1


@in_loop
async def test_a_call_that_stays_the_only_one_leaves_no_runner(starts: Starts) -> None:
    pool, reasons, target = RunnerPool(starts), RunnerStarter(), None
    for is_only in (False, True):
        call = call_of(uuid.uuid4())
        call.deadline, call.is_only = asyncio.get_running_loop().time() + 5, is_only
        route = Route(target, HELLO, call.identity, SPARE)  # type: ignore[arg-type]
        outcome = await invoke(pool, reasons, route, b"thello", call)
        assert outcome.failure is None
    await settle()
    assert pool.state().idle == 1 and len(starts.stopped) == 1


@in_loop
async def test_what_needs_its_caller_to_load_gets_no_spare(starts: Starts) -> None:
    for failure in (None, LoadFailed(1, "")):
        pool = RunnerPool(starts)
        starts.refuse_while_loading = True
        starts.failure = failure
        assert not await pool.prepare(HELLO, SPARE)
        assert not pool.state().unbound
        starts.failure = None
        pool.tend()
        await settle()
        runner = await pool.acquire(HELLO, call_of(uuid.uuid4()), SPARE)
        assert runner.caller_id is not None and not pool.state().unbound


@in_loop
async def test_a_failed_start_answers_one_call_and_others_try_on(starts: Starts) -> None:
    pool = RunnerPool(starts)
    demo = uuid.uuid4()
    starts.failure = RunnersUnavailable()
    with pytest.raises(RunnersUnavailable):
        await pool.acquire(HELLO, call_of(demo), SPARE)
    starts.failure = LoadFailed(3, "")
    with pytest.raises(LoadFailed):
        await pool.acquire(HELLO, call_of(demo), SPARE)
    starts.failure = None
    await pool.acquire(HELLO, call_of(demo), SPARE)
    assert pool.state().busy == 1 and pool.state().starting == 0


@in_loop
async def test_a_burst_grows_the_group_and_waiting_is_bounded(starts: Starts) -> None:
    pool = RunnerPool(starts)
    demo = uuid.uuid4()
    tasks = [asyncio.create_task(pool.acquire(HELLO, call_of(demo), SPARE)) for _ in range(30)]
    await until(lambda: pool.state().busy == MOST_RUNNERS_PER_CALLER)
    await asyncio.sleep(pool_module.PATIENCE_SECONDS * 3)
    assert len(starts.started) == MOST_RUNNERS_PER_CALLER
    for task in tasks:
        if task.done():
            pool.release(task.result(), HELLO)
    await until(lambda: all(task.done() for task in tasks))
    assert len(starts.started) == MOST_RUNNERS_PER_CALLER


@in_loop
async def test_the_queue_is_bounded(starts: Starts) -> None:
    pool = RunnerPool(starts)
    starts.open.clear()
    tasks = [
        asyncio.create_task(pool.acquire(HELLO, call_of(uuid.uuid4()), SPARE))
        for _ in range(pool_module.MOST_WAITING)
    ]
    await settle()
    with pytest.raises(TooManyCallsWaiting):
        await pool.acquire(HELLO, call_of(uuid.uuid4()), SPARE)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert pool.state().waiting == 0
    await pool.close()


@in_loop
async def test_the_oldest_idle_runner_makes_room(starts: Starts) -> None:
    pool = RunnerPool(starts, most_runners=4)
    users = [uuid.uuid4() for _ in range(5)]
    runners = []
    for user in users:
        runner = await pool.acquire(HELLO, call_of(user), SPARE)
        pool.release(runner, HELLO)
        runners.append(runner)
    await settle()
    assert starts.stopped == [runners[0].id]


async def take_outside_places(
    pool: RunnerPool,
) -> tuple[list[UUID], "asyncio.Task[GatewayRunner]"]:
    """Four callers hold all that calls from outside may have of eight; a fifth one waits."""
    users = [uuid.uuid4() for _ in range(4)]
    for user in users:
        await pool.acquire(HELLO, call_of(user), SPARE)
    outside = asyncio.create_task(pool.acquire(HELLO, call_of(uuid.uuid4()), SPARE))
    await settle()
    return users, outside


@in_loop
async def test_calls_of_calls_find_places(starts: Starts) -> None:
    """Four callers hold what calls from outside may have; their children get runners still."""
    pool = RunnerPool(starts, most_runners=8)
    users, outside = await take_outside_places(pool)
    assert not outside.done()
    child = await pool.acquire(OTHER, call_of(users[0], depth=1), SPARE)
    grandchild = await pool.acquire(OTHER, call_of(users[1], depth=2), SPARE)
    assert not outside.done()
    pool.release(child, OTHER)
    pool.release(grandchild, OTHER)
    await settle()
    assert not outside.done()
    outside.cancel()


@in_loop
async def test_calls_from_outside_that_wait_do_not_hold_up_calls_of_calls(starts: Starts) -> None:
    pool = RunnerPool(starts, most_runners=8)
    users, outside = await take_outside_places(pool)
    first = await pool.acquire(OTHER, call_of(users[0], depth=1), SPARE)
    second = asyncio.create_task(pool.acquire(OTHER, call_of(users[1], depth=1), SPARE))
    await settle()
    assert not second.done()
    pool.release(first, OTHER)
    assert (await second).caller_id == users[1]
    assert not outside.done()
    outside.cancel()


@in_loop
async def test_starts_that_nobody_waits_for_leave_places_to_others(starts: Starts) -> None:
    pool = RunnerPool(starts)
    starts.open.clear()
    crowd = uuid.uuid4()
    programs = [make_program(f"slow{number}", algorithm_id=ALGORITHM) for number in range(12)]
    calls = [asyncio.create_task(pool.acquire(each, call_of(crowd), SPARE)) for each in programs]
    await settle()
    assert len(starts.started) == MOST_STARTING
    for call in calls[:MOST_STARTING]:
        call.cancel()
    await settle()
    assert pool.state().starting == MOST_STARTING and pool.state().waiting == 4
    # Loading may call others, which are started all the same.
    below = asyncio.create_task(pool.acquire(HELLO, call_of(crowd, depth=1), SPARE))
    guest = asyncio.create_task(pool.acquire(HELLO, call_of(uuid.uuid4()), SPARE))
    await settle()
    assert len(starts.started) == MOST_STARTING + 2
    starts.open.set()
    await asyncio.gather(below, guest, *calls[MOST_STARTING:])


@in_loop
async def test_a_runner_loads_with_the_rights_of_the_call_that_started_it(starts: Starts) -> None:
    pool = RunnerPool(starts)
    user, organization = uuid.uuid4(), uuid.uuid4()
    before, after = call_of(user), call_of(user)
    before.identity = replace(before.identity, member_of=frozenset({organization}))
    await pool.acquire(HELLO, before, SPARE)
    await pool.acquire(HELLO, after, SPARE)
    assert [loader.principal.member_of for _, loader in starts.started] == [{organization}, set()]
    reserved = loader_for(before.identity)
    pool.reserve([Reserved(HELLO, reserved, 3)])
    pool.tend()
    await settle()
    assert (HELLO, reserved) in starts.started


@in_loop
async def test_a_crowd_of_one_caller_does_not_starve_another(starts: Starts) -> None:
    pool = RunnerPool(starts, most_runners=8)
    crowd, guest = uuid.uuid4(), uuid.uuid4()
    served = 0

    async def keep_calling(user: UUID) -> None:
        nonlocal served
        while True:
            runner = await pool.acquire(HELLO, call_of(user), SPARE)
            await asyncio.sleep(0.002)
            pool.release(runner, HELLO)
            served += 1

    tasks = [asyncio.create_task(keep_calling(crowd)) for _ in range(40)]
    await until(lambda: pool.state().busy >= 4)
    before = time.monotonic()
    runner = await pool.acquire(HELLO, call_of(guest), SPARE)
    assert time.monotonic() - before < 2
    assert runner.caller_id == guest and served
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@in_loop
async def test_memory_pressure_empties_the_pool_and_one_call_goes_on(starts: Starts) -> None:
    short = False
    pool = RunnerPool(starts, memory_is_short=lambda: short)
    demo, guest = uuid.uuid4(), uuid.uuid4()
    pool.release(await pool.acquire(HELLO, call_of(demo), SPARE), HELLO)
    await pool.prepare(OTHER, SPARE)
    short = True
    pool.tend()
    await settle()
    assert pool.state().idle == pool.state().unbound == 0 and len(starts.stopped) == 2
    runner = await pool.acquire(HELLO, call_of(demo), SPARE)
    waiting = asyncio.create_task(pool.acquire(HELLO, call_of(guest), SPARE))
    await settle()
    assert not waiting.done()
    short = False
    pool.tend()
    await waiting
    pool.release(runner, HELLO)


@in_loop
async def test_idle_runners_go_but_reserved_ones_stay(starts: Starts) -> None:
    pool = RunnerPool(starts)
    demo, guest = call_of(uuid.uuid4()), call_of(uuid.uuid4())
    pool.reserve([Reserved(HELLO, loader_for(demo.identity), 2)])
    pool.tend()
    await settle()
    assert pool.state().idle == 2
    pool.release(await pool.acquire(HELLO, guest, SPARE), HELLO)
    for group in pool._groups.values():
        for runner in group.idle:
            runner.idle_since -= pool_module.IDLE_SECONDS + 1
    pool.tend()
    await settle()
    assert pool.state().idle == 2
    pool.reserve([])
    pool.tend()
    await settle()
    assert pool.state().idle == 0


@in_loop
async def test_a_reserved_runner_that_ended_is_replaced(starts: Starts) -> None:
    pool = RunnerPool(starts)
    demo = call_of(uuid.uuid4())
    pool.reserve([Reserved(HELLO, loader_for(demo.identity), 1)])
    pool.tend()
    await settle()
    (group,) = pool._groups.values()
    (first,) = group.idle
    assert isinstance(first, Runner)
    first.connected = False
    pool.tend()
    await settle()
    assert starts.stopped == [first.id] and pool.state().idle == 1
    assert await pool.acquire(HELLO, demo, SPARE) is not first


@in_loop
async def test_a_reserved_runner_that_does_not_load_is_not_started_without_end(
    starts: Starts,
) -> None:
    pool = RunnerPool(starts)
    demo = call_of(uuid.uuid4())
    starts.failure = LoadFailed(1, "")
    pool.reserve([Reserved(HELLO, loader_for(demo.identity), 1)])
    for _ in range(20):
        pool.tend()
        await settle()
    assert len(starts.started) == 1
    (group,) = pool._groups.values()
    waits = []
    for _ in range(10):
        waits.append(group.retry_at - time.monotonic())
        group.retry_at = 0.0
        pool.tend()
        await settle()
    assert waits[1] > waits[0] and waits[-1] <= LONGEST_RETRY_SECONDS
    starts.failure, group.retry_at = None, 0.0
    pool.tend()
    await settle()
    assert pool.state().idle == 1 and group.failed_starts == 0


@in_loop
async def test_a_cancelled_call_loses_no_runner(starts: Starts) -> None:
    pool = RunnerPool(starts)
    demo = uuid.uuid4()
    starts.open.clear()
    task = asyncio.create_task(pool.acquire(HELLO, call_of(demo), SPARE))
    await settle()
    task.cancel()
    starts.open.set()
    await until(lambda: pool.state().idle == 1)
    await pool.acquire(HELLO, call_of(demo), SPARE)
    assert len(starts.started) == 1


@in_loop
async def test_waiting_is_told_as_queue_start_and_load(starts: Starts) -> None:
    pool = RunnerPool(starts)
    starts.open.clear()
    call = call_of(uuid.uuid4())
    task = asyncio.create_task(pool.acquire(HELLO, call, SPARE))
    await asyncio.sleep(0.05)
    starts.open.set()
    await task
    assert 0.04 < call.trace.phases["queue"] < 1
    told = call.trace.server_timing()
    assert all(f"{name};dur=" in told for name in ("queue", "start", "load", "relay", "total"))
