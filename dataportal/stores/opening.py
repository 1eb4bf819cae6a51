"""From a connector to the store that it leads to.

The modules of the stores are imported when one of their kind is opened: their libraries take a
second and memory that a process without such connectors does not need.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from importlib import import_module
from time import monotonic
from typing import cast
from uuid import UUID

from dataportal.connectors.credentials import Credential, unseal
from dataportal.connectors.options import connector_policy
from dataportal.constants import Protocol
from dataportal.models import Connector
from dataportal.stores.base import Store

MOST_STORES = 128
IDLE_SECONDS = 600.0

_CLASSES = {
    str(Protocol.S3): ("dataportal.stores.s3", "S3Store"),
    str(Protocol.AZURE_BLOB): ("dataportal.stores.azure", "AzureStore"),
    str(Protocol.GOOGLE_CLOUD): ("dataportal.stores.google", "GoogleStore"),
    str(Protocol.DROPBOX): ("dataportal.stores.dropbox", "DropboxStore"),
}

_Key = tuple[UUID, int]


def open_store(protocol: str, credential: Credential, options: Mapping[str, str]) -> Store:
    """A store of this protocol's kind, without asking it anything. Raises StoreError."""
    module, name = _CLASSES[protocol]
    kind: Callable[..., Store] = getattr(import_module(module), name)
    return kind(credential, options, connector_policy())


def open_connector(connector: Connector) -> Store:
    """The store that the connector leads to. Raises StoreError, CredentialsNotReadable."""
    credential = unseal(connector.protocol, connector.credential)
    return open_store(connector.protocol, credential, cast("Mapping[str, str]", connector.options))


@dataclass(slots=True)
class _Entry:
    used_at: float
    store: Future[Store] = field(default_factory=Future)


class StoreCache:
    """Stores that are open, by connector and its revision, for any thread.

    What was not used for `idle_seconds`, or the longest when there are more than `most`, is closed
    at the next use of the cache. Closing lets go of idle connections only: a request that is
    under way with a store goes on.
    """

    def __init__(
        self,
        open_one: Callable[[Connector], Store] = open_connector,
        *,
        most: int = MOST_STORES,
        idle_seconds: float = IDLE_SECONDS,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._open = open_one
        self._most = most
        self._idle_seconds = idle_seconds
        self._clock = clock
        self._lock = threading.Lock()
        # In the order of their last use.
        self._entries: OrderedDict[_Key, _Entry] = OrderedDict()

    def get(self, connector: Connector) -> Store:
        """The connector's store as it is now. Raises StoreError, CredentialsNotReadable."""
        key = (connector.pk, connector.revision)
        now = self._clock()
        with self._lock:
            entry = self._entries.pop(key, None)
            is_new = entry is None
            if entry is None:
                entry = _Entry(now)
            entry.used_at = now
            self._entries[key] = entry
            dropped = self._take_old(now)
        for each in dropped:
            each.add_done_callback(_close)
        if is_new:
            self._fill(key, entry, connector)
        return entry.store.result()

    def _fill(self, key: _Key, entry: _Entry, connector: Connector) -> None:
        try:
            entry.store.set_result(self._open(connector))
        except BaseException as exc:
            with self._lock:
                if self._entries.get(key) is entry:
                    del self._entries[key]
            entry.store.set_exception(exc)

    def _take_old(self, now: float) -> list[Future[Store]]:
        old = []
        while self._entries:
            key, entry = next(iter(self._entries.items()))
            if len(self._entries) <= self._most and now - entry.used_at < self._idle_seconds:
                break
            del self._entries[key]
            old.append(entry.store)
        return old


def _close(store: Future[Store]) -> None:
    if store.exception() is None:
        store.result().close()


STORES = StoreCache()
