"""Connections of blocking clients, against real servers on this machine."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
import requests
from urllib3 import HTTPConnectionPool
from urllib3.exceptions import NewConnectionError

from algoport.http import checked
from algoport.http.addresses import OutgoingPolicy
from algoport.http.checked import ConnectionNotAllowed, checked_pool, checked_session
from algoport.internet import Address
from dataportal.connectors.credentials import IamCredential
from dataportal.stores.base import NotPossible, Refused, Unreachable
from dataportal.stores.s3 import S3Store
from tests.factories.certificates import certificate

LOOPBACK = ip_address("127.0.0.1")
PUBLIC = ip_address("8.8.8.8")


class Storage:
    """A server of this machine that says the same to every request, and notes what it was asked."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.requests: list[tuple[str, str]] = []
        self.location = ""
        storage = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                storage.requests.append((self.headers["Host"], self.path))
                self.send_response(307 if storage.location else 200)
                if storage.location:
                    self.send_header("Location", storage.location)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_port
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
            self._server.handle_error = lambda *args: None  # type: ignore[method-assign]
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def run_storage() -> Iterator[Callable[..., Storage]]:
    running: list[Storage] = []

    def run(tls: ssl.SSLContext | None = None) -> Storage:
        running.append(Storage(tls))
        return running[-1]

    yield run
    for each in running:
        each.close()


@pytest.fixture
def storage(run_storage: Callable[..., Storage]) -> Storage:
    return run_storage()


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> list[list[Address]]:
    """What the DNS says, one answer after the other and the last one for ever."""
    left: list[list[Address]] = [[LOOPBACK]]

    def resolve(host: str, port: int) -> list[Address]:
        return left.pop(0) if len(left) > 1 else left[0]

    monkeypatch.setattr(checked, "resolve_now", resolve)
    return left


def session(*hosts: str) -> requests.Session:
    policy = OutgoingPolicy(frozenset({(host, None) for host in hosts}), setting="HOSTS")
    return checked_session(policy, requests.Session())


def get(client: requests.Session, url: str, **options: Any) -> requests.Response:
    return client.get(url, timeout=5, **options)


def test_allowed_host_is_asked_by_its_name(storage: Storage, answers: list[list[Address]]) -> None:
    url = f"http://storage.internal:{storage.port}/a?b=c"

    assert get(session("storage.internal"), url).status_code == 200
    assert storage.requests == [(f"storage.internal:{storage.port}", "/a?b=c")]


def test_name_with_a_dot_at_its_end_is_the_same_name(
    storage: Storage, answers: list[list[Address]]
) -> None:
    url = f"http://Storage.internal.:{storage.port}/"

    assert get(session("storage.internal"), url).status_code == 200
    with pytest.raises(ConnectionNotAllowed):
        get(session(), url)


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "127.1", "0x7f.0.0.1", "2130706433", "017700000001", "0.0.0.0", "0"),
        *("[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[64:ff9b::7f00:1]", "[::]"),
        *("localhost", "localhost.", "LOCALHOST", "a.localhost"),
        *("169.254.169.254", "[fd00:ec2::254]", "10.0.0.1", "192.168.1.1", "[fe80::1]"),
    ],
)
def test_what_is_not_public_is_refused_in_every_form(storage: Storage, host: str) -> None:
    with pytest.raises(ConnectionNotAllowed, match="HOSTS"):
        get(session(), f"http://{host}:{storage.port}/latest/meta-data")
    assert storage.requests == []


def test_every_address_of_a_name_is_checked(storage: Storage, answers: list[list[Address]]) -> None:
    for addresses in ([PUBLIC, LOOPBACK], [LOOPBACK, PUBLIC], [ip_address("169.254.169.254")]):
        answers[:] = [addresses]
        with pytest.raises(ConnectionNotAllowed):
            get(session(), f"http://storage.example:{storage.port}/")
    assert storage.requests == []


def test_own_addresses_of_the_machine_are_not_public(answers: list[list[Address]]) -> None:
    answers[:] = [[PUBLIC]]
    policy = OutgoingPolicy(own=lambda: frozenset({PUBLIC}))
    with pytest.raises(ConnectionNotAllowed):
        get(checked_session(policy, requests.Session()), "http://storage.example/")


def test_redirect_to_what_is_not_public_is_refused(
    storage: Storage, run_storage: Callable[..., Storage], answers: list[list[Address]]
) -> None:
    inner = run_storage()
    for host in ("127.0.0.1", "localhost", "[::1]", "inner.example"):
        storage.location = f"http://{host}:{inner.port}/secret"
        with pytest.raises(ConnectionNotAllowed):
            get(session("storage.internal"), f"http://storage.internal:{storage.port}/")
    assert len(storage.requests) == 4
    assert inner.requests == []


def test_redirect_between_allowed_hosts_is_followed(
    storage: Storage, run_storage: Callable[..., Storage], answers: list[list[Address]]
) -> None:
    other = run_storage()
    storage.location = f"http://other.internal:{other.port}/b"
    client = session("storage.internal", "other.internal")

    assert get(client, f"http://storage.internal:{storage.port}/a").status_code == 200
    assert [path for _, path in other.requests] == ["/b"]


def test_name_that_changes_between_two_connections(
    storage: Storage, answers: list[list[Address]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection goes to the address that was checked; the next connection checks anew."""
    opened: list[str] = []
    really = checked._open

    def to_this_machine(connection: Any, address: str, port: int) -> socket.socket:
        opened.append(address)
        return really(connection, "127.0.0.1", port)

    monkeypatch.setattr(checked, "_open", to_this_machine)
    answers[:] = [[PUBLIC], [LOOPBACK]]
    client, url = session(), f"http://rebind.example:{storage.port}/"

    assert get(client, url).status_code == 200
    # A connection that is kept is still one to the address that was checked.
    assert get(client, url).status_code == 200
    client.close()
    with pytest.raises(ConnectionNotAllowed):
        get(client, url)
    assert opened == [str(PUBLIC)]
    assert len(storage.requests) == 2


def test_proxies_are_not_used(
    storage: Storage,
    run_storage: Callable[..., Storage],
    answers: list[list[Address]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    proxy = run_storage()
    address = f"http://127.0.0.1:{proxy.port}"
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, address)
    url = f"http://storage.internal:{storage.port}/"

    assert get(session("storage.internal"), url).status_code == 200
    with pytest.raises(ConnectionNotAllowed, match="proxy"):
        get(session("storage.internal"), url, proxies={"http": address})
    assert proxy.requests == []


def test_tls_is_for_the_name_and_not_for_the_address(
    tmp_path: Path, run_storage: Callable[..., Storage], answers: list[list[Address]]
) -> None:
    tls = certificate(tmp_path, "storage.internal")
    asked: list[str] = []
    tls.sni_callback = lambda connection, name, context: asked.append(name)
    storage = run_storage(tls)
    client = session("storage.internal", "other.internal")
    client.verify = str(tmp_path / "storage.internal.pem")

    assert get(client, f"https://storage.internal:{storage.port}/").status_code == 200
    assert asked == ["storage.internal"]
    with pytest.raises(requests.exceptions.SSLError):
        get(client, f"https://other.internal:{storage.port}/")
    with pytest.raises(requests.exceptions.SSLError):
        get(session("storage.internal"), f"https://storage.internal:{storage.port}/")
    with pytest.raises(ConnectionNotAllowed):
        get(session(), f"https://127.0.0.1:{storage.port}/")
    assert len(storage.requests) == 1


def test_next_address_is_tried_when_one_takes_no_connections(
    storage: Storage, answers: list[list[Address]]
) -> None:
    answers[:] = [[ip_address("127.0.0.2"), LOOPBACK]]

    url = f"http://storage.internal:{storage.port}/"
    assert get(session("storage.internal"), url).status_code == 200


def test_name_that_nobody_can_have_is_not_resolved() -> None:
    pool = checked_pool(HTTPConnectionPool, OutgoingPolicy())("x" * 64 + ".example")
    with pytest.raises(NewConnectionError, match="cannot be resolved"):
        pool.urlopen("GET", "/", retries=False)


def test_connection_that_nobody_takes_is_no_answer(answers: list[list[Address]]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(requests.exceptions.ConnectionError, match="does not take connections"):
        get(session("storage.internal"), f"http://storage.internal:{port}/")


def s3_store(url: str, *hosts: str) -> S3Store:
    policy = OutgoingPolicy(frozenset({(host, None) for host in hosts}), setting="HOSTS")
    credential = IamCredential("key-id", "secret")
    return S3Store(credential, {"endpoint_url": url, "addressing": "path"}, policy)


def test_s3_connects_to_checked_addresses_only(
    storage: Storage, answers: list[list[Address]]
) -> None:
    url = f"http://storage.internal:{storage.port}"
    with pytest.raises(Refused, match=r"storage\.internal is not a host.*HOSTS"):
        s3_store(url).check("bucket/")
    assert storage.requests == []

    s3_store(url, "storage.internal").check("bucket/")
    assert [path.partition("?")[0] for _, path in storage.requests] == ["/bucket"]


def test_s3_follows_no_redirect_to_what_is_not_public(
    storage: Storage, run_storage: Callable[..., Storage], answers: list[list[Address]]
) -> None:
    inner = run_storage()
    storage.location = f"http://127.0.0.1:{inner.port}/"

    with pytest.raises(NotPossible, match="Redirect"):
        s3_store(f"http://storage.internal:{storage.port}", "storage.internal").check("bucket/")
    assert inner.requests == []


def test_s3_says_plainly_that_nobody_answers(answers: list[list[Address]]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(Unreachable, match="it does not answer"):
        s3_store(f"http://storage.internal:{port}", "storage.internal").check("bucket/")
