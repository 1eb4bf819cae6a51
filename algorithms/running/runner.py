"""The gateway's side of one runner: a connection to its agent, one call at a time."""

import asyncio
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson

from algoport.accounts.permissions import Principal
from algoport.http.relay import PRINCIPAL, RelayServer
from algoport.http.tracing import SESSION
from algorithms.running.bulk import LEAST, BulkSocket
from algorithms.running.connection import AgentConnection
from algorithms.running.frames import (
    MOST_OUTPUT,
    FrameType,
    ProtocolViolation,
    decode_length,
    encode_head,
    encode_length,
    exit_code_of,
)
from algorithms.running.program import CALL, Call, Loader

# As good as none: longer than any call. The agent has to count it in milliseconds.
_NO_LEASE_SECONDS = 24 * 3600.0


class RunnerEnded(Exception):
    """The runner is gone; `exit_code` when its algorithm's process ended by itself."""

    def __init__(self, exit_code: int | None = None) -> None:
        super().__init__(exit_code)
        self.exit_code = exit_code


class LoadFailed(Exception):
    """The algorithm ended before it could take calls; `reason` as its worker saw it."""

    def __init__(self, exit_code: int | None, reason: str) -> None:
        super().__init__(exit_code, reason)
        self.exit_code = exit_code
        self.reason = reason


@dataclass(slots=True)
class Reply:
    """What came back for one call: the payload of its result, or None when it was too large."""

    payload: memoryview | None
    stdout: bytes
    seconds: float


class GatewayRunner:
    """A runner that this process uses, for one build and one caller.

    One that was started without a caller serves the first who takes it, and nobody else after.
    `load_refused` when the platform refused what such a runner asked for while it loaded.
    """

    def __init__(self, runner_id: str, started: dict[str, Any], loader: Loader) -> None:
        self.id = runner_id
        self.worker_id: str = started["worker"]
        self.caller_id = loader.caller_id
        self.idle_since = 0.0
        self.start_seconds = 0.0
        self.load_seconds = 0.0
        self.load_refused = False
        self._agent_socket: str = started["agent_socket"]
        self._loading_as: Principal | None = loader.principal
        self._call: Call | None = None
        self._relay = RelayServer(
            Path(started["platform_socket"]), self._speaker, self._note_status
        )
        self._agent = AgentConnection()
        self._bulk: BulkSocket | None = None
        self._takes_bulk = False
        self._knows_lease = False

    async def connect(self, environ: Mapping[str, str]) -> None:
        """Take the runner and wait until its algorithm has loaded. Raises RunnerEnded.

        `environ` is what its algorithm finds in its environment besides what every one does.
        """
        await self._relay.start()
        try:
            await self._begin(orjson.dumps(environ))
        except OSError as exc:
            raise RunnerEnded from exc
        output: list[bytes] = []
        while True:
            kind, payload = await self._read()
            if kind is FrameType.READY:
                break
            self._collect(kind, payload, output)
        self._takes_bulk = bool(payload)
        self._loading_as = None

    async def _begin(self, environ: bytes) -> None:
        """Connect, and send what an agent gets first: our socket's other end, and variables."""
        loop = asyncio.get_running_loop()
        self._bulk = BulkSocket()
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.setblocking(False)
        try:
            await loop.sock_connect(connection, self._agent_socket)
            self._bulk.hand_over(connection, encode_head(FrameType.BEGIN, len(environ)))
            await loop.create_unix_connection(lambda: self._agent, sock=connection)
        except BaseException:
            connection.close()
            raise
        self._agent.send_bytes(environ)

    def bind(self, caller_id: UUID) -> None:
        """Give it to the one account that it will ever serve."""
        assert self.caller_id in (None, caller_id)
        self.caller_id = caller_id

    async def call(self, request: bytes, call: Call) -> Reply:
        """Run one input: a letter for its kind, and what `payloads.check_input` allows.

        Raises RunnerEnded; cancelling it leaves the runner unusable.
        """
        assert call.identity.user_id == self.caller_id
        self._call = call
        lease = call.lease
        if lease is not None:
            self.tell_lease(lease.expires)
            lease.runners.add(self)
            self._knows_lease = True
        elif self._knows_lease:
            # In a worker that runs both queued calls and those of other hosts.
            self.tell_lease(time.monotonic() + _NO_LEASE_SECONDS)
        output: list[bytes] = []
        began = time.perf_counter()
        sending = None
        try:
            sending = self._send(request)
            while True:
                kind, payload = await self._read()
                if kind is FrameType.RESULT_APART:
                    kind, payload = await self._receive(payload)
                if kind is FrameType.RESULT:
                    return Reply(payload, b"".join(output), time.perf_counter() - began)
                if kind is FrameType.TOO_LARGE:
                    return Reply(None, b"".join(output), time.perf_counter() - began)
                self._collect(kind, payload, output)
        except ConnectionError as exc:
            raise RunnerEnded from exc
        finally:
            self._call = None
            call.is_over = True
            if sending is not None:
                sending.cancel()
            if lease is not None:
                lease.runners.discard(self)

    def _send(self, request: bytes) -> asyncio.Task[None] | None:
        """Send a call; a task for what the socket did not take at once."""
        if self._bulk is None or not self._takes_bulk or len(request) < LEAST:
            self._agent.send(FrameType.CALL, request)
            return None
        self._agent.send(FrameType.CALL_APART, encode_length(len(request)))
        rest = self._bulk.send_at_once(request)
        return asyncio.create_task(self._bulk.send(rest)) if rest else None

    async def _receive(self, length: memoryview) -> tuple[FrameType, memoryview]:
        """The result that comes apart, or what the agent says while that does not come."""
        try:
            payload = memoryview(bytearray(decode_length(length)))
        except ProtocolViolation as exc:
            raise RunnerEnded from exc
        assert self._bulk is not None
        missing = self._bulk.receive_at_once(payload)
        if not missing:
            return FrameType.RESULT, payload
        receiving = asyncio.create_task(self._bulk.receive(missing))
        said = asyncio.create_task(self._read())
        tasks = (receiving, said)
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if receiving.done() and receiving.exception() is None:
                return FrameType.RESULT, payload
            # Its other end is gone, or the agent has something to say: why there is no result.
            return await said
        finally:
            # What the other would have come to does not matter any more.
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def tell_lease(self, expires: float) -> None:
        """Have the agent end the run by itself at this time of the machine's clock."""
        if self._agent.is_open:
            self._agent.send(FrameType.LEASE, b"%d" % (expires * 1e9))

    async def close(self) -> None:
        """Let go of it; the agent ends the sandbox when its connection ends."""
        self._loading_as = None
        self._call = None
        self._agent.close()
        if self._bulk is not None:
            self._bulk.close()
        await self._relay.close()

    @property
    def is_connected(self) -> bool:
        return self._agent.is_open

    def _speaker(self) -> dict[str, object]:
        """On whose behalf the algorithm asks the platform for something now."""
        call = self._call
        if call is None:
            return {PRINCIPAL: self._loading_as}
        # SECURITY: an attempt that has lost its lease must not write (design.md 1, promise 5).
        if call.lease is not None and not call.lease.is_valid:
            return {PRINCIPAL: None}
        principal = call.identity.in_call(call.session.id, call.trace.id)
        return {PRINCIPAL: principal, SESSION: call.session, CALL: call}

    def _note_status(self, status: int) -> None:
        if self._loading_as is not None and status >= 400:
            self.load_refused = True

    def _collect(self, kind: FrameType, payload: memoryview, output: list[bytes]) -> None:
        if kind is FrameType.OUTPUT:
            # An agent of ours has cut it before that.
            if sum(map(len, output)) + len(payload) > MOST_OUTPUT:
                raise RunnerEnded
            output.append(bytes(payload))
        elif kind is FrameType.ENDED:
            raise RunnerEnded(exit_code_of(payload))
        else:
            # An agent of ours sends nothing else here.
            raise RunnerEnded

    async def _read(self) -> tuple[FrameType, memoryview]:
        try:
            return await self._agent.receive()
        except (ConnectionError, ProtocolViolation) as exc:
            raise RunnerEnded from exc
