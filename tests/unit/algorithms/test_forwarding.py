"""Calls that one host forwards to another: who takes them, who does not, and what is lost."""

import asyncio
import json
import uuid
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest

from algoport.accounts.permissions import Principal, PrincipalKind, Run
from algoport.http import signing
from algoport.http.signing import Signer
from algoport.http.tracing import Session, Trace
from algorithms.errors import NoSuitableHost, RunnersUnavailable, SecretsNotReadable
from algorithms.running.forwarding import messages, receiver, sender
from algorithms.running.forwarding.messages import PURPOSE, encode_call, longest_call, path_for
from algorithms.running.forwarding.receiver import Receiver
from algorithms.running.forwarding.sender import Forwarder
from algorithms.running.hosts import Capacity, Hosts, WorkerHost
from algorithms.running.invocation import CUT_OFF, LOST, Outcome, Work
from algorithms.running.pool import RunnerPool
from algorithms.running.program import Call, Loader, Program, loader_without_caller
from algorithms.running.runner import GatewayRunner, Reply
from tests.factories.algorithms import make_program

HELLO = make_program("Hello", algorithm_id=uuid.uuid4())


class Runner(GatewayRunner):
    """Answers without a sandbox: `hello` with what it knows of the call, and what it is told to."""

    connected = True

    @property
    def is_connected(self) -> bool:
        return self.connected

    async def call(self, request: bytes, call: Call) -> Reply:
        word = request[1:].decode()
        call.session.children += 1
        call.session.has_data = word == "file"
        if word.startswith("sleep"):
            await asyncio.sleep(float(word.removeprefix("sleep")))
        seen = [str(call.identity.user_id), str(call.session.id), str(call.trace.id)]
        answers = {
            "fail": b'e{"message":"no","error_type":"ValueError","stacktrace":"line 1"}',
            "bytes": b"b\x00\xff\x00",
            "nothing": b"v",
            "seen": b"j" + json.dumps(seen).encode(),
        }
        answer = answers.get(word, b"t" + word.encode())
        return Reply(memoryview(answer), b"printed", 0.25)


class Starts:
    """A starter whose runners are there at once."""

    def __init__(self) -> None:
        self.callers: list[Loader] = []
        self.stopped = 0
        self.failure: Exception | None = None

    async def start(self, program: Program, loader: Loader) -> GatewayRunner:
        self.callers.append(loader)
        if self.failure is not None:
            raise self.failure
        sockets = {"worker": "w", "agent_socket": "a", "platform_socket": "p"}
        return Runner(uuid.uuid4().hex, sockets, loader)

    async def stop(self, runner: GatewayRunner) -> None:
        self.stopped += 1

    async def reason_of_end(self, runner: GatewayRunner) -> str:
        return ""


class Host:
    """A worker that takes forwarded calls."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.starts = Starts()
        self.pool = RunnerPool(self.starts)
        self.receiver = Receiver(name, self.pool, self.starts)
        self.address = ""

    async def start(self) -> "Host":
        self.address = await self.receiver.start("127.0.0.1", 0)
        return self

    async def stop(self) -> None:
        await self.receiver.close(0)
        await self.pool.close()

    def told(self, free: int = 8) -> WorkerHost:
        return WorkerHost(
            self.name, self.name, self.address, "a runtime", Capacity("sandbox", 1, 1, 0, 0, free)
        )


def hosts_of(*workers: WorkerHost) -> Hosts:
    hosts = Hosts(on_lost=lambda: None)
    hosts.note(list(workers))
    return hosts


def work_for(user: uuid.UUID) -> tuple[Work, Callable[..., Call]]:
    run = Run(HELLO.algorithm_id, uuid.uuid4(), pipeline_enabled=True)
    caller = Principal(
        PrincipalKind.KEY, user, "demo", key_id=uuid.uuid4(), member_of=frozenset([uuid.uuid4()])
    )
    identity = caller.for_run(run)
    spare = loader_without_caller(run.algorithm_id, run.algorithm_owner_id)

    def call(seconds: float = 20.0, children: int = 0) -> Call:
        deadline = asyncio.get_running_loop().time() + seconds
        return Call(Trace(Session(children=children)), identity, deadline)

    return Work(HELLO, identity, spare), call


def with_host(scenario: Callable[[Host], Awaitable[None]]) -> Callable[[], None]:
    def run() -> None:
        async def main() -> None:
            host = await Host("a").start()
            try:
                async with asyncio.timeout(20):
                    await scenario(host)
            finally:
                await host.stop()

        asyncio.run(main())

    return run


async def forward(word: str, *workers: WorkerHost, seconds: float = 20.0) -> Outcome:
    work, call = work_for(uuid.uuid4())
    return await Forwarder(hosts_of(*workers)).run(work, b"t" + word.encode(), call(seconds))


@with_host
async def test_a_call_comes_back_with_all_that_is_told_of_it(host: Host) -> None:
    work, make_call = work_for(uuid.uuid4())
    forwarder = Forwarder(hosts_of(host.told()))
    call = make_call(children=3)

    outcome = await forwarder.run(work, b"tseen", call)

    assert outcome.failure is None and outcome.content_type == "json"
    assert json.loads(outcome.result) == [
        str(each) for each in (work.identity.user_id, call.session.id, call.trace.id)
    ]
    assert (outcome.stdout, outcome.seconds) == (b"printed", 0.25)
    assert call.session.children == 4 and not call.session.has_data
    assert {"queue", "start", "load", "run"} <= set(call.trace.phases)
    # Whoever it is for is the same in every respect.
    assert [loader.principal for loader in host.starts.callers] == [work.identity]


@with_host
async def test_every_kind_of_result_comes_back(host: Host) -> None:
    told = host.told()
    assert (await forward("ünïcode", told)).result == "ünïcode"
    assert (await forward("bytes", told)).result == b"\x00\xff\x00"
    nothing = await forward("nothing", told)
    assert (nothing.content_type, nothing.result) == ("void", b"")
    failure = (await forward("fail", told)).failure
    assert failure is not None
    assert (failure.message, failure.error_type, failure.stacktrace) == (
        *("no", "ValueError", "line 1"),
    )


@with_host
async def test_large_payloads_come_back(host: Host) -> None:
    text = "x" * (9 * 1024 * 1024)
    assert (await forward(text, host.told())).result == text


@with_host
async def test_what_a_run_leaves_in_its_session_is_known(host: Host) -> None:
    work, make_call = work_for(uuid.uuid4())
    call = make_call()
    await Forwarder(hosts_of(host.told())).run(work, b"tfile", call)
    assert call.session.has_data


@with_host
async def test_a_caller_finds_its_runner_again(host: Host) -> None:
    work, make_call = work_for(uuid.uuid4())
    other = await Host("b").start()
    for _ in range(4):
        # Every process has a directory of its own.
        forwarder = Forwarder(hosts_of(host.told(), other.told()))
        await forwarder.run(work, b"thi", make_call())
    assert sorted(len(each.starts.callers) for each in (host, other)) == [0, 1]
    await other.stop()


@with_host
async def test_a_full_host_is_asked_last(host: Host) -> None:
    other = await Host("b").start()
    for _ in range(8):
        await forward("hi", host.told(free=0), other.told())
    assert not host.starts.callers
    await other.stop()


@with_host
async def test_hosts_that_do_not_take_it_are_passed_over(host: Host) -> None:
    leaving, gone = await Host("b").start(), await Host("c").start()
    leaving.receiver.leave()
    await gone.stop()
    workers = (leaving.told(), gone.told(), host.told(free=0))

    assert (await forward("hi", *workers)).result == "hi"

    assert not leaving.starts.callers
    with pytest.raises(RunnersUnavailable):
        await forward("hi", leaving.told(), gone.told())
    await leaving.stop()


@with_host
async def test_what_the_platform_refuses_is_refused(host: Host) -> None:
    for refusal in (RunnersUnavailable(), SecretsNotReadable(), NoSuitableHost(reason="no card")):
        host.starts.failure = refusal
        with pytest.raises(type(refusal)) as told:
            await forward("hi", host.told())
        assert told.value.text == refusal.text


@with_host
async def test_a_call_that_a_host_has_is_not_repeated(host: Host) -> None:
    other = await Host("b").start()
    running = asyncio.ensure_future(forward("sleep9", host.told(), other.told(free=0)))
    while not host.starts.callers:
        await asyncio.sleep(0.01)

    await host.receiver.close(0)

    failure = (await running).failure
    assert failure is not None and (failure.message, failure.error_type) == (LOST, "SystemError")
    assert not other.starts.callers
    await other.stop()


@with_host
async def test_a_host_that_stops_finishes_what_it_has(host: Host) -> None:
    running = asyncio.ensure_future(forward("sleep0.3", host.told()))
    while not host.starts.callers:
        await asyncio.sleep(0.01)
    await host.receiver.close(5)
    assert (await running).result == "sleep0.3"


@with_host
async def test_a_run_ends_with_its_connection(host: Host) -> None:
    running = asyncio.ensure_future(forward("sleep9", host.told()))
    while not host.pool.state().busy:
        await asyncio.sleep(0.01)
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    while not host.starts.stopped:
        await asyncio.sleep(0.01)


@with_host
async def test_a_call_past_its_deadline_is_cut_off(host: Host) -> None:
    failure = (await forward("sleep9", host.told(), seconds=0.2)).failure
    assert failure is not None and (failure.message, failure.error_type) == (
        *(CUT_OFF, "TimeoutError"),
    )


def test_a_long_run_is_kept_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender, "SILENCE_SECONDS", 0.5)
    monkeypatch.setattr(receiver, "HEARTBEAT_SECONDS", 0.1)

    @with_host
    async def scenario(host: Host) -> None:
        assert (await forward("sleep1.2", host.told())).result == "sleep1.2"

    scenario()


def test_a_host_that_falls_silent_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender, "SILENCE_SECONDS", 0.3)

    @with_host
    async def scenario(host: Host) -> None:
        failure = (await forward("sleep9", host.told())).failure
        assert failure is not None and failure.message == LOST

    scenario()


# -- what is not signed ---------------------------------------------------------------------


async def send_raw(host: Host, path: str, headers: dict[str, str], body: bytes) -> int:
    """The status of a request that was put together by hand."""
    name, port = host.address.split(":")
    reader, writer = await asyncio.open_connection(name, int(port))
    lines = [f"POST {path} HTTP/1.1", "Host: a", *(f"{k}: {v}" for k, v in headers.items())]
    writer.write("\r\n".join([*lines, "", ""]).encode() + body)
    status = int((await reader.readline()).split()[1])
    writer.close()
    return status


@with_host
async def test_nothing_runs_that_is_not_signed_for_this_host(host: Host) -> None:
    work, make_call = work_for(uuid.uuid4())
    message = encode_call(work, b"thi", make_call())
    path, length = path_for("a"), {"Content-Length": str(len(message))}
    good = Signer(PURPOSE).headers("POST", path, message) | length
    signature = good["x-algoport-signature"]
    for_another = Signer(PURPOSE).headers("POST", path_for("b"), message) | length

    refused: list[dict[str, Any]] = [
        length,
        good | {"x-algoport-signature": "0" * 64},
        good | {"x-algoport-signature": signature.upper() + "é"},
        good | {"x-algoport-time": "nan"},
        Signer("something else").headers("POST", path, message) | length,
        for_another,
    ]
    for headers in refused:
        assert await send_raw(host, path, headers, message) == 403
    # Bound for another worker, or for one that was here before.
    assert await send_raw(host, path_for("b"), for_another, message) == 503
    # The body is another one.
    other = message[:-1] + b"!"
    assert await send_raw(host, path, good, other) == 403
    assert not host.starts.callers


@with_host
async def test_a_request_is_taken_once_and_while_it_is_fresh(host: Host) -> None:
    work, make_call = work_for(uuid.uuid4())
    message = encode_call(work, b"thi", make_call())
    path, length = path_for("a"), {"Content-Length": str(len(message))}
    good = Signer(PURPOSE).headers("POST", path, message) | length
    assert await send_raw(host, path, good, message) == 200
    assert await send_raw(host, path, good, message) == 403

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(signing.time, "time", lambda: 1_000_000.0)
        old = Signer(PURPOSE).headers("POST", path, message) | length
    assert await send_raw(host, path, old, message) == 403
    assert len(host.starts.callers) == 1


@with_host
async def test_a_body_is_bounded_before_it_is_read(host: Host) -> None:
    path = path_for("a")
    headers = Signer(PURPOSE).headers("POST", path, b"") | {
        "Content-Length": str(longest_call() + 1)
    }
    assert await send_raw(host, path, headers, b"") == 413
    chunked = Signer(PURPOSE).headers("POST", path, b"") | {"Transfer-Encoding": "chunked"}
    assert await send_raw(host, path, chunked, b"") == 413


def test_a_heartbeat_cannot_be_taken_for_an_answer() -> None:
    assert messages.MARK != messages.HEARTBEAT
    assert not any(kind.value in (messages.HEARTBEAT, b"") for kind in messages.Kind)
