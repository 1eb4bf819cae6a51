"""Requests to addresses of users, against real servers on this machine."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from ipaddress import ip_address
from pathlib import Path

import pytest

from algoport.http import outgoing
from algoport.http.addresses import (
    AddressNotAllowed,
    Destination,
    OutgoingPolicy,
    parse_destination,
)
from algoport.http.outgoing import NoAnswer, OutgoingClient
from algoport.internet import Address
from tests.factories.certificates import certificate

LOOPBACK = [ip_address("127.0.0.1")]
PUBLIC = ip_address("8.8.8.8")
OK = b"HTTP/1.1 204 No Content\r\n\r\n"

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Receiver:
    """A server that says `answer` to every request, and keeps what it was sent."""

    def __init__(self, answer: bytes = OK) -> None:
        self.answer = answer
        self.requests: list[bytes] = []
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        self.requests.append(head + await reader.readexactly(len(b"{}")))
        writer.write(self.answer)
        try:
            await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()

    @asynccontextmanager
    async def running(self, tls: ssl.SSLContext | None = None) -> AsyncIterator["Receiver"]:
        server = await asyncio.start_server(self.serve, "127.0.0.1", 0, ssl=tls)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()


def names(*answers: list[Address]) -> outgoing.Resolve:
    """A resolver that gives one answer after the other, the last one for ever."""
    left = list(answers)

    async def resolve(host: str, port: int) -> list[Address]:
        return left.pop(0) if len(left) > 1 else left[0]

    return resolve


def allowing(host: str, resolve: outgoing.Resolve | None = None) -> OutgoingClient:
    policy = OutgoingPolicy(frozenset({(host, None)}))
    return OutgoingClient(policy, resolve or names(LOOPBACK))


async def post(client: OutgoingClient, url: str) -> int:
    return await client.post(parse_destination(url), [("X-Test", "yes")], b"{}")


def test_the_request_that_is_sent() -> None:
    async def run() -> None:
        async with Receiver().running() as receiver:
            url = f"http://hooks.internal:{receiver.port}/a?b=c"
            assert await post(allowing("hooks.internal"), url) == 204
            head, _, body = receiver.requests[0].partition(b"\r\n\r\n")
            lines = head.decode().split("\r\n")
            assert lines[0] == "POST /a?b=c HTTP/1.1" and body == b"{}"
            assert f"Host: hooks.internal:{receiver.port}" in lines
            assert {"Content-Length: 2", "Connection: close", "X-Test: yes"} <= set(lines)

    asyncio.run(run())


def test_every_address_of_a_name_is_checked() -> None:
    async def run() -> None:
        async with Receiver().running() as receiver:
            for addresses in ([PUBLIC, *LOOPBACK], [*LOOPBACK, PUBLIC], LOOPBACK):
                client = OutgoingClient(OutgoingPolicy(), names(addresses))
                with pytest.raises(AddressNotAllowed):
                    await post(client, f"http://hooks.example:{receiver.port}/")
            assert receiver.requests == []

    asyncio.run(run())


def test_a_name_that_changes_its_mind(monkeypatch: pytest.MonkeyPatch) -> None:
    """The connection goes to the address that was checked, and the next attempt checks anew."""
    opened: list[Address] = []

    async def note(self: OutgoingClient, destination: Destination, address: Address) -> None:
        opened.append(address)
        raise ConnectionRefusedError(111, "Connection refused")

    monkeypatch.setattr(OutgoingClient, "_open", note)
    client = OutgoingClient(OutgoingPolicy(), names([PUBLIC], LOOPBACK))

    async def run() -> None:
        with pytest.raises(NoAnswer, match="Connection refused"):
            await post(client, "http://rebind.example/")
        assert opened == [PUBLIC]
        with pytest.raises(AddressNotAllowed):
            await post(client, "http://rebind.example/")
        assert opened == [PUBLIC]

    asyncio.run(run())


def test_a_redirect_is_not_followed() -> None:
    async def run() -> None:
        async with Receiver().running() as inner:
            moved = f"HTTP/1.1 307 Moved\r\nLocation: http://127.0.0.1:{inner.port}/\r\n\r\n"
            async with Receiver(moved.encode()).running() as receiver:
                url = f"http://hooks.internal:{receiver.port}/"
                assert await post(allowing("hooks.internal"), url) == 307
            assert inner.requests == []

    asyncio.run(run())


def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        async with Receiver().running() as receiver, Receiver().running() as proxy:
            monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.port}")
            monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.port}")
            url = f"http://hooks.internal:{receiver.port}/"
            assert await post(allowing("hooks.internal"), url) == 204
            assert proxy.requests == []

    asyncio.run(run())


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"220 mail.example ESMTP\r\n\r\n", "not HTTP"),
        (b"", "ended before"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000, "not HTTP|too large"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" * 10_000, "too large"),
    ],
)
def test_nonsense_is_no_answer(answer: bytes, error: str) -> None:
    async def run() -> None:
        async with Receiver(answer).running() as receiver:
            with pytest.raises(NoAnswer, match=error):
                url = f"http://hooks.internal:{receiver.port}/"
                await post(allowing("hooks.internal"), url)

    asyncio.run(run())


def test_of_a_long_body_little_is_read() -> None:
    async def run() -> None:
        written = 0

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal written
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
            try:
                while True:
                    writer.write(b"x" * 65536)
                    await writer.drain()
                    written += 65536
            except ConnectionError:
                ended.set()
            finally:
                writer.close()

        ended = asyncio.Event()
        receiver = Receiver()
        receiver.serve = serve  # type: ignore[method-assign]
        async with receiver.running():
            url = f"http://hooks.internal:{receiver.port}/"
            assert await post(allowing("hooks.internal"), url) == 200
            await asyncio.wait_for(ended.wait(), 10)
        # What the kernel's buffers hold, far from all of it.
        assert written < 32_000_000

    asyncio.run(run())


def test_a_slow_host_costs_no_more_than_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outgoing, "TOTAL_SECONDS", 0.3)

    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                await writer.drain()
                await asyncio.sleep(0.02)
        except ConnectionError:
            pass
        finally:
            writer.close()

    async def run() -> None:
        receiver = Receiver()
        receiver.serve = drip  # type: ignore[method-assign]
        async with receiver.running():
            with pytest.raises(NoAnswer, match="no answer within"):
                url = f"http://hooks.internal:{receiver.port}/"
                await post(allowing("hooks.internal"), url)

    asyncio.run(run())


def test_certificates_are_verified_for_the_name(tmp_path: Path) -> None:
    served = certificate(tmp_path, "hooks.internal")
    trusting = ssl.create_default_context(cafile=str(tmp_path / "hooks.internal.pem"))
    policy = OutgoingPolicy(frozenset({("hooks.internal", None), ("other.internal", None)}))

    async def run() -> None:
        async with Receiver().running(served) as receiver:
            client = OutgoingClient(policy, names(LOOPBACK), lambda: trusting)
            assert await post(client, f"https://hooks.internal:{receiver.port}/") == 204
            with pytest.raises(NoAnswer, match="certificate is not valid"):
                await post(client, f"https://other.internal:{receiver.port}/")
            with pytest.raises(NoAnswer, match="certificate is not valid"):
                stranger = OutgoingClient(policy, names(LOOPBACK))
                await post(stranger, f"https://hooks.internal:{receiver.port}/")
            assert len(receiver.requests) == 1

    asyncio.run(run())
