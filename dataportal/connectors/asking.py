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
from dataportal.stores.opening import STORES, open_store

ANSWER_SECONDS = 15.0
MOST_AT_ONCE, MOST_OF_ONE_ACCOUNT = 16, 2

T = TypeVar("T")


class SlowAnswer(Unreachable):
    """The storage has not answered yet; what it was asked to do may still be done."""


class Askers:
    """Threads in which storages are asked; a slow one keeps a few of them at most."""

    def __init__(self, name: str, most: int, most_of_one_account: int) -> None:
        self._threads = ThreadPoolExecutor(most, thread_name_prefix=name)
        self._most, self._most_of_one_account = most, most_of_one_account
        self._lock = threading.Lock()
        self._asking: Counter[UUID] = Counter()

    def wait(self, owner_id: UUID, answer: Callable[[], T]) -> T:
        """What `answer` returns, for at most ANSWER_SECONDS; it goes on after those.

        Raises SlowAnswer, TooManyAtOnce.
        """
        self._enter(owner_id)
        future = self._threads.submit(answer)
        future.add_done_callback(lambda _: self._leave(owner_id))
        try:
            return future.result(ANSWER_SECONDS)
        except TimeoutError as exc:
            if future.done():
                return future.result()
            raise SlowAnswer(f"it does not answer within {ANSWER_SECONDS:.0f} s.") from exc

    def _enter(self, owner_id: UUID) -> None:
        with self._lock:
            of_account, of_all = self._asking[owner_id], self._asking.total()
            if of_account >= self._most_of_one_account or of_all >= self._most:
                raise TooManyAtOnce
            self._asking[owner_id] += 1

    def _leave(self, owner_id: UUID) -> None:
        with self._lock:
            self._asking[owner_id] -= 1
            if not self._asking[owner_id]:
                del self._asking[owner_id]


_askers = Askers("ask-storage", MOST_AT_ONCE, MOST_OF_ONE_ACCOUNT)
# People who look around, in stores that stay open.
_browsers = Askers("browse-storage", 12, 4)


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

    return _askers.wait(connector.owner_id, answer)


def ask_open(connector: Connector, question: Callable[[Store], T]) -> T:
    """The same for the connector's store that is open, or stays open, for others too."""
    return _browsers.wait(connector.owner_id, lambda: question(STORES.get(connector)))
