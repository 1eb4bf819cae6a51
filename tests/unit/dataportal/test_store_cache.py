"""Opening stores, and keeping them open."""

import subprocess
import sys
import threading
import uuid
from dataclasses import dataclass, field

import pytest

from dataportal.connectors.credentials import IamCredential, parse_credential, seal
from dataportal.models import Connector
from dataportal.stores.base import Store, Unreachable
from dataportal.stores.opening import StoreCache
from dataportal.stores.s3 import S3Store


class FakeStore:
    closed = False

    def close(self) -> None:
        self.closed = True


@dataclass
class Opener:
    """Counts what it opens, and waits for leave."""

    opened: list[FakeStore] = field(default_factory=list)
    may_open: threading.Event = field(default_factory=threading.Event)
    failures: int = 0

    def __call__(self, connector: Connector) -> Store:
        assert self.may_open.wait(10)
        if self.failures:
            self.failures -= 1
            raise Unreachable("it does not answer.")
        self.opened.append(FakeStore())
        return self.opened[-1]  # type: ignore[return-value]


@pytest.fixture
def opener() -> Opener:
    made = Opener()
    made.may_open.set()
    return made


def make_connector(revision: int = 0) -> Connector:
    return Connector(id=uuid.uuid4(), protocol="s3", revision=revision)


def test_a_store_is_opened_once(opener: Opener) -> None:
    cache, connector = StoreCache(opener), make_connector()
    assert cache.get(connector) is cache.get(connector)
    assert cache.get(make_connector()) is not cache.get(connector)
    assert len(opener.opened) == 2


def test_a_changed_connector_is_opened_again(opener: Opener) -> None:
    cache, connector = StoreCache(opener), make_connector()
    before = cache.get(connector)
    connector.revision = 1
    assert cache.get(connector) is not before


def test_many_ask_for_the_same_at_once(opener: Opener) -> None:
    cache, connector = StoreCache(opener), make_connector()
    opener.may_open.clear()
    found: list[Store] = []
    threads = [
        threading.Thread(target=lambda: found.append(cache.get(connector))) for _ in range(8)
    ]
    for each in threads:
        each.start()
    opener.may_open.set()
    for each in threads:
        each.join(10)
    assert len(found) == 8
    assert len(set(map(id, found))) == len(opener.opened) == 1


def test_a_failure_is_not_kept(opener: Opener) -> None:
    cache, connector = StoreCache(opener), make_connector()
    opener.failures = 1
    with pytest.raises(Unreachable):
        cache.get(connector)
    assert cache.get(connector) is opener.opened[0]


def test_what_nobody_used_is_closed(opener: Opener) -> None:
    now = 0.0
    cache = StoreCache(opener, idle_seconds=600, clock=lambda: now)
    first, second = make_connector(), make_connector()
    cache.get(first)
    cache.get(second)
    now = 599
    cache.get(second)
    now = 600
    cache.get(second)
    assert [each.closed for each in opener.opened] == [True, False]
    cache.get(first)
    assert len(opener.opened) == 3


def test_no_more_than_some_are_open(opener: Opener) -> None:
    cache = StoreCache(opener, most=2)
    connectors = [make_connector() for _ in range(3)]
    cache.get(connectors[0])
    cache.get(connectors[1])
    cache.get(connectors[0])
    cache.get(connectors[2])
    assert [each.closed for each in opener.opened] == [False, True, False]


def test_a_connectors_store_has_its_credential_and_options() -> None:
    said = {"access_key_id": "demo-key", "secret_access_key": "secret"}
    connector = Connector(
        id=uuid.uuid4(),
        protocol="s3",
        options={"endpoint_url": "https://storage.example.com", "region": "eu-west-1"},
        credential=seal(parse_credential("s3", "iam", said)),
    )
    cache = StoreCache()
    store = cache.get(connector)
    assert isinstance(store, S3Store)
    assert store.client.meta.endpoint_url == "https://storage.example.com"
    assert store.client.meta.region_name == "eu-west-1"
    assert cache.get(connector) is store
    assert isinstance(parse_credential("s3", "iam", said), IamCredential)


def test_libraries_of_storages_wait_until_they_are_needed() -> None:
    code = """
import sys, algoport, django
django.setup()
import dataportal.stores.opening, dataportal.api.data_plane
late = {"botocore", "azure", "google", "dropbox", "dataportal.stores.s3"}
sys.exit(str(sorted(late & set(sys.modules))) if late & set(sys.modules) else 0)
"""
    subprocess.run([sys.executable, "-c", code], check=True)
