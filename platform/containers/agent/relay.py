"""Pipes what an algorithm sends to a port of its own loopback into a socket of the host."""

import select
import socket

MOST_RELAYED = 64
CHUNK = 4 * 65536


class Relay:
    """Pipes connections to a loopback port into a unix socket of the host, in one thread."""

    def __init__(self, port, path):
        self._path = path
        self._listener = socket.create_server(("127.0.0.1", port), backlog=64)
        self._selector = select.poll()
        self._sockets = {self._listener.fileno(): self._listener}
        self._peer = {}
        self._buffers = {}
        self._closing = set()
        self._selector.register(self._listener, select.POLLIN)

    def run(self):
        while True:
            for descriptor, event in self._selector.poll():
                if descriptor == self._listener.fileno():
                    self._accept()
                elif descriptor in self._sockets:
                    self._move(descriptor, event)

    def _accept(self):
        client, _ = self._listener.accept()
        if len(self._sockets) > 2 * MOST_RELAYED:
            client.close()
            return
        host = socket.socket(socket.AF_UNIX)
        try:
            host.connect(self._path)
        except OSError:
            client.close()
            host.close()
            return
        for one, other in ((client, host), (host, client)):
            one.setblocking(False)
            self._sockets[one.fileno()] = one
            self._peer[one.fileno()] = other.fileno()
            self._buffers[one.fileno()] = b""
            self._selector.register(one, select.POLLIN)

    def _move(self, descriptor, event):
        try:
            if event & select.POLLOUT:
                self._flush(descriptor)
            if event & (select.POLLIN | select.POLLHUP | select.POLLERR):
                self._read(descriptor)
        except OSError:
            self._close(descriptor)

    def _read(self, descriptor):
        peer = self._peer[descriptor]
        if self._buffers[peer]:
            return  # The other side has not taken the last of it yet.
        data = self._sockets[descriptor].recv(CHUNK)
        if not data:
            self._finish_direction(descriptor, peer)
            return
        self._buffers[peer] = data
        self._flush(peer)

    def _flush(self, descriptor):
        data = self._buffers[descriptor]
        source = self._peer[descriptor]
        if data:
            try:
                data = data[self._sockets[descriptor].send(data) :]
            except BlockingIOError:
                pass
            self._buffers[descriptor] = data
        self._listen(descriptor)
        if source not in self._closing:
            self._listen(source)

    def _listen(self, descriptor):
        """Read while the peer has room, write while there is something to write."""
        wanted = select.POLLOUT if self._buffers[descriptor] else 0
        if descriptor not in self._closing and not self._buffers[self._peer[descriptor]]:
            wanted |= select.POLLIN
        self._selector.modify(descriptor, wanted)

    def _finish_direction(self, descriptor, peer):
        """One side has said all it will: pass that on, close when both have."""
        self._closing.add(descriptor)
        if peer in self._closing:
            self._close(descriptor)
            return
        self._sockets[peer].shutdown(socket.SHUT_WR)
        self._listen(descriptor)

    def _close(self, descriptor):
        for each in (descriptor, self._peer[descriptor]):
            self._selector.unregister(each)
            self._sockets.pop(each).close()
            self._closing.discard(each)
            del self._buffers[each], self._peer[each]
