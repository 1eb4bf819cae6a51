"""HTTP requests to addresses that users have given.

SECURITY: the name is resolved here, every address that it stands for is checked, and the
connection goes to one of the checked addresses: the name is not asked again, so it cannot mean
another host in the next moment. Redirects are answers like others and never followed; proxies of
the environment are not used.
"""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from ipaddress import ip_address

import h11

from algoport.http.addresses import Destination, OutgoingPolicy
from algoport.internet import Address

CONNECT_SECONDS = 10.0
TOTAL_SECONDS = 15.0
MOST_BODY_BYTES = 4096
_MOST_HEAD_BYTES = 64 * 1024
_READ_SIZE = 4096
_BODY_SECONDS = 1.0
_MOST_ADDRESSES = 4
_RESOLVING_THREADS = 32

Resolve = Callable[[str, int], Awaitable[list[Address]]]
Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class NoAnswer(Exception):
    """The host was not reached, or what it said was no HTTP; the text is for the user."""


@cache
def _resolvers() -> ThreadPoolExecutor:
    # The C library may wait for long for a name's server, and cannot be stopped.
    return ThreadPoolExecutor(_RESOLVING_THREADS, thread_name_prefix="resolver")


async def resolve(host: str, port: int) -> list[Address]:
    """The addresses that the system's resolver knows for a host."""
    loop = asyncio.get_running_loop()
    kind = socket.SOCK_STREAM
    found = await loop.run_in_executor(
        _resolvers(), lambda: socket.getaddrinfo(host, port, type=kind)
    )
    # Without the zone, which names an interface of this machine.
    return [ip_address(str(entry[4][0]).partition("%")[0]) for entry in found]


@cache
def verifying_context() -> ssl.SSLContext:
    """TLS with the certificates that this machine trusts."""
    return ssl.create_default_context()


class OutgoingClient:
    """Sends requests to where the policy lets them go; TOTAL_SECONDS bound each as a whole."""

    def __init__(
        self,
        policy: OutgoingPolicy,
        resolve: Resolve = resolve,
        tls: Callable[[], ssl.SSLContext] = verifying_context,
    ) -> None:
        self._policy = policy
        self._resolve = resolve
        self._tls = tls

    async def post(
        self, destination: Destination, headers: list[tuple[str, str]], body: bytes
    ) -> int:
        """The status of the answer. Raises AddressNotAllowed, NoAnswer."""
        try:
            async with asyncio.timeout(TOTAL_SECONDS):
                reader, writer = await self._connect(destination)
                try:
                    return await _exchange(reader, writer, destination, headers, body)
                finally:
                    writer.transport.abort()
        except TimeoutError as exc:
            raise NoAnswer(f"no answer within {TOTAL_SECONDS:.0f} s") from exc
        except OSError as exc:
            raise NoAnswer(f"the connection was lost: {_reason(exc)}") from exc
        except h11.RemoteProtocolError as exc:
            raise NoAnswer("the answer is not HTTP/1.1") from exc

    async def _connect(self, destination: Destination) -> Connection:
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                return await self._connect_to_any(destination)
        except TimeoutError as exc:
            raise NoAnswer(f"no connection within {CONNECT_SECONDS:.0f} s") from exc

    async def _connect_to_any(self, destination: Destination) -> Connection:
        self._policy.check_host(destination)
        try:
            addresses = await self._resolve(destination.host, destination.port)
        except OSError as exc:
            raise NoAnswer("the host's name cannot be resolved") from exc
        self._policy.check_addresses(destination, addresses)
        refused = NoAnswer("the host's name stands for no address")
        for address in addresses[:_MOST_ADDRESSES]:
            try:
                return await self._open(destination, address)
            except ssl.SSLCertVerificationError as exc:
                raise NoAnswer(f"the certificate is not valid: {exc.verify_message}") from exc
            except OSError as exc:
                refused = NoAnswer(f"no connection: {_reason(exc)}")
        raise refused

    async def _open(self, destination: Destination, address: Address) -> Connection:
        if destination.scheme == "http":
            return await asyncio.open_connection(str(address), destination.port)
        return await asyncio.open_connection(
            str(address), destination.port, ssl=self._tls(), server_hostname=destination.host
        )


async def _exchange(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    destination: Destination,
    headers: list[tuple[str, str]],
    body: bytes,
) -> int:
    http = h11.Connection(h11.CLIENT)
    head = [
        ("Host", destination.authority),
        ("Connection", "close"),
        ("Content-Length", str(len(body))),
        *headers,
    ]
    for event in (
        h11.Request(method="POST", target=destination.target, headers=head),
        h11.Data(data=body),
        h11.EndOfMessage(),
    ):
        writer.write(http.send(event) or b"")
    await writer.drain()
    status = await _read_status(reader, http)
    await _skim_body(reader)
    return status


async def _read_status(reader: asyncio.StreamReader, http: h11.Connection) -> int:
    size = 0
    while True:
        event = http.next_event()
        if event is h11.NEED_DATA:
            data = await reader.read(_READ_SIZE)
            if not data:
                raise NoAnswer("the connection ended before there was an answer")
            size += len(data)
            if size > _MOST_HEAD_BYTES:
                raise NoAnswer("the answer's head is too large")
            http.receive_data(data)
        elif isinstance(event, h11.Response):
            return event.status_code


async def _skim_body(reader: asyncio.StreamReader) -> None:
    """Let a host that has something to add say a little of it; nobody reads it."""
    left = MOST_BODY_BYTES
    try:
        async with asyncio.timeout(_BODY_SECONDS):
            while left > 0 and (data := await reader.read(left)):
                left -= len(data)
    except OSError:
        return  # The status was what counts. A TimeoutError is an OSError too.


def _reason(exc: OSError) -> str:
    """What went wrong, without the address that it went wrong with."""
    if isinstance(exc, ssl.SSLError):
        return f"TLS failed ({exc.reason})"
    return exc.strerror if exc.errno and exc.strerror and "'" not in exc.strerror else "failed"
