"""The socket on which large payloads go between a gateway and an algorithm, past its agent.

It saves two of the four times that a payload is copied on its way (docs/performance.md). The agent
still says when a call begins and when there is a result, and how long each is.
"""

import array
import asyncio
import socket
from contextlib import suppress

from algorithms.running.connection import SOCKET_BUFFER

# Smaller payloads are quicker in a frame: nobody else has to wake up for them.
LEAST = 64 * 1024


class BulkSocket:
    """Our end of it. What comes is hostile, and taken only as far as it was asked for.

    Descriptors that the other end sends with it are never received.
    """

    def __init__(self) -> None:
        self._ours, self._theirs = socket.socketpair()
        for end in (self._ours, self._theirs):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SOCKET_BUFFER)
        # Of our end alone: theirs is another open file, whose flags the sandbox may change.
        self._ours.setblocking(False)

    def hand_over(self, connection: socket.socket, head: bytes) -> None:
        """Send the other end along with these bytes, which are few."""
        rights = array.array("i", [self._theirs.fileno()])
        sent = connection.sendmsg([head], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)])
        self._theirs.close()
        if sent != len(head):
            raise ConnectionResetError

    def send_at_once(self, payload: bytes) -> memoryview:
        """Send what there is room for; returns the rest."""
        try:
            sent = self._ours.send(payload)
        except BlockingIOError:
            sent = 0
        except ConnectionError:
            # Nobody takes it any more; the agent tells why.
            sent = len(payload)
        return memoryview(payload)[sent:]

    async def send(self, payload: memoryview) -> None:
        """Send as there is room for it, until all is gone or nobody takes it any more."""
        with suppress(ConnectionError):
            await asyncio.get_running_loop().sock_sendall(self._ours, payload)

    def receive_at_once(self, payload: memoryview) -> memoryview:
        """Fill this with what is there; returns what is missing."""
        try:
            return payload[self._ours.recv_into(payload) :]
        except BlockingIOError:
            return payload

    async def receive(self, payload: memoryview) -> None:
        """Fill this. Raises ConnectionError when the other end is gone before that."""
        loop = asyncio.get_running_loop()
        while payload:
            size = await loop.sock_recv_into(self._ours, payload)
            if not size:
                raise ConnectionResetError
            payload = payload[size:]

    def close(self) -> None:
        self._ours.close()
        self._theirs.close()
