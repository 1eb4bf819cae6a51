"""Three hosts: calls go anywhere, one is killed, one is cut off, and each comes back.

`a` has a web process and no worker, `b` and `c` have both.
"""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
import requests

from tests.acceptance.hosts import Cluster, Host, cluster, require_namespaces
from tests.acceptance.platform import Account, Platform, deploy, wait_until

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("hosts"), pytest.mark.timeout(300)]

NOTICED_SECONDS = 30
CALLS_A_SECOND = 50
LOST = "The algorithm's process ended during the call."
SOURCE = """
import json
import os
import time
from urllib.request import Request, urlopen


def ask(method, path, body=None):
    headers = {"Content-Type": "text/plain"}
    request = Request(os.environ["ALGORITHMIA_API"] + path, body, headers, method=method)
    return urlopen(request).read()


def call(text):
    return json.loads(ask("POST", "/v1/algo/demo/Work", text.encode()))["result"]


def apply(input):
    if input == "tree":
        ask("PUT", "/v1/data/.session/note.txt", b"kept")
        return [call("read"), call("hi")]
    if input == "read":
        return ask("GET", "/v1/data/.session/note.txt").decode()
    if isinstance(input, dict):
        time.sleep(input["sleep"])
        return input["token"]
    return "did " + input
"""


class World:
    """The hosts, and an algorithm that is published on them."""

    def __init__(self, made: Cluster) -> None:
        self.cluster = made
        self.a, self.b, self.c = (made.hosts[name] for name in "abc")
        self.threads = ThreadPoolExecutor(32)
        self._account = Account(self.a.platform, "demo", self.a.platform.first_run["api_key"])
        # Calls pile up where a machine with two processors starts servers besides.
        made.execute("UPDATE accounts_user SET call_limit = 1000 WHERE username = 'demo'")
        path = deploy(self._account, "Work", SOURCE, publish="public")
        self.path = path.rsplit("/", 1)[0]

    def post(self, host: Host, body: Any, query: str = "") -> requests.Response:
        """One call, over a connection of its own."""
        return requests.post(
            f"{host.url}/v1/algo/{self.path}?timeout=60{query}",
            json=body,
            headers={"Authorization": f"Simple {self._account.key}", "Connection": "close"},
            timeout=90,
        )

    def call(self, host: Host, body: Any) -> Any:
        """What came out of a call that must go well."""
        answer = self.post(host, body)
        assert answer.status_code == 200 and "result" in answer.json(), answer.text
        return answer.json()["result"]

    def begin(self, host: Host, seconds: float) -> "Future[requests.Response]":
        return self.threads.submit(self.post, host, {"sleep": seconds, "token": ""})

    def queue(self, host: Host, seconds: float, token: str, retries: int = 0) -> str:
        body = {"sleep": seconds, "token": token}
        answer = self.post(host, body, f"&output=void&retries={retries}")
        assert answer.status_code == 200, answer.text
        identifier: str = answer.json()["request_id"]
        return identifier

    def request(self, identifier: str) -> dict[str, Any]:
        answer = requests.get(
            f"{self.a.url}/v1/requests/{identifier}",
            headers={"Authorization": f"Simple {self._account.key}"},
            timeout=30,
        )
        body: dict[str, Any] = answer.json()
        return body

    def wait_until_finished(self, identifier: str, seconds: float) -> None:
        def is_finished() -> bool:
            state = self.request(identifier)["state"]
            assert state in ("queued", "running", "finished"), self.request(identifier)
            return bool(state == "finished")

        wait_until(is_finished, seconds, f"{identifier} has finished")

    def queued_states(self) -> set[str]:
        rows = self.cluster.execute("SELECT DISTINCT state FROM algorithms_asynccall")
        return {state for (state,) in rows}

    def running_on(self) -> Host:
        """The one host that has a forwarded call; waits until it has had it for a while."""
        seen: list[list[str]] = []

        def is_there() -> bool:
            seen.append([host.name for host in (self.b, self.c) if host.forwarded()])
            return len(seen) > 20 and len(seen[-1]) == 1 and seen[-20:] == 20 * seen[-1:]

        wait_until(is_there, 20, "a host has the call")
        return self.cluster.hosts[seen[-1][0]]


@pytest.fixture(scope="module")
def world(live: Platform) -> Iterator[World]:
    require_namespaces()
    with cluster(live.data / "environments") as made:
        made.add("a", "web", "beat")
        for name in "bc":
            made.add(name, "web", "worker")
        for host in made.hosts.values():
            host.start()
        for host in made.hosts.values():
            host.wait_until_ready()
        world = World(made)
        yield world
        world.threads.shutdown()


def test_a_call_that_arrives_anywhere_reaches_a_runner(world: World) -> None:
    for host in (world.a, world.b, world.c):
        assert world.call(host, "hi") == "did hi"
    # With all that it leaves in its session, and all that it calls.
    assert world.call(world.a, "tree") == ["kept", "did hi"]
    identifiers = [world.queue(host, 0, host.name) for host in (world.a, world.b, world.c)]
    for identifier in identifiers:
        world.wait_until_finished(identifier, 30)


def test_workers_announce_what_they_have(world: World) -> None:
    workers = world.cluster.workers()
    assert sorted(workers) == ["b", "c"]
    for name, told in workers.items():
        assert told["address"] == f"{world.cluster.hosts[name].address}:7000"
        capacity: Any = told["capacity"]
        assert capacity["runtime"] in ("sandbox", "docker")
        assert capacity["memory_bytes"] > 2**28 and capacity["cpus"] >= 1
        assert capacity["gpus"] >= 0 and capacity["free"] > 0 and capacity["running"] >= 0


class Load(threading.Thread):
    """Calls at an even rate, by way of the hosts that are in the balancer."""

    def __init__(self, world: World, targets: list[Host]) -> None:
        super().__init__(daemon=True)
        self._world = world
        self.targets = targets
        self._ending = threading.Event()
        self._threads = ThreadPoolExecutor(200)
        self.calls: list[tuple[str, Future[requests.Response]]] = []
        self.queued: list[tuple[str, Future[requests.Response]]] = []

    def run(self) -> None:
        began = time.monotonic()
        while not self._ending.is_set():
            number = len(self.calls) + len(self.queued)
            self._ending.wait(max(0.0, began + number / CALLS_A_SECOND - time.monotonic()))
            host = self.targets[number % len(self.targets)]
            token = f"n{number}"
            body = {"sleep": 0.05, "token": token}
            calls, query = (self.calls, "") if number % 5 else (self.queued, "&output=void")
            calls.append((token, self._threads.submit(self._world.post, host, body, query)))

    def end(self) -> None:
        self._ending.set()
        self.join()
        self._threads.shutdown()


def test_a_rolling_restart_loses_no_call_and_fails_none(world: World) -> None:
    """Of two hosts: the web server, out of the balancer meanwhile, and the worker."""
    load = Load(world, [world.a, world.b, world.c])
    load.start()
    began = time.monotonic()
    for host in (world.b, world.c):
        load.targets = [each for each in (world.a, world.b, world.c) if each is not host]
        host.restart("web")
        load.targets = [world.a, world.b, world.c]
        host.restart("worker")
    seconds = time.monotonic() - began
    load.end()

    wrong = [
        (token, answer.status_code, answer.text)
        for token, future in load.calls
        if (answer := future.result()).json().get("result") != token
    ]
    assert not wrong, (len(wrong), len(load.calls), wrong[:3])
    assert len(load.calls) + len(load.queued) > 0.9 * seconds * CALLS_A_SECOND
    expected = {
        future.result().json()["request_id"]: f'"{token}"'.encode() for token, future in load.queued
    }
    wait_until(lambda: not world.queued_states() & {"queued", "running"}, 60, "the queue is done")
    rows = world.cluster.execute("SELECT id, state, result FROM algorithms_asynccall")
    ended = {f"req-{identifier}": (state, result) for identifier, state, result in rows}
    for identifier, result in expected.items():
        state, came = ended[identifier]
        assert (state, bytes(came)) == ("finished", result)
    print(f"{len(load.calls)} calls and {len(load.queued)} queued in {seconds:.1f} s")


def test_a_host_that_is_killed_is_noticed_and_comes_back(world: World) -> None:
    lost = world.begin(world.a, 60)
    victim = world.running_on()
    survivor = world.c if victim is world.b else world.b
    queued = [world.queue(world.a, 2, f"q{n}", retries=2) for n in range(6)]
    time.sleep(0.5)
    began = time.monotonic()

    victim.kill()

    # A call that was sent is not sent again.
    assert lost.result(NOTICED_SECONDS).json()["error"]["message"] == LOST
    # Others go elsewhere at once, at the worst after an attempt to reach it.
    for host in (world.a, survivor):
        assert world.call(host, "hi") == "did hi"
    wait_until(
        lambda: victim.name not in world.cluster.workers(), NOTICED_SECONDS, "its end is noticed"
    )
    assert time.monotonic() - began < NOTICED_SECONDS

    victim.start()
    for identifier in queued:
        world.wait_until_finished(identifier, 60)
    victim.wait_until_ready()
    assert world.call(victim, "hi") == "did hi"


def test_a_host_that_is_cut_off_is_noticed_and_joins_again(world: World) -> None:
    lost = world.begin(world.a, 60)
    victim = world.running_on()
    began = time.monotonic()

    world.cluster.network.set_link(victim.number, "down")

    assert world.call(world.a, "hi") == "did hi"
    assert lost.result(NOTICED_SECONDS).json()["error"]["message"] == LOST
    wait_until(lambda: victim.name not in world.cluster.workers(), NOTICED_SECONDS, "it is noticed")
    assert time.monotonic() - began < NOTICED_SECONDS
    assert world.call(world.a, "hi") == "did hi"
    # The run has ended there as well: nobody waits for it.
    wait_until(lambda: not victim.forwarded(), NOTICED_SECONDS, "its connection has ended")

    world.cluster.network.set_link(victim.number, "up")

    wait_until(lambda: victim.name in world.cluster.workers(), NOTICED_SECONDS, "it is back")
    wait_until(lambda: works(world, victim), NOTICED_SECONDS, "calls through it work")


def works(world: World, host: Host) -> bool:
    try:
        return world.post(host, "hi").json().get("result") == "did hi"
    except requests.RequestException:
        return False
