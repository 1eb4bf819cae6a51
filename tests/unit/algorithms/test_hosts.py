"""What a web process knows of the hosts, and where it runs calls because of that."""

import asyncio
import uuid

import pytest
import redis
from pytest_django import Settings

from algoport.containers.docker_runtime import DockerRuntime
from algoport.db.changes import ChangeListener
from algorithms.running import gateway as module
from algorithms.running import registry
from algorithms.running.gateway import Gateway
from algorithms.running.hosts import (
    DOCKER,
    Capacity,
    Hosts,
    WorkerHost,
    announce_worker,
    capacity_now,
    read_workers,
    unannounce_worker,
)
from algorithms.running.program import Program
from tests.factories.algorithms import make_program

HELLO = make_program("Hello", algorithm_id=uuid.uuid4())
CARD = HELLO._replace(machine="gpu")
OWN = HELLO._replace(base_image="python:3")


def worker(
    name: str,
    address: str = "10.0.0.1:7000",
    free: int = 8,
    runtime: str = "sandbox",
    gpus: int = 0,
) -> WorkerHost:
    return WorkerHost(name, name, address, "a runtime", Capacity(runtime, 2**30, 2, gpus, 0, free))


@pytest.fixture
def here(settings: Settings) -> str:
    settings.HOST_ID = "here"
    return "here"


def test_a_worker_is_known_until_it_says_no_more() -> None:
    async def main() -> list[list[str]]:
        valkey = registry.gateway_connection()
        one, two = worker(uuid.uuid4().hex), worker(uuid.uuid4().hex)
        ours = {one.worker_id, two.worker_id}

        async def known() -> list[str]:
            return [each.host_id for each in await read_workers(valkey) if each.worker_id in ours]

        await announce_worker(valkey, one)
        await announce_worker(valkey, two)
        seen = [await known()]
        await unannounce_worker(valkey, one.worker_id)
        seen.append(await known())
        # As if it had died: its key runs out.
        assert 0 < await valkey.ttl(registry.worker_key(two.worker_id)) <= 15
        await valkey.delete(registry.worker_key(two.worker_id))
        seen.append(await known())
        assert not await valkey.sismember(registry.WORKERS_KEY, two.worker_id)
        await valkey.aclose()
        return [sorted(seen[0]) == sorted(ours), seen[1] == [two.host_id], seen[2]]

    assert asyncio.run(main()) == [True, True, []]


def test_a_machine_tells_what_it_has() -> None:
    capacity = capacity_now("sandbox", 3, 5)
    assert capacity.memory_bytes > 2**28 and capacity.cpus >= 1 and capacity.gpus >= 0
    assert (capacity.runtime, capacity.running, capacity.free) == ("sandbox", 3, 5)


def test_one_host_is_as_if_there_were_no_others(here: str) -> None:
    lost: list[str] = []
    hosts = Hosts(on_lost=lambda: lost.append("lost"))
    for workers in ([], [worker(here, address="")], [worker("elsewhere", address="")]):
        hosts.note(workers)
        assert not hosts.are_several and hosts.has_worker_here and not hosts.have_room_for(HELLO)
    assert not lost


def test_the_own_host_is_preferred_while_it_has_a_worker(here: str) -> None:
    lost: list[str] = []
    hosts = Hosts(on_lost=lambda: lost.append("lost"))
    hosts.note([worker(here), worker("b")])
    assert hosts.are_several and hosts.has_worker_here and hosts.have_room_for(HELLO)
    assert [each.host_id for each in hosts.ranked(HELLO, uuid.uuid4())] == ["b"]
    assert not lost
    hosts.note([worker("b")])
    assert not hosts.has_worker_here and lost == ["lost"]


def test_callers_are_spread_and_stay(here: str) -> None:
    workers = [worker(name) for name in "bcd"]
    one, two = Hosts(lambda: None), Hosts(lambda: None)
    one.note(workers)
    two.note(workers[::-1])
    first = []
    for _ in range(60):
        caller = uuid.uuid4()
        ranked = [each.host_id for each in one.ranked(HELLO, caller)]
        assert ranked == [each.host_id for each in two.ranked(HELLO, caller)]
        first.append(ranked[0])
        # When the first is gone or full, the others keep their order.
        one.note([each for each in workers if each.host_id != ranked[0]])
        assert [each.host_id for each in one.ranked(HELLO, caller)] == ranked[1:]
        one.note([worker(ranked[0], free=0), *(worker(name) for name in ranked[1:])])
        assert [each.host_id for each in one.ranked(HELLO, caller)] == [*ranked[1:], ranked[0]]
        one.note(workers)
    assert all(first.count(name) > 5 for name in "bcd")


def test_who_was_not_reached_is_asked_last(here: str) -> None:
    hosts = Hosts(lambda: None)
    hosts.note([worker("b"), worker("c")])
    caller = uuid.uuid4()
    before = [each.host_id for each in hosts.ranked(HELLO, caller)]
    hosts.avoid(before[0])
    assert [each.host_id for each in hosts.ranked(HELLO, caller)] == before[::-1]
    hosts.note([worker("b"), worker("c")])
    assert [each.host_id for each in hosts.ranked(HELLO, caller)] == before[::-1]
    hosts.avoid(before[1])
    assert not hosts.have_room_for(HELLO)


def test_what_needs_containers_and_cards_goes_where_they_are(here: str) -> None:
    hosts = Hosts(lambda: None)
    machines = {
        "b": worker("b", gpus=2),  # The sandbox gives nobody a card.
        "c": worker("c", runtime="docker"),
        "d": worker("d", runtime="docker", gpus=1),
    }
    hosts.note([worker(here), *machines.values()])

    def ranked(program: Program) -> set[str]:
        return {each.host_id for each in hosts.ranked(program, uuid.uuid4())}

    assert ranked(HELLO) == {"b", "c", "d"}
    assert ranked(OWN) == {"c", "d"}
    assert ranked(CARD) == ranked(CARD._replace(base_image="python:3")) == {"d"}
    assert hosts.suits_here(HELLO) and not hosts.suits_here(OWN) and not hosts.suits_here(CARD)
    assert hosts.have_room_for(CARD)
    # Full is not the same as unable.
    hosts.note([worker(here), worker("d", runtime="docker", gpus=1, free=0)])
    assert hosts.suits_elsewhere(CARD) and not hosts.have_room_for(CARD)
    hosts.note([worker(here), machines["b"], machines["c"]])
    assert not hosts.suits_elsewhere(CARD) and ranked(CARD) == set()
    # Before a worker is known of, nobody can say that it is not the right one.
    hosts.note([])
    assert hosts.suits_here(CARD)


def test_the_runtime_with_containers_is_named_as_it_is_announced() -> None:
    assert DockerRuntime.name == DOCKER


def test_the_broker_may_be_away(monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(valkey: object) -> list[WorkerHost]:
        raise redis.ConnectionError("away")

    async def main() -> bool:
        gateway = Gateway(ChangeListener())
        gateway.hosts.note([worker("b")])
        monkeypatch.setattr(module, "read_workers", away)
        await gateway.look_at_hosts()
        await gateway.close()
        return gateway.hosts.are_several

    assert asyncio.run(main())
