"""Where a call runs that not every host can run, and what it is refused with where none can."""

import asyncio
import time
import uuid
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest
from pytest_django import Settings

from algoport.containers.engine import RunnerSpec
from algoport.containers.errors import HostLacks
from algoport.db.changes import ChangeListener
from algorithms.errors import NoSuitableHost, RunnersUnavailable
from algorithms.models import AsyncCall
from algorithms.queueing import leases
from algorithms.queueing.executor import QueueExecutor
from algorithms.running import dispatch, starting
from algorithms.running import gateway as gateway_module
from algorithms.running.dispatch import run_somewhere
from algorithms.running.forwarding.sender import Forwarder
from algorithms.running.gateway import Gateway
from algorithms.running.hosts import Capacity, Hosts, WorkerHost
from algorithms.running.invocation import Outcome
from algorithms.running.program import Program
from algorithms.running.starter import RunnerStarter
from tests.unit.algorithms.test_forwarding import Host, work_for

PLAIN = Capacity("sandbox", 1, 1, 0, 0, 8)
DOCKER = Capacity("docker", 1, 1, 0, 0, 8)
CARDS = Capacity("docker", 1, 1, 1, 0, 8)
NEEDS_CARD = {"machine": "gpu"}
NEEDS_DOCKER = {"base_image": "python:3"}


class Cluster:
    """This host, `a`, whose worker is as told, and another one that takes calls."""

    def __init__(self, here: Capacity | None, there: Capacity) -> None:
        self.a, self.b = Host("a"), Host("b")
        self._here, self._there = here, there
        self.looks = 0

    async def call(self, needs: dict[str, str]) -> Outcome:
        await self.b.start()
        hosts = Hosts(on_lost=lambda: None)
        workers = [replace(self.b.told(), capacity=self._there)]
        if self._here is not None:
            workers.append(WorkerHost("a", "a", "", "a runtime", self._here))
        hosts.note(workers)

        async def look() -> None:
            self.looks += 1

        gateway = SimpleNamespace(
            hosts=hosts,
            pool=self.a.pool,
            starter=self.a.starts,
            forwarder=Forwarder(hosts),
            look_at_hosts=look,
        )
        work, make_call = work_for(uuid.uuid4())
        work = replace(work, program=work.program._replace(**needs))
        try:
            async with asyncio.timeout(20):
                return await run_somewhere(cast(Gateway, gateway), work, b"thi", make_call())
        finally:
            await self.a.pool.close()
            await self.b.stop()

    @property
    def started(self) -> tuple[int, int]:
        """How many runners were started here and there."""
        return len(self.a.starts.callers), len(self.b.starts.callers)


@pytest.fixture(autouse=True)
def this_host(settings: Settings) -> None:
    settings.HOST_ID = "a"


@pytest.mark.parametrize(
    ("here", "there", "needs", "started"),
    [
        (PLAIN, CARDS, {}, (1, 0)),
        (PLAIN, CARDS, NEEDS_CARD, (0, 1)),
        (DOCKER, CARDS, NEEDS_CARD, (0, 1)),
        (CARDS, PLAIN, NEEDS_CARD, (1, 0)),
        (PLAIN, DOCKER, NEEDS_DOCKER, (0, 1)),
        (DOCKER, PLAIN, NEEDS_DOCKER, (1, 0)),
        (None, DOCKER, NEEDS_DOCKER, (0, 1)),
    ],
)
def test_it_runs_where_it_can(
    here: Capacity | None, there: Capacity, needs: dict[str, str], started: tuple[int, int]
) -> None:
    cluster = Cluster(here, there)
    assert asyncio.run(cluster.call(needs)).result == "hi"
    assert cluster.started == started


@pytest.mark.parametrize(
    ("here", "there", "needs", "said"),
    [
        (PLAIN, DOCKER, NEEDS_CARD, "needs a graphics card for containers, which no host has"),
        (None, DOCKER, NEEDS_CARD, "needs a graphics card"),
        (PLAIN, PLAIN, NEEDS_DOCKER, "needs Docker with its base image, which no host has"),
        (PLAIN, PLAIN, NEEDS_DOCKER | NEEDS_CARD, "base image and a graphics card"),
    ],
)
def test_where_no_host_can_that_is_told_at_once(
    here: Capacity | None, there: Capacity, needs: dict[str, str], said: str
) -> None:
    cluster = Cluster(here, there)
    began = time.monotonic()
    with pytest.raises(NoSuitableHost, match=said) as refused:
        asyncio.run(cluster.call(needs))
    assert time.monotonic() - began < dispatch.PATIENCE_SECONDS / 2
    assert cluster.started == (0, 0) and cluster.looks == 0
    # The client is not asked to try again.
    assert (refused.value.status, refused.value.headers()) == (503, {})


def test_a_host_that_cannot_after_all_is_passed_over() -> None:
    """Its registry may not give it what the others have."""
    cluster = Cluster(DOCKER, DOCKER)
    cluster.a.starts.failure = NoSuitableHost(reason="no base image")
    assert asyncio.run(cluster.call(NEEDS_DOCKER)).result == "hi"
    assert cluster.started == (1, 1)


def test_nothing_is_kept_ready_where_it_cannot_start() -> None:
    async def main() -> int:
        host = Host("a")
        host.starts.failure = NoSuitableHost(reason="no card")
        work, make_call = work_for(uuid.uuid4())
        with pytest.raises(RunnersUnavailable):
            await host.pool.acquire(work.program, make_call(), work.spare_loader)
        for _ in range(3):
            host.pool.tend()
            await asyncio.sleep(0)
        await host.pool.close()
        return len(host.starts.callers)

    # The call's, and one that was tried for those to come.
    assert asyncio.run(main()) == 2


@pytest.mark.parametrize(
    ("workers", "is_for_nobody"),
    [([], False), ([PLAIN, DOCKER], True), ([PLAIN, CARDS], False)],
)
def test_a_queued_call_waits_for_a_host_that_is_there(
    monkeypatch: pytest.MonkeyPatch, workers: list[Capacity], is_for_nobody: bool
) -> None:
    async def read(valkey: Any) -> list[WorkerHost]:
        return [WorkerHost(each.runtime, "h", "", "", each) for each in workers]

    async def main() -> bool:
        gateway = Gateway(ChangeListener())
        monkeypatch.setattr(gateway_module, "read_workers", read)
        work, _ = work_for(uuid.uuid4())
        found = await gateway.is_for_nobody(work.program._replace(machine="gpu"))
        await gateway.close()
        return found

    assert asyncio.run(main()) is is_for_nobody


def test_what_a_host_lacks_is_told_to_the_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    class Lacking:
        def start_runner(self, spec: RunnerSpec) -> None:
            assert spec.needs_gpu
            raise HostLacks("this host has no graphics card")

    async def main() -> None:
        starter = RunnerStarter()
        starter.starts_here = True
        work, _ = work_for(uuid.uuid4())
        try:
            await starter.start(work.program._replace(machine="gpu"), work.spare_loader)
        finally:
            await starter.close()

    monkeypatch.setattr(starting, "get_runtime", Lacking)
    monkeypatch.setattr(starting, "_keeper", starting.RunnerKeeper("a runtime"))
    with pytest.raises(NoSuitableHost, match="needs a graphics card for containers, which this"):
        asyncio.run(main())


@pytest.mark.parametrize(("is_for_nobody", "ends"), [(True, "given up"), (False, "put back")])
def test_a_queued_call_ends_where_no_host_can_run_it(
    monkeypatch: pytest.MonkeyPatch, is_for_nobody: bool, ends: str
) -> None:
    done: list[str] = []

    def give_up(call_id: uuid.UUID, attempt: int, error: str, error_type: str) -> bool:
        assert "no card" in error and error_type == "NoSuitableHost"
        done.append("given up")
        return True

    def put_back(call_id: uuid.UUID, attempt: int, seconds: float) -> bool:
        done.append("put back")
        return True

    async def ask(program: Program) -> bool:
        return is_for_nobody

    async def main() -> None:
        gateway = Gateway(ChangeListener())
        monkeypatch.setattr(gateway, "is_for_nobody", ask)
        call = AsyncCall(id=uuid.uuid4(), attempt=1)
        work, _ = work_for(uuid.uuid4())
        refusal = NoSuitableHost(reason="no card")
        await QueueExecutor(gateway)._pass_on(call, work.program, refusal)
        await gateway.close()

    monkeypatch.setattr(leases, "give_up", give_up)
    monkeypatch.setattr(leases, "put_back", put_back)
    asyncio.run(main())
    assert done == [ends]
