"""The gateway's connection to one agent: frames out, frames in.

A large payload is received where it stays, without a copy. What comes is hostile: hardly more is
taken than was asked for.
"""

import asyncio
import socket
from typing import cast

from algorithms.running.frames import HEAD, FrameType, decode_head, encode_head

# As much of it as the machine allows; fewer switches for large payloads.
SOCKET_BUFFER = 4 * 1024 * 1024
# What is received ahead of being asked for; a payload that is larger is received where it stays.
_AHEAD = 16 * 1024


class AgentConnection(asyncio.BufferedProtocol):
    """One connection. Every method raises ConnectionError when it has ended."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._buffer = memoryview(bytearray(_AHEAD))
        self._start = self._end = 0
        # The rest of a large payload.
        self._missing: memoryview | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._is_paused = False

    @property
    def is_open(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    def send(self, kind: FrameType, *parts: bytes) -> None:
        """Send a frame whose payload has these parts, or as much as the socket takes at once.

        The rest follows while the loop runs.
        """
        self.send_bytes(encode_head(kind, sum(map(len, parts))), *parts)

    def send_bytes(self, *parts: bytes) -> None:
        """Send a part of a frame, as `send` does."""
        if self._transport is None:
            raise ConnectionResetError
        self._transport.writelines(parts)

    async def receive(self) -> tuple[FrameType, memoryview]:
        """The next frame; whoever cancels this has to close. Raises ProtocolViolation."""
        while self._end - self._start < HEAD.size:
            await self._more()
        kind, length = decode_head(self._take(HEAD.size))
        if length <= _AHEAD:
            while self._end - self._start < length:
                await self._more()
            return kind, self._take(length)
        payload = memoryview(bytearray(length))
        begun = self._take(min(length, self._end - self._start))
        payload[: len(begun)] = begun
        self._missing = payload[len(begun) :]
        while self._missing:
            await self._more()
        self._missing = None
        return kind, payload

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        connection = transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SOCKET_BUFFER)

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._missing or self._buffer[self._end :]

    def buffer_updated(self, nbytes: int) -> None:
        if self._missing:
            self._missing = self._missing[nbytes:]
            is_awaited = not self._missing
        else:
            self._end += nbytes
            is_awaited = True
            if self._end == _AHEAD and self._transport is not None:
                self._is_paused = True
                self._transport.pause_reading()
        if is_awaited:
            self._wake()

    def eof_received(self) -> None:
        """Nothing that the agent could say is worth more than its end."""

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._wake()

    def _take(self, size: int) -> memoryview:
        """What was received next, in memory of its own."""
        taken = memoryview(bytes(self._buffer[self._start : self._start + size]))
        self._start += size
        if self._start == self._end:
            self._start = self._end = 0
        return taken

    async def _more(self) -> None:
        """Wait until more has come."""
        if self._transport is None:
            raise ConnectionResetError
        if not self._missing and self._end == _AHEAD:
            rest = self._buffer[self._start : self._end]
            self._buffer[: len(rest)] = rest
            self._start, self._end = 0, len(rest)
        if self._is_paused:
            self._is_paused = False
            self._transport.resume_reading()
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
