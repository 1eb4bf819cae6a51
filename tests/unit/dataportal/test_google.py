"""What only Google Cloud Storage has: an account that signs, and uploads in whole chunks."""

import contextlib
import io
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from dataportal.connectors.credentials import ServiceAccountCredential
from dataportal.stores.base import NotFound, Refused
from dataportal.stores.google import GoogleStore
from dataportal.stores.opening import open_store
from dataportal.stores.uploads import PART_BYTES, WHOLE_BYTES
from tests.doubles.google import PROJECT, Account, GoogleEmulator, make_account

TEXT = "text/plain"


@pytest.fixture(scope="module")
def account() -> Account:
    return make_account()


@pytest.fixture
def emulator(account: Account) -> Iterator[GoogleEmulator]:
    with GoogleEmulator(account) as running:
        running.make_bucket("bucket")
        yield running


@pytest.fixture
def store(account: Account, emulator: GoogleEmulator, settings: Any) -> Iterator[GoogleStore]:
    settings.CONNECTOR_HOSTS = frozenset({("127.0.0.1", int(emulator.address.rpartition(":")[2]))})
    options = {"endpoint_url": emulator.address, "project": PROJECT}
    opened = open_store("gs", ServiceAccountCredential(**account.credential), options)
    assert isinstance(opened, GoogleStore)
    with contextlib.closing(opened):
        yield opened


def put(store: GoogleStore, path: str, data: bytes) -> None:
    with store.write(path, TEXT, {}) as upload:
        upload.write(data)
        upload.finish()


def get(store: GoogleStore, path: str) -> bytes:
    with contextlib.closing(store.open(path)) as opened:
        return b"".join(iter(lambda: opened.read(1 << 20), b""))


@pytest.mark.parametrize("size", [WHOLE_BYTES, WHOLE_BYTES + 1, 3 * PART_BYTES])
def test_objects_of_every_size(store: GoogleStore, emulator: GoogleEmulator, size: int) -> None:
    data = bytes(range(251)) * (size // 251 + 1)
    put(store, "bucket/a", data[:size])
    assert get(store, "bucket/a") == data[:size]
    assert emulator.unfinished() == 0


def test_a_chunk_that_fails_for_the_moment_is_sent_again(
    store: GoogleStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = []
    request = store.session.request

    def fail_once(method: str, url: str, *args: Any, **asked: Any) -> requests.Response:
        if method == "PUT" and not failed:
            failed.append(url)
            busy = requests.Response()
            busy.status_code, busy.raw = 503, io.BytesIO()
            return busy
        return request(method, url, *args, **asked)

    monkeypatch.setattr(store.session, "request", fail_once)
    data = b"0123456789" * (2 * PART_BYTES // 8)
    put(store, "bucket/a", data)
    assert failed
    assert get(store, "bucket/a") == data


def test_nothing_of_the_machine_leads_elsewhere(
    store: GoogleStore, account: Account, emulator: GoogleEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOOGLE_API_USE_MTLS_ENDPOINT", "always")
    monkeypatch.setenv("GOOGLE_API_USE_CLIENT_CERTIFICATE", "true")
    monkeypatch.setenv("GOOGLE_CLOUD_UNIVERSE_DOMAIN", "example.org")
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "another-project")
    monkeypatch.setenv("API_ENDPOINT_OVERRIDE", "http://127.0.0.1:9")
    options = {"endpoint_url": emulator.address, "project": PROJECT}
    credential = ServiceAccountCredential(**account.credential)
    with contextlib.closing(open_store("gs", credential, options)) as other:
        assert isinstance(other, GoogleStore)
        put(other, "bucket/a", b"data")
        assert get(other, "bucket/a") == b"data"
        assert other.list_page("").folders == ["bucket"]


@pytest.mark.parametrize("name", ["b?alt=media", "b#", "b%2Fo", "..", "-b", "b" * 300])
def test_a_name_that_no_bucket_has(store: GoogleStore, name: str) -> None:
    for ask in (store.stat, store.list_page, store.check):
        with pytest.raises(NotFound):
            ask(f"{name}/a")


def test_a_key_that_is_none() -> None:
    credential = ServiceAccountCredential("demo@example.org", "1", "not a key")
    with pytest.raises(Refused, match="PEM") as caught:
        open_store("gs", credential, {})
    assert "not a key" not in str(caught.value)
