"""Frames from an agent, however they come."""

import asyncio
import os
import socket
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest
import uvloop

from algorithms.running.connection import AgentConnection
from algorithms.running.frames import HEAD, FrameType, ProtocolViolation, encode

AHEAD = 16 * 1024
SIZES = [0, 1, AHEAD - 6, AHEAD - 5, AHEAD - 4, AHEAD, AHEAD + 1, 3, 1_000_000, 0, 20_000, 7]

Test = Callable[[AgentConnection, socket.socket], Coroutine[Any, Any, None]]


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop])
def run(request: pytest.FixtureRequest) -> Iterator[Callable[[Test], None]]:
    loop = request.param()
    ours, theirs = socket.socketpair()

    async def within(test: Test) -> None:
        agent = AgentConnection()
        await loop.create_unix_connection(lambda: agent, sock=ours)
        async with asyncio.timeout(10):
            await test(agent, theirs)
        agent.close()

    theirs.setblocking(False)
    yield lambda test: loop.run_until_complete(within(test))
    theirs.close()
    loop.close()


@pytest.mark.parametrize("piece", [1_500, AHEAD, 100_000, 10_000_000])
def test_frames_come_whole(run: Callable[[Test], None], piece: int) -> None:
    payloads = [os.urandom(size) for size in SIZES]
    data = b"".join(encode(FrameType.OUTPUT, each) for each in payloads)

    async def test(agent: AgentConnection, theirs: socket.socket) -> None:
        async def send() -> None:
            for begin in range(0, len(data), piece):
                loop = asyncio.get_running_loop()
                await loop.sock_sendall(theirs, data[begin : begin + piece])
                await asyncio.sleep(0)

        sending = asyncio.create_task(send())
        received = [await agent.receive() for _ in payloads]
        assert received == [(FrameType.OUTPUT, each) for each in payloads]
        await sending

    run(test)


def test_what_nobody_asks_for_is_not_taken(run: Callable[[Test], None]) -> None:
    frame = encode(FrameType.OUTPUT, bytes(1000))

    async def test(agent: AgentConnection, theirs: socket.socket) -> None:
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 64 * 1024)
        sent, refused = 0, 0
        while refused < 20:
            try:
                sent += theirs.send(frame * 100)
            except BlockingIOError:
                refused += 1
            await asyncio.sleep(0)
        assert sent < 1024 * 1024
        # It goes on when somebody does.
        for _ in range(sent // len(frame)):
            assert await agent.receive() == (FrameType.OUTPUT, bytes(1000))

    run(test)


def test_the_end_comes_after_what_was_sent(run: Callable[[Test], None]) -> None:
    async def test(agent: AgentConnection, theirs: socket.socket) -> None:
        theirs.send(encode(FrameType.ENDED, b"{}") + HEAD.pack(b"d", 1_000_000) + bytes(50_000))
        theirs.close()
        assert await agent.receive() == (FrameType.ENDED, b"{}")
        with pytest.raises(ConnectionError):
            await agent.receive()
        assert not agent.is_open
        with pytest.raises(ConnectionError):
            agent.send(FrameType.CALL, b"tx")

    run(test)


def test_an_end_while_nobody_waits_is_seen(run: Callable[[Test], None]) -> None:
    async def test(agent: AgentConnection, theirs: socket.socket) -> None:
        assert agent.is_open
        theirs.close()
        while agent.is_open:
            await asyncio.sleep(0)

    run(test)


@pytest.mark.parametrize("head", [HEAD.pack(b"z", 1), HEAD.pack(b"d", 2**31)])
def test_what_no_agent_sends_is_refused(run: Callable[[Test], None], head: bytes) -> None:
    async def test(agent: AgentConnection, theirs: socket.socket) -> None:
        theirs.send(head)
        with pytest.raises(ProtocolViolation):
            await agent.receive()

    run(test)
