"""The web process's end of forwarded calls.

A host that cannot be reached, or refuses before it has the call, is not the call's end: another is
asked. Once a host has it, nobody but that host knows whether it ran, so it is never sent again.
"""

import asyncio
import logging
import time
from urllib.parse import urlsplit

import h11

from algoport.errors import ApiError
from algoport.http.signing import MAC_BYTES, Signer
from algorithms.errors import RunFailed, RunnersUnavailable
from algorithms.running.forwarding.messages import (
    HEARTBEAT,
    MARK,
    PURPOSE,
    SILENCE_SECONDS,
    Ended,
    decode_answer,
    encode_call,
    path_for,
)
from algorithms.running.forwarding.receiver import end_silent
from algorithms.running.hosts import Hosts, WorkerHost
from algorithms.running.invocation import CUT_OFF, LOST, Outcome, Work, failed
from algorithms.running.program import Call

logger = logging.getLogger(__name__)

CONNECT_SECONDS = 2.0
# For the largest input over a slow network.
_DELIVERY_SECONDS = 20.0
_READ_SIZE = 256 * 1024
# What a call's host has for telling that its time is over.
_GRACE_SECONDS = 5.0


class NotTaken(Exception):
    """The host does not have the call."""


class _Lost(Exception):
    """The host had the call, and nobody knows what became of it."""


class Forwarder:
    """Sends calls to workers of other hosts."""

    def __init__(self, hosts: Hosts) -> None:
        self._hosts = hosts
        self._signer = Signer(PURPOSE)

    async def run(self, work: Work, request: bytes, call: Call) -> Outcome:
        """As `invoke`. Raises what the last host refused with, RunnersUnavailable without any."""
        assert work.identity.user_id is not None
        began = time.perf_counter()
        refusal: ApiError = RunnersUnavailable()
        try:
            async with asyncio.timeout_at(call.deadline + _GRACE_SECONDS):
                for worker in self._hosts.ranked(work.program, work.identity.user_id):
                    try:
                        return _take(await self._ask(worker, work, request, call), call)
                    except NotTaken as exc:
                        logger.warning("host %s did not take a call: %s", worker.host_id, exc)
                        self._hosts.avoid(worker.worker_id)
                    except ApiError as exc:
                        refusal = exc
        except TimeoutError:
            return failed(RunFailed(CUT_OFF, "TimeoutError"), began)
        except _Lost as exc:
            logger.error("host %s was lost with a call", exc)
            # Whatever it has left there is looked for when the session ends.
            call.session.has_data = True
            return failed(RunFailed(LOST, "SystemError"), began)
        finally:
            call.trace.spent("run")
        raise refusal

    async def _ask(self, worker: WorkerHost, work: Work, request: bytes, call: Call) -> Ended:
        """Raises NotTaken, _Lost, and what the host says in place of running it."""
        message = encode_call(work, request, call)
        path = path_for(worker.worker_id)
        headers = self._signer.headers("POST", path, message)
        try:
            exchange = await _connect(worker.address)
        except (OSError, TimeoutError) as exc:
            raise NotTaken(str(exc) or "it does not answer") from exc
        try:
            await exchange.offer(path, headers, len(message))
            answer = await exchange.deliver(message)
        except (ConnectionError, h11.ProtocolError, TimeoutError, OSError) as exc:
            raise _Lost(worker.host_id) from exc
        finally:
            exchange.close()
        mark, mac, answer = answer[:1], answer[1 : 1 + MAC_BYTES], answer[1 + MAC_BYTES :]
        if mark != MARK or not self._signer.is_of_answer(mac, headers, answer):
            raise _Lost(worker.host_id)
        return decode_answer(answer)


def _take(ended: Ended, call: Call) -> Outcome:
    """What the call and its session know of their time on the other host."""
    call.session.children = max(call.session.children, ended.children)
    call.session.has_data |= ended.has_data
    call.trace.spent("run")
    for phase, seconds in ended.phases.items():
        if phase != "run":
            call.trace.move("run", phase, seconds)
    return ended.outcome


async def _connect(address: str) -> "_Exchange":
    parts = urlsplit(f"//{address}")
    async with asyncio.timeout(CONNECT_SECONDS):
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    end_silent(writer)
    return _Exchange(reader, writer, address)


class _Exchange:
    """One connection, for one call; closing it ends the run."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, address: str
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._address = address
        self._http = h11.Connection(h11.CLIENT)

    def close(self) -> None:
        self._writer.close()

    async def offer(self, path: str, headers: dict[str, str], length: int) -> None:
        """Ask whether the host takes the call. Raises NotTaken."""
        own = {"Host": self._address, "Content-Length": str(length), "Expect": "100-continue"}
        head = h11.Request(method="POST", target=path, headers=list({**own, **headers}.items()))
        try:
            self._send(head)
            event = await self._next()
        except (OSError, h11.ProtocolError, TimeoutError) as exc:
            raise NotTaken("it does not answer") from exc
        if not isinstance(event, h11.InformationalResponse):
            status = event.status_code if isinstance(event, h11.Response) else "nothing"
            raise NotTaken(f"it answers {status}")

    async def deliver(self, message: bytes) -> bytes:
        """Send the call; the answer without its heartbeats. Raises ConnectionError, TimeoutError.

        From the first byte on the host may have it.
        """
        self._send(h11.Data(data=message))
        self._send(h11.EndOfMessage())
        async with asyncio.timeout(_DELIVERY_SECONDS):
            await self._writer.drain()
        head = await self._next()
        if not isinstance(head, h11.Response) or head.status_code != 200:
            raise ConnectionResetError
        parts: list[bytes] = []
        while isinstance(event := await self._next(), h11.Data):
            data = bytes(event.data)
            parts.append(data if parts else data.lstrip(HEARTBEAT))
            if not parts[-1]:
                parts.pop()
        if not isinstance(event, h11.EndOfMessage):
            raise ConnectionResetError
        return b"".join(parts)

    def _send(self, event: h11.Event) -> None:
        self._writer.write(self._http.send(event) or b"")

    async def _next(self) -> h11.Event | type[h11.PAUSED]:
        while True:
            event = self._http.next_event()
            if event is not h11.NEED_DATA:
                return event  # type: ignore[return-value]
            async with asyncio.timeout(SILENCE_SECONDS):
                data = await self._reader.read(_READ_SIZE)
            self._http.receive_data(data)
