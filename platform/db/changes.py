"""News of changed rows for the caches in every process, by PostgreSQL's LISTEN and NOTIFY.

A notification is part of the transaction that made the change: it is sent if, and only if, the
change was committed. A cache is believed while the listener has asked the database within the
last second; when the database cannot be heard, every look-up goes to it (docs/adr/0002).
"""

import logging
import select
import threading
import time
from collections.abc import Hashable
from typing import Generic, TypeVar

import psycopg2
from django.db import connection

logger = logging.getLogger(__name__)

V = TypeVar("V")

CHANNEL = "algoport_changes"
LONGEST_STALENESS_SECONDS = 1.0
_HEARTBEAT_SECONDS = 0.3
_MOST_ENTRIES = 50_000


def announce_change() -> None:
    """Tell every process, when this transaction commits, to forget what it has cached."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, '')", [CHANNEL])


class ChangeListener(threading.Thread):
    """Hears of changes; `generation` counts them."""

    def __init__(self) -> None:
        super().__init__(name="changes", daemon=True)
        self.generation = 0
        self._heard_at = float("-inf")
        self._stopping = threading.Event()

    def is_current(self) -> bool:
        return time.monotonic() - self._heard_at < LONGEST_STALENESS_SECONDS

    def stop(self) -> None:
        self._stopping.set()

    def run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._listen()
            except psycopg2.Error as exc:
                logger.warning("not hearing of changes: %s", exc)
                self._stopping.wait(_HEARTBEAT_SECONDS)

    def _listen(self) -> None:
        parameters = connection.get_connection_params()
        parameters.pop("cursor_factory", None)
        own = psycopg2.connect(**parameters)
        try:
            own.autocommit = True
            with own.cursor() as cursor:
                cursor.execute(f"LISTEN {CHANNEL}")
                # What changed while nobody listened is unknown.
                self.generation += 1
                while not self._stopping.is_set():
                    asked_at = time.monotonic()
                    cursor.execute("SELECT 1")
                    self._take(own)
                    self._heard_at = asked_at
                    select.select([own], [], [], _HEARTBEAT_SECONDS)
                    own.poll()
                    self._take(own)
        finally:
            own.close()

    def _take(self, own: "psycopg2.extensions.connection") -> None:
        if own.notifies:
            own.notifies.clear()
            self.generation += 1


class ChangeCache(Generic[V]):
    """Values read from the database, forgotten at every announced change."""

    def __init__(self, listener: ChangeListener) -> None:
        self._listener = listener
        self._generation = listener.generation
        self._entries: dict[Hashable, V] = {}

    @property
    def generation(self) -> int:
        """To be read before a look-up and given to `put` with its result."""
        return self._listener.generation

    def get(self, key: Hashable) -> V | None:
        if self._generation != self._listener.generation:
            self._entries = {}
            self._generation = self._listener.generation
        if not self._listener.is_current():
            return None
        return self._entries.get(key)

    def put(self, key: Hashable, value: V, generation: int) -> None:
        """Keep `value`, unless something changed since `generation`."""
        if generation != self._listener.generation or generation != self._generation:
            return
        if len(self._entries) >= _MOST_ENTRIES:
            self._entries.clear()
        self._entries[key] = value
