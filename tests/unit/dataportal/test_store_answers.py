"""What a server makes of a store that asks it, when it is none of the kind, or means no good."""

import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import pytest

from algoport.http.addresses import OutgoingPolicy
from dataportal.connectors.credentials import OAuthCredential, parse_credential
from dataportal.constants import CREDENTIAL_TYPES
from dataportal.stores.base import ByteRange, Store, StoreError, Unreachable
from dataportal.stores.dropbox import DropboxStore
from dataportal.stores.opening import open_store
from tests.doubles.google import make_account

pytestmark = pytest.mark.timeout(60)

ANSWERS: dict[str, tuple[int, dict[str, str], bytes]] = {
    "nothing": (200, {}, b""),
    "an empty object": (200, {"Content-Type": "application/json"}, b"{}"),
    "a list": (200, {"Content-Type": "application/json"}, b"[]"),
    "another object": (200, {"Content-Type": "application/json"}, b'{"items": [{"a": 1}]}'),
    "wrong kinds": (200, {}, b'{"items": 5, "entries": 7, "has_more": 1, "cursor": []}'),
    "a page": (200, {"Content-Type": "text/html"}, b"<html><body>Welcome</body>"),
    "other XML": (200, {"Content-Type": "application/xml"}, b"<a><b>1</b></a>"),
    "a list without names": (
        200,
        {"Content-Type": "application/xml"},
        b"<ListBucketResult><Contents></Contents><CommonPrefixes/></ListBucketResult>",
    ),
    "blobs without names": (
        200,
        {"Content-Type": "application/xml"},
        b"<EnumerationResults><Blobs><Blob></Blob><BlobPrefix/></Blobs></EnumerationResults>",
    ),
    "nonsense in headers": (
        206,
        {"Content-Range": "bytes x-y/z", "Last-Modified": "never", "Dropbox-API-Result": "["},
        b"data",
    ),
    "a redirect": (302, {"Location": "http://169.254.169.254/latest/meta-data"}, b""),
    "another redirect": (307, {"Location": "http://127.0.0.1:22/"}, b""),
    "a failure": (500, {}, b"<Error><Code>InternalError</Code></Error>"),
    "a refusal": (403, {"Content-Type": "application/json"}, b'{"error": 5}'),
    "no content": (204, {}, b""),
}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    answer: ClassVar[tuple[int, dict[str, str], bytes]]

    def _serve(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        status, headers, body = self.answer
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if "Content-Length" not in headers:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
        if "Content-Length" in headers:
            self.close_connection = True

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _serve

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def server() -> Iterator[ThreadingHTTPServer]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as running:
        running.daemon_threads = True
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield running
        running.shutdown()


@pytest.fixture(scope="module")
def service_account() -> dict[str, str]:
    return make_account().credential


@pytest.fixture(params=["s3", "azureblob", "gs", "dropbox"])
def store(
    request: pytest.FixtureRequest,
    server: ThreadingHTTPServer,
    service_account: dict[str, str],
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Store]:
    monkeypatch.setattr("time.sleep", lambda _: None)
    host = ("127.0.0.1", server.server_port)
    settings.CONNECTOR_HOSTS = frozenset({host})
    address = f"http://127.0.0.1:{server.server_port}"
    credentials: dict[str, dict[str, str]] = {
        "s3": {"access_key_id": "key", "secret_access_key": "secret"},
        "azureblob": {
            "storage_uri": address,
            "container_name": "container",
            "sas_token": "sig=c2VjcmV0",
        },
        "gs": service_account,
        "dropbox": {"access_token": "token", "refresh_token": "refresh"},
    }
    protocol = request.param
    credential = parse_credential(protocol, CREDENTIAL_TYPES[protocol], credentials[protocol])
    if isinstance(credential, OAuthCredential):
        opened: Store = DropboxStore(
            credential, {}, OutgoingPolicy(frozenset({host})), address=address
        )
    else:
        options = {} if protocol == "azureblob" else {"endpoint_url": address}
        if protocol == "gs":
            options["project"] = "demo-project"
        opened = open_store(protocol, credential, options)
    with contextlib.closing(opened):
        yield opened


def write(store: Store, size: int) -> None:
    with store.write("bucket/a/b", "text/plain", {}) as upload:
        upload.write(b"x" * size)
        upload.finish()


ASKED: dict[str, Callable[[Store], object]] = {
    "list": lambda store: store.list_page("bucket/a"),
    "list more": lambda store: store.list_page("bucket/a", marker="marker"),
    "list the root": lambda store: store.list_page(""),
    "stat": lambda store: store.stat("bucket/a/b"),
    "open": lambda store: store.open("bucket/a/b").read(100),
    "open a part": lambda store: store.open("bucket/a/b", ByteRange(2, 5)).read(100),
    "open an end": lambda store: store.open("bucket/a/b", ByteRange(None, 5)).read(100),
    "put": lambda store: write(store, 10),
    "put much": lambda store: write(store, 17 * 1024 * 1024),
    "delete": lambda store: store.delete("bucket/a/b"),
    "delete a directory": lambda store: store.delete_directory("bucket/a", force=True),
    "make a directory": lambda store: store.make_directory("bucket/a"),
    "check": lambda store: store.check(),
    "check a beginning": lambda store: store.check("bucket/a"),
}


@pytest.mark.parametrize("answer", ANSWERS)
def test_whatever_a_server_answers_the_error_is_one_of_a_store(
    store: Store, answer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_Handler, "answer", ANSWERS[answer], raising=False)
    for name, ask in ASKED.items():
        try:
            ask(store)
        except StoreError as exc:
            assert "c2VjcmV0" not in str(exc)
            assert "secret" not in str(exc)
        except Exception as exc:
            pytest.fail(f"{name}: {type(exc).__name__}: {exc}")


def test_an_object_that_is_cut_off_is_no_shorter_object(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = json.dumps({"size": 1000, "server_modified": "2026-01-01T00:00:00Z", "rev": "1"})
    headers = {
        "Content-Length": "1000",
        "Last-Modified": "Thu, 01 Jan 2026 00:00:00 GMT",
        "Dropbox-API-Result": found,
    }
    monkeypatch.setattr(_Handler, "answer", (200, headers, b"x" * 500), raising=False)
    with contextlib.closing(store.open("bucket/a")) as opened:
        assert opened.length == 1000
        with pytest.raises(Unreachable):
            while opened.read(400):
                pass
