"""The proxy of a sandbox, spoken to over its socket, with names that a test makes up."""

import contextlib
import logging
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from pathlib import Path

import pytest

from algoport.containers import egress
from algoport.containers.egress import MOST_CONNECTIONS, EgressProxy, EgressService
from algoport.containers.egress_policy import PublicInternet
from algoport.internet import Address

LOCAL = ip_address("127.0.0.1")


class TestInternet(PublicInternet):
    """The public internet and, as part of it, this machine's test servers."""

    __test__ = False

    def __init__(self) -> None:
        super().__init__()
        self.ports: set[int] = set()

    def refusal(self, address: Address, port: int) -> str:
        if address == LOCAL and port in self.ports:
            return ""
        return super().refusal(address, port)


class Names:
    """What a name resolves to, one answer after the other; the last one stays."""

    def __init__(self) -> None:
        self.table: dict[str, list[list[str]]] = {}
        self.asked: list[str] = []

    def __call__(self, host: str) -> list[Address]:
        self.asked.append(host)
        answers = self.table.get(host)
        if not answers:
            raise OSError("no such name")
        return [ip_address(each) for each in (answers.pop(0) if answers[1:] else answers[0])]


@pytest.fixture
def internet() -> TestInternet:
    return TestInternet()


@pytest.fixture
def names() -> Names:
    return Names()


@pytest.fixture
def path() -> Iterator[Path]:
    # The kernel wants names of sockets short.
    with tempfile.TemporaryDirectory(prefix="ap-eg-") as folder:
        yield Path(folder) / "egress.sock"


@pytest.fixture
def proxy(path: Path, internet: TestInternet, names: Names) -> Iterator[EgressProxy]:
    service = EgressService(names)
    yield service.open(path, internet, "runner one")
    service.close()


@pytest.fixture
def serve(internet: TestInternet) -> Iterator[Callable[..., int]]:
    """Starts a server for one connection that is given to a function; its port."""
    servers: list[tuple[socket.socket, threading.Thread]] = []

    def start(talk: Callable[[socket.socket], None]) -> int:
        server = socket.create_server(("127.0.0.1", 0))

        def run() -> None:
            connection, _ = server.accept()
            with connection:
                connection.settimeout(10)
                talk(connection)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        servers.append((server, thread))
        port: int = server.getsockname()[1]
        internet.ports.add(port)
        return port

    yield start
    for server, thread in servers:
        thread.join(10)
        server.close()


def connect(path: Path) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(10)
    try:
        connection.connect(str(path))
    except OSError:
        connection.close()
        raise
    return connection


def read_all(connection: socket.socket) -> bytes:
    text = b""
    try:
        while data := connection.recv(65536):
            text += data
    except ConnectionResetError:
        pass  # It did not want to read all that we had sent.
    return text


def ask(path: Path, request: str) -> bytes:
    with connect(path) as connection:
        # It may have answered and closed already, when there is no room for another one.
        with contextlib.suppress(BrokenPipeError):
            connection.sendall(request.encode("latin-1"))
        return read_all(connection)


def echo(connection: socket.socket) -> None:
    while data := connection.recv(65536):
        connection.sendall(data.upper())


def test_a_tunnel_carries_bytes_both_ways(
    proxy: EgressProxy, path: Path, names: Names, serve: Callable[..., int]
) -> None:
    names.table["a.example"] = [["127.0.0.1"]]
    port = serve(echo)
    with connect(path) as connection:
        connection.sendall(f"CONNECT a.example:{port} HTTP/1.1\r\n\r\nearly".encode())
        stream = connection.makefile("rb")
        assert stream.readline() == b"HTTP/1.1 200 Connection established\r\n"
        assert stream.readline() == b"\r\n"
        assert stream.read(5) == b"EARLY"
        connection.sendall(b"x" * 3_000_000)
        assert stream.read(3_000_000) == b"X" * 3_000_000
        connection.shutdown(socket.SHUT_WR)
        assert stream.read() == b""
        stream.close()


def test_a_plain_request_is_passed_on(
    proxy: EgressProxy, path: Path, names: Names, serve: Callable[..., int]
) -> None:
    seen: list[bytes] = []

    def talk(connection: socket.socket) -> None:
        text = b""
        while not text.endswith(b"body"):
            text += connection.recv(65536)
        seen.append(text)
        connection.sendall(b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nok")

    names.table["a.example"] = [["127.0.0.1"]]
    port = serve(talk)
    answer = ask(
        path,
        f"POST http://a.example:{port}/p;x?q=1 HTTP/1.1\r\nHost: a.example:{port}\r\n"
        "Proxy-Authorization: Basic eA==\r\nConnection: keep-alive\r\n"
        "Content-Length: 4\r\n\r\nbody",
    )
    assert answer.startswith(b"HTTP/1.1 201 Created") and answer.endswith(b"ok")
    assert seen[0].split(b"\r\n") == [
        b"POST /p;x?q=1 HTTP/1.1",
        b"Connection: close",
        f"Host: a.example:{port}".encode(),
        b"Content-Length: 4",
        b"",
        b"body",
    ]


@pytest.mark.parametrize("request_line", ["CONNECT %s:443", "GET http://%s/x", "POST http://%s:81"])
@pytest.mark.parametrize(
    ("host", "addresses", "kind"),
    [
        ("inner.example", ["10.1.2.3"], "private"),
        ("two.example", ["10.1.2.3", "::1"], "loopback address and a private"),
        ("169.254.169.254", ["169.254.169.254"], "link-local"),
        ("2130706433", ["127.0.0.1"], "loopback"),
    ],
)
def test_a_refusal_says_why(
    proxy: EgressProxy,
    path: Path,
    names: Names,
    caplog: pytest.LogCaptureFixture,
    request_line: str,
    host: str,
    addresses: list[str],
    kind: str,
) -> None:
    names.table[host] = [addresses]
    with caplog.at_level(logging.INFO, logger=egress.__name__):
        answer = ask(path, f"{request_line % host} HTTP/1.1\r\n\r\n").decode()
    assert answer.startswith("HTTP/1.1 403 Forbidden\r\n")
    assert f"may not connect to {host}:" in answer and kind in answer
    (line,) = caplog.messages
    assert line.startswith(f"egress of runner one: '{host}' port ") and "refused" in line


def test_a_second_answer_to_the_same_name_is_checked_too(
    proxy: EgressProxy, path: Path, names: Names, serve: Callable[..., int], internet: TestInternet
) -> None:
    # Its first answer is of the internet of this test, its second is this machine.
    names.table["rebind.example"] = [["127.0.0.1"], ["127.0.0.2"]]
    port = serve(echo)
    with connect(path) as connection:
        connection.sendall(f"CONNECT rebind.example:{port} HTTP/1.1\r\n\r\nhi".encode())
        text = b""
        while not text.endswith(b"HI"):
            text += connection.recv(100)
    assert names.asked == ["rebind.example"], "it was resolved again for the connection"
    assert b" 403 " in ask(path, f"CONNECT rebind.example:{port} HTTP/1.1\r\n\r\n")


def test_of_mixed_addresses_the_public_one_is_used(
    proxy: EgressProxy, path: Path, names: Names, serve: Callable[..., int]
) -> None:
    with socket.create_server(("127.0.0.2", 0)) as inner:
        port = serve(lambda connection: connection.sendall(b"HTTP/1.0 200 OK\r\n\r\nhi"))
        names.table["mixed.example"] = [["127.0.0.2", "10.0.0.1", "127.0.0.1"]]
        assert ask(path, f"GET http://mixed.example:{port}/ HTTP/1.1\r\n\r\n").endswith(b"hi")
        inner.settimeout(0)
        with pytest.raises(BlockingIOError):
            inner.accept()


def test_what_cannot_be_reached_is_told(
    proxy: EgressProxy, path: Path, names: Names, internet: TestInternet
) -> None:
    assert b" 502 " in ask(path, "CONNECT nowhere.example:443 HTTP/1.1\r\n\r\n")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    internet.ports.add(port)
    names.table["down.example"] = [["127.0.0.1"]]
    answer = ask(path, f"CONNECT down.example:{port} HTTP/1.1\r\n\r\n")
    assert b" 502 " in answer and f"down.example:{port} cannot be reached".encode() in answer


@pytest.mark.parametrize(
    "request_text",
    [
        "GET / HTTP/1.1", "GET https://a.example/ HTTP/1.1", "GET ftp://a.example/ HTTP/1.1",
        "CONNECT a.example:0 HTTP/1.1", "CONNECT a.example:65536 HTTP/1.1",
        "CONNECT a.example:x HTTP/1.1", "CONNECT [::1:443 HTTP/1.1", "CONNECT :443 HTTP/1.1",
        "nonsense", "", "GET http://a.example/ a b HTTP/1.1", "CONNECT a.example:443 HTTP/2",
        "CONNECT " + "a" * 300 + ":443 HTTP/1.1",
    ],
)  # fmt: skip
def test_nonsense_is_refused(
    proxy: EgressProxy, path: Path, names: Names, request_text: str
) -> None:
    assert ask(path, request_text + "\r\n\r\n").startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert names.asked == []


@pytest.mark.parametrize("host", ["a..example", "x" * 70 + ".example", "\x00", "%00", "\xff.."])
def test_names_that_are_none(
    path: Path, internet: TestInternet, host: str, caplog: pytest.LogCaptureFixture
) -> None:
    service = EgressService()  # with the real resolver
    service.open(path, internet, "runner one")
    try:
        answer = ask(path, f"CONNECT {host}:443 HTTP/1.1\r\n\r\n")
    finally:
        service.close()
    assert answer[:12] in (b"HTTP/1.1 502", b"HTTP/1.1 400")
    assert [each for each in caplog.records if each.levelno > logging.INFO] == []


def test_a_head_has_its_bounds(proxy: EgressProxy, path: Path) -> None:
    answer = ask(path, "GET http://a.example/ HTTP/1.1\r\nX: " + "x" * 100_000)
    assert answer.startswith(b"HTTP/1.1 431 ")


def test_connections_have_their_bounds(proxy: EgressProxy, path: Path) -> None:
    with contextlib.ExitStack() as held:
        for _ in range(MOST_CONNECTIONS):
            held.enter_context(connect(path))
        answer = ask(path, "CONNECT a.example:443 HTTP/1.1\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 503 ") and b"close some of them" in answer
    deadline = time.monotonic() + 10
    while ask(path, "CONNECT a.example:443 HTTP/1.1\r\n\r\n").startswith(b"HTTP/1.1 503 "):
        assert time.monotonic() < deadline


def test_slow_names_of_one_sandbox_leave_room_for_others(
    path: Path, internet: TestInternet
) -> None:
    go_on = threading.Event()

    def look_up(host: str) -> list[Address]:
        if host == "slow.example":
            go_on.wait(20)
        raise OSError("no such name")

    service = EgressService(look_up)
    other = path.with_name("other.sock")
    service.open(path, internet, "slow")
    service.open(other, internet, "other")
    held = [connect(path) for _ in range(40)]
    try:
        for connection in held:
            connection.sendall(b"CONNECT slow.example:443 HTTP/1.1\r\n\r\n")
        assert b" 502 " in ask(other, "CONNECT quick.example:443 HTTP/1.1\r\n\r\n")
    finally:
        go_on.set()
        for connection in held:
            connection.close()
        service.close()


def test_only_silence_on_both_sides_ends_a_tunnel(
    proxy: EgressProxy,
    path: Path,
    names: Names,
    serve: Callable[..., int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(egress, "_IDLE_SECONDS", 0.5)

    def talk(connection: socket.socket) -> None:
        for _ in range(5):
            time.sleep(0.2)
            connection.sendall(b".")
        connection.recv(1)

    names.table["a.example"] = [["127.0.0.1"]]
    port = serve(talk)
    assert ask(path, f"CONNECT a.example:{port} HTTP/1.1\r\n\r\n").endswith(b"\r\n\r\n.....")


def test_nothing_is_left_open_when_it_is_closed(
    proxy: EgressProxy, path: Path, names: Names, serve: Callable[..., int]
) -> None:
    ended = threading.Event()

    def talk(connection: socket.socket) -> None:
        connection.sendall(b"hello")
        try:
            connection.recv(1)
        except ConnectionResetError:
            pass
        ended.set()

    names.table["a.example"] = [["127.0.0.1"]]
    port = serve(talk)
    with connect(path) as connection, connect(path) as silent:
        connection.sendall(f"CONNECT a.example:{port} HTTP/1.1\r\n\r\n".encode())
        text = b""
        while not text.endswith(b"hello"):
            text += connection.recv(100)
        proxy.close()
        assert connection.recv(1) == b"" and silent.recv(1) == b""
        assert ended.wait(10)
        proxy.close()
    with pytest.raises(ConnectionRefusedError):
        connect(path)


def test_the_log_cannot_be_flooded(
    proxy: EgressProxy, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger=egress.__name__):
        for _ in range(130):
            ask(path, "CONNECT no\x1b7.example:25 HTTP/1.1\r\n\r\n")
        proxy.close()
    assert len(caplog.messages) == 101
    assert "\x1b" not in "".join(caplog.messages)
    assert caplog.messages[-1].endswith("30 more connections not logged")
