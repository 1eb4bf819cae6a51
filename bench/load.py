"""Load on an HTTP server: by wrk where it is installed, else by a small generator of our own."""

import json
import selectors
import shutil
import socket
import statistics
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

_WRK = shutil.which("wrk")
_WRK_SCRIPT = Path(__file__).with_name("load.lua")


@dataclass(frozen=True)
class Request:
    """What a server on this machine is asked."""

    port: int
    path: str
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    method: str = "POST"

    def encode(self) -> bytes:
        lines = [f"{self.method} {self.path} HTTP/1.1", f"Host: 127.0.0.1:{self.port}"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        lines.append(f"Content-Length: {len(self.body)}")
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + self.body


def call(port: int, path: str, key: str, body: bytes, content_type: str = "text/plain") -> Request:
    """A call of an algorithm."""
    headers = {"Authorization": f"Simple {key}", "Content-Type": content_type}
    return Request(port, f"/v1/algo/{path}", body, headers)


@dataclass(frozen=True)
class Load:
    """What one run of load measured."""

    per_second: float
    p50_ms: float
    p99_ms: float


class LoadFailed(Exception):
    """A server did not answer every request with 200."""


def generator_name() -> str:
    if _WRK is None:
        return "load by bench/load.py (install wrk for a generator that costs less)"
    said = subprocess.run([_WRK, "--version"], capture_output=True, text=True).stdout
    return f"load by {' '.join(said.split()[:2])}"


def run_load(request: Request, *, connections: int, seconds: float) -> Load:
    """Load a server with the same request for a while: keep-alive, one at a time on each
    connection. Raises LoadFailed."""
    if _WRK is None:
        return _own_load(request, connections, seconds)
    return _wrk_load(_WRK, request, connections, seconds)


def _wrk_load(wrk: str, request: Request, connections: int, seconds: float) -> Load:
    # wrk's own limit is whole seconds.
    whole = max(1, round(seconds))
    with tempfile.NamedTemporaryFile() as body:
        body.write(request.body)
        body.flush()
        headers = [each for pair in request.headers.items() for each in ("-H", ": ".join(pair))]
        options = ("-t1", f"-c{connections}", f"-d{whole}s", "-s", str(_WRK_SCRIPT))
        address = f"http://127.0.0.1:{request.port}{request.path}"
        done = subprocess.run(
            [wrk, *options, *headers, address, "--", body.name, request.method],
            capture_output=True,
            text=True,
        )
    if done.returncode != 0:
        raise LoadFailed(f"wrk ended with {done.returncode}: {done.stdout}{done.stderr}")
    said = json.loads(done.stdout.splitlines()[-1])
    if said["errors"] or not said["requests"]:
        raise LoadFailed(f"{request.path}: {said}")
    return Load(said["per_second"], said["p50"] / 1000, said["p99"] / 1000)


class Connection:
    """One keep-alive connection."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._head = b""
        self._missing: int | None = None
        self.body = bytearray()
        self.sent_at = 0.0

    def send(self, request: bytes) -> None:
        self._head, self._missing, self.body = b"", None, bytearray()
        self.sent_at = time.perf_counter()
        self.socket.sendall(request)

    def receive(self) -> bool:
        """Whether the answer is whole with what has come now."""
        data = self.socket.recv(1024 * 1024)
        if not data:
            raise ConnectionError("the server closed the connection")
        if self._missing is None:
            self._head, found, data = (self._head + data).partition(b"\r\n\r\n")
            if not found:
                return False
            marker = self._head.lower().index(b"content-length:")
            self._missing = int(self._head[marker + 15 :].partition(b"\r\n")[0])
        self.body += data
        self._missing -= len(data)
        return self._missing <= 0

    @property
    def status(self) -> int:
        return int(self._head.split(b" ", 2)[1])

    def exchange(self, request: bytes) -> float:
        """Send and wait for the answer; the seconds that it took."""
        self.send(request)
        while not self.receive():
            pass
        return time.perf_counter() - self.sent_at


def _own_load(request: Request, connections: int, seconds: float) -> Load:
    encoded = request.encode()
    selector = selectors.DefaultSelector()
    for _ in range(connections):
        connection = Connection(request.port)
        selector.register(connection.socket, selectors.EVENT_READ, connection)
        connection.send(encoded)
    took: list[float] = []
    began = time.perf_counter()
    end = began + seconds
    while time.perf_counter() < end:
        for key, _ in selector.select(1):
            if not key.data.receive():
                continue
            took.append(time.perf_counter() - key.data.sent_at)
            if key.data.status != 200:
                raise LoadFailed(f"{request.path}: {key.data.status} {key.data.body[:200]!r}")
            key.data.send(encoded)
    elapsed = time.perf_counter() - began
    for key in list(selector.get_map().values()):
        key.data.socket.close()
    took.sort()
    p99 = took[int(len(took) * 0.99)]
    return Load(len(took) / elapsed, statistics.median(took) * 1000, p99 * 1000)
