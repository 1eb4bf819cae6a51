"""The worker's end of forwarded calls: HTTP on an address of its own, one call a connection.

SECURITY: nothing but a signed head is looked at; only then the body is asked for, which is bounded
and has to be the one that was signed. Whom the call is for is believed because of the signature.
"""

import asyncio
import logging
import socket
from contextlib import suppress

import h11

from algoport.errors import ApiError
from algoport.http.signing import SignatureRefused, Verifier
from algoport.http.tracing import current_trace
from algorithms.errors import RunnersUnavailable, TooManyCallsWaiting
from algorithms.running.forwarding.messages import (
    HEARTBEAT,
    HEARTBEAT_SECONDS,
    MARK,
    PURPOSE,
    SILENCE_SECONDS,
    ForwardedCall,
    decode_call,
    encode_outcome,
    encode_refusal,
    longest_call,
    path_for,
)
from algorithms.running.invocation import EndReasons, invoke
from algorithms.running.pool import RunnerPool

logger = logging.getLogger(__name__)

_HEAD_SECONDS = 5.0
_BODY_SECONDS = 30.0
_READ_SIZE = 256 * 1024
_MOST_CONNECTIONS = 512


class Refused(Exception):
    """The request is answered with this status and not looked at further."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class Receiver:
    """Runs calls that web processes of other hosts forward, until it is to leave."""

    def __init__(self, worker_id: str, pool: RunnerPool, reasons: EndReasons) -> None:
        self._path = path_for(worker_id)
        self._pool = pool
        self._reasons = reasons
        self._verifier = Verifier(PURPOSE)
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_leaving = False

    async def start(self, host: str, port: int) -> str:
        """Listen; the address by which others reach it."""
        self._server = await asyncio.start_server(self._accept, host, port, reuse_address=True)
        name, found = self._server.sockets[0].getsockname()[:2]
        return f"[{name}]:{found}" if ":" in name else f"{name}:{found}"

    def leave(self) -> None:
        """Refuse calls from now on, so that they go elsewhere."""
        self._is_leaving = True

    async def close(self, seconds: float) -> None:
        """Wait so long for what runs, and end the rest."""
        self._is_leaving = True
        tasks = list(self._tasks)
        if tasks:
            await asyncio.wait(tasks, timeout=seconds)
        if self._server is not None:
            self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        if len(self._tasks) >= _MOST_CONNECTIONS:
            writer.close()
            return
        self._tasks.add(task)
        end_silent(writer)
        try:
            await self._serve(_Exchange(reader, writer))
        except (OSError, h11.ProtocolError, TimeoutError) as exc:
            logger.info("a forwarded call has lost its connection: %s", exc)
        except asyncio.CancelledError:
            logger.warning("a forwarded call is ended with this worker")
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _serve(self, exchange: "_Exchange") -> None:
        try:
            forwarded, headers = await self._receive(exchange)
        except Refused as exc:
            await exchange.refuse(exc.status)
            return
        await exchange.begin()
        answer = await self._run(exchange, forwarded)
        if answer is not None:
            await exchange.end(MARK + self._verifier.of_answer(headers, answer) + answer)

    async def _receive(self, exchange: "_Exchange") -> tuple[ForwardedCall, dict[str, str]]:
        """The call, and the headers that it came with. Raises Refused."""
        async with asyncio.timeout(_HEAD_SECONDS):
            head = await exchange.next_event()
        if not isinstance(head, h11.Request):
            raise ConnectionResetError("nothing was asked")
        headers = {name.decode(): value.decode("latin-1") for name, value in head.headers}
        path = head.target.decode("latin-1")
        try:
            self._verifier.verify(head.method.decode(), path, headers)
            if self._is_leaving or path != self._path:
                raise Refused(503)
            length = headers.get("content-length", "")
            if not length.isdecimal() or int(length) > longest_call():
                raise Refused(413)
            async with asyncio.timeout(_BODY_SECONDS):
                body = await exchange.body()
            self._verifier.check_body(headers, body)
        except SignatureRefused as exc:
            logger.warning("a forwarded call is refused: %s", exc)
            raise Refused(403) from exc
        return decode_call(body), headers

    async def _run(self, exchange: "_Exchange", forwarded: ForwardedCall) -> bytes | None:
        """What there is to answer; None when nobody waits for it any more."""
        work, request, call = forwarded
        current_trace.set(call.trace)
        running = asyncio.ensure_future(invoke(self._pool, self._reasons, work, request, call))
        gone = asyncio.ensure_future(exchange.gone())
        try:
            while not running.done():
                await asyncio.wait(
                    (running, gone),
                    timeout=HEARTBEAT_SECONDS,
                    return_when=asyncio.FIRST_COMPLETED,
                )
                if gone.done() and not running.done():
                    return None
                if not running.done():
                    await exchange.send(HEARTBEAT)
            return encode_outcome(running.result(), call)
        except (RunnersUnavailable, TooManyCallsWaiting) as exc:
            return encode_refusal(exc)
        except ApiError:
            logger.exception("a forwarded call failed in the platform")
            return encode_refusal(RunnersUnavailable())
        finally:
            for task in (running, gone):
                task.cancel()
            with suppress(asyncio.CancelledError):
                await asyncio.gather(running, gone, return_exceptions=True)


class _Exchange:
    """One request with its answer."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._http = h11.Connection(h11.SERVER)

    async def next_event(self) -> h11.Event | type[h11.PAUSED]:
        while True:
            event = self._http.next_event()
            if event is not h11.NEED_DATA:
                return event  # type: ignore[return-value]
            if self._http.they_are_waiting_for_100_continue and self._may_continue:
                await self._write(h11.InformationalResponse(status_code=100, headers=[]))
            self._http.receive_data(await self._reader.read(_READ_SIZE))

    _may_continue = False

    async def body(self) -> bytes:
        """What follows the head, which now may come."""
        self._may_continue = True
        parts = []
        while isinstance(event := await self.next_event(), h11.Data):
            parts.append(bytes(event.data))
        if not isinstance(event, h11.EndOfMessage):
            raise ConnectionResetError("the call ended in the middle")
        return b"".join(parts)

    async def gone(self) -> None:
        """Return when the other end has closed, or sends what nobody has asked for."""
        with suppress(OSError):
            await self._reader.read(1)

    async def refuse(self, status: int) -> None:
        headers = [("Content-Length", "0"), ("Connection", "close")]
        await self._write(h11.Response(status_code=status, headers=headers))
        await self._write(h11.EndOfMessage())

    async def begin(self) -> None:
        headers = [("Transfer-Encoding", "chunked"), ("Connection", "close")]
        await self._write(h11.Response(status_code=200, headers=headers))

    async def send(self, data: bytes) -> None:
        await self._write(h11.Data(data=data))

    async def end(self, data: bytes) -> None:
        await self.send(data)
        await self._write(h11.EndOfMessage())

    async def _write(self, event: h11.Event) -> None:
        self._writer.write(self._http.send(event) or b"")
        await self._writer.drain()


def end_silent(writer: asyncio.StreamWriter) -> None:
    """Let the kernel end the connection when the other end has not answered for a while."""
    connection = writer.get_extra_info("socket")
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    milliseconds = int(SILENCE_SECONDS * 1000)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds)
