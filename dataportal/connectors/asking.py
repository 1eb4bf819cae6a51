"""Questions to a storage while somebody waits: bounded in time, and in how many there are."""

import threading
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TypeVar
from uuid import UUID

from dataportal.connectors.credentials import unseal
from dataportal.errors import TooManyAtOnce
from dataportal.models import Connector
from dataportal.stores.base import Store, Unreachable
from dataportal.stores.opening import open_store

ANSWER_SECONDS = 15.0
MOST_AT_ONCE, MOST_OF_ONE_ACCOUNT = 16, 2

T = TypeVar("T")

_threads = ThreadPoolExecutor(MOST_AT_ONCE, thread_name_prefix="ask-storage")
_lock = threading.Lock()
_asking: Counter[UUID] = Counter()


def ask(
    connector: Connector, question: Callable[[Store], T], options: Mapping[str, str] | None = None
) -> T:
    """What `question` returns for a store of the connector that is opened for it alone.

    `options` in place of the connector's own. A question that takes ANSWER_SECONDS is given up
    here, and goes on until the storage's own limits end it. Raises Unreachable and what the
    question raises, CredentialsNotReadable, TooManyAtOnce.
    """
    protocol, credential = connector.protocol, unseal(connector.protocol, connector.credential)
    chosen = connector.options if options is None else options

    def answer() -> T:
        with closing(open_store(protocol, credential, chosen)) as store:
            return question(store)

    _enter(connector.owner_id)
    future = _threads.submit(answer)
    future.add_done_callback(lambda _: _leave(connector.owner_id))
    try:
        return future.result(ANSWER_SECONDS)
    except TimeoutError as exc:
        if future.done():
            return future.result()
        raise Unreachable(f"it does not answer within {ANSWER_SECONDS:.0f} s.") from exc


def _enter(owner_id: UUID) -> None:
    with _lock:
        if _asking[owner_id] >= MOST_OF_ONE_ACCOUNT or _asking.total() >= MOST_AT_ONCE:
            raise TooManyAtOnce
        _asking[owner_id] += 1


def _leave(owner_id: UUID) -> None:
    with _lock:
        _asking[owner_id] -= 1
        if not _asking[owner_id]:
            del _asking[owner_id]
