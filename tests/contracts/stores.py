"""The stores that the contract is for, each with a storage of its kind to talk to.

A further kind needs an entry in BACKENDS, which gives a Backend for as long as it is needed.
"""

import contextlib
import json
import os
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest

from algoport.encryption import encrypt
from algoport.http.addresses import OutgoingPolicy
from dataportal.connectors.credentials import OAuthCredential, unseal
from dataportal.models import Collection
from dataportal.stores.base import Store
from dataportal.stores.hosted import HostedStore
from dataportal.stores.opening import open_store
from tests.acceptance.platform import free_port
from tests.doubles.storages import STORAGES, Storage, StorageMissing
from tests.factories.dataportal import make_caller

# The room for it, its row, a lock, what it replaces, its place, the sum: each a query.
HOSTED_PUT = 6


@dataclass(frozen=True)
class Place:
    """A directory in a store; `place / "name"` is a path in it."""

    path: str

    def __truediv__(self, name: str) -> str:
        return f"{self.path}/{name}" if self.path else name


@dataclass(frozen=True)
class Backend:
    """A kind of store under test.

    `root` is a directory to work in. `refused` opens it with a credential that is not good, `dead`
    at an address where nobody answers; None where there is no such thing.
    """

    name: str
    root: str
    open: Callable[[], Store]
    refused: Callable[[], Store] | None = None
    dead: Callable[[], Store] | None = None
    unfinished: Callable[[], int] | None = None
    hosts: frozenset[tuple[str, int | None]] = frozenset()
    keeps_types: bool = True
    keeps_metadata: bool = True
    # Whether there are directories in it.
    nests: bool = True
    put_requests: int = 1
    # How many requests reading the last bytes of an object takes.
    suffix_requests: int = 1


def open_storage(storage: Storage) -> Store:
    """As a connector does that has these options and this credential."""
    credential = unseal(storage.protocol, encrypt(json.dumps(storage.credential)))
    if storage.protocol != "dropbox":
        return open_store(storage.protocol, credential, storage.options)
    from dataportal.stores.dropbox import DropboxStore

    policy = OutgoingPolicy(frozenset({storage.host}))
    return DropboxStore(
        cast("OAuthCredential", credential), storage.options, policy, address=storage.address
    )


def _elsewhere(storage: Storage, port: int) -> Storage:
    """The same, at a port where nobody listens."""
    address = storage.address.replace(f":{storage.host[1]}", f":{port}")
    options, credential = dict(storage.options), dict(storage.credential)
    if "endpoint_url" in options:
        options["endpoint_url"] = address
    if "storage_uri" in credential:
        credential["storage_uri"] = address
    return replace(storage, address=address, options=options, credential=credential)


@contextlib.contextmanager
def _storage(protocol: str, folder: Path, **more: Any) -> Iterator[Backend]:
    with STORAGES[protocol](folder) as storage:
        port = free_port()
        yield Backend(
            protocol,
            storage.root,
            partial(open_storage, storage),
            partial(open_storage, replace(storage, credential=storage.wrong_credential)),
            partial(open_storage, _elsewhere(storage, port)),
            storage.unfinished,
            frozenset({storage.host, ("127.0.0.1", port)}),
            **more,
        )


@contextlib.contextmanager
def _hosted(folder: Path) -> Iterator[Backend]:
    """A collection for whoever opens it; its row needs a database."""

    def open_collection() -> Store:
        owner = make_caller(f"owner{uuid.uuid4().hex[:8]}").user
        return HostedStore(Collection.objects.create(owner=owner, name="c"))

    yield Backend(
        "hosted", "", open_collection, nests=False, keeps_metadata=False, put_requests=HOSTED_PUT
    )


BACKENDS: dict[str, Callable[[Path], contextlib.AbstractContextManager[Backend]]] = {
    "hosted": _hosted,
    "s3": partial(_storage, "s3"),
    "azureblob": partial(_storage, "azureblob", suffix_requests=2),
    "gs": partial(_storage, "gs"),
    "dropbox": partial(_storage, "dropbox", keeps_types=False, keeps_metadata=False),
}


@contextlib.contextmanager
def running_backend(name: str, folder: Path) -> Iterator[Backend]:
    """The backend; where the machine lacks it the test is left out, or fails when strict."""
    with contextlib.ExitStack() as stack:
        try:
            backend = stack.enter_context(BACKENDS[name](folder))
        except StorageMissing as exc:
            if os.environ.get("ALGOPORT_TEST_STRICT"):
                pytest.fail(str(exc))
            pytest.skip(str(exc))
        yield backend


def allow(backend: Backend, settings: Any) -> None:
    """Have connectors lead to the backend."""
    settings.CONNECTOR_HOSTS = backend.hosts
