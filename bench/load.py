"""A small HTTP load generator: keep-alive connections, one request in flight on each."""

import selectors
import socket
import statistics
import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Load:
    """What one run of load measured."""

    per_second: float
    p50_ms: float
    p99_ms: float
    failures: int


class _Connection:
    """One connection: sends the request again as soon as its answer is whole."""

    def __init__(self, address: tuple[str, int], request: bytes) -> None:
        self.socket = socket.create_connection(address)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._request = request
        self._buffer = b""
        self._sent_at = 0.0

    def send(self) -> None:
        self._buffer = b""
        self._sent_at = time.perf_counter()
        self.socket.sendall(self._request)

    def receive(self) -> tuple[float, bool] | None:
        """Seconds and success of an answer that is now whole, else None."""
        data = self.socket.recv(65536)
        if not data:
            raise ConnectionError("the server closed the connection")
        self._buffer += data
        head, found, body = self._buffer.partition(b"\r\n\r\n")
        if not found:
            return None
        marker = head.lower().index(b"content-length:")
        length = int(head[marker + 15 :].partition(b"\r\n")[0])
        if len(body) < length:
            return None
        return time.perf_counter() - self._sent_at, head.startswith(b"HTTP/1.1 200")


def run_load(host: str, port: int, request: bytes, *, connections: int, seconds: float) -> Load:
    """Load a server with the same request for a while."""
    selector = selectors.DefaultSelector()
    for _ in range(connections):
        connection = _Connection((host, port), request)
        selector.register(connection.socket, selectors.EVENT_READ, connection)
        connection.send()
    took: list[float] = []
    failures = 0
    began = time.perf_counter()
    end = began + seconds
    while time.perf_counter() < end:
        for key, _ in selector.select(1):
            answer = key.data.receive()
            if answer is None:
                continue
            took.append(answer[0])
            failures += not answer[1]
            key.data.send()
    elapsed = time.perf_counter() - began
    for key in list(selector.get_map().values()):
        key.data.socket.close()
    took.sort()
    return Load(
        len(took) / elapsed,
        statistics.median(took) * 1000,
        took[int(len(took) * 0.99)] * 1000,
        failures,
    )


def post(path: str, key: str, body: bytes, content_type: str = "text/plain") -> bytes:
    """The bytes of a POST request."""
    return (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Simple {key}\r\n"
        f"Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode() + body
