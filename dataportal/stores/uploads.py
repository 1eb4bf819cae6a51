"""Writing objects part by part while more of them comes; the same for all storages."""

import contextlib
import threading
from abc import abstractmethod
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

from dataportal.stores.base import Deleted, NotFound, StoreError, Upload

# A body up to this size is put by one request.
WHOLE_BYTES = 16 * 1024 * 1024
PART_BYTES = 8 * 1024 * 1024
# Storages take 10,000 parts and more: each so many, they get larger.
PARTS_OF_ONE_SIZE = 1000
_MOST_FAILURES = 10

_threads = ThreadPoolExecutor(8, thread_name_prefix="store-parts")

T = TypeVar("T")


class PartedUpload(Upload, Generic[T]):
    """Small bodies go by one request; of larger ones, parts go while more comes.

    Methods of subclasses raise StoreErrors only. `put_part` is called from other threads,
    for `parts_at_once` parts at a time; 1 keeps their order.
    """

    parts_at_once = 3

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._begun = False
        self._offset = 0
        self._parts: list[Future[T]] = []

    @abstractmethod
    def put_whole(self, body: bytes) -> None:
        """Put the object by one request."""

    @abstractmethod
    def begin(self) -> None:
        """Make ready for parts."""

    @abstractmethod
    def put_part(self, number: int, offset: int, body: bytes) -> T:
        """Send a part that is not the last one; numbers begin with 1."""

    @abstractmethod
    def complete(self, parts: list[T], offset: int, rest: bytes) -> None:
        """Send the last part, which is never empty, and put the object in its place."""

    @abstractmethod
    def give_up(self) -> None:
        """Have the storage forget the parts. Raises StoreError, which nobody sees."""

    def write(self, *pieces: bytes) -> None:
        for piece in pieces:
            self._take(piece)

    def finish(self) -> None:
        rest = bytes(self._buffer)
        if self._begun:
            self.complete([each.result() for each in self._parts], self._offset, rest)
        else:
            self.put_whole(rest)

    def abort(self) -> None:
        self._buffer.clear()
        if not self._begun:
            return
        for each in self._parts:
            each.cancel()
        for each in self._parts:
            # A part that arrives after this would stay.
            if not each.cancelled():
                each.exception()
        # The storage's own rules remove what cannot be removed now.
        with contextlib.suppress(StoreError):
            self.give_up()

    def _take(self, piece: bytes) -> None:
        self._buffer += piece
        if not self._begun and len(self._buffer) > WHOLE_BYTES:
            self.begin()
            self._begun = True
        # The last part is left for `complete`.
        while self._begun and len(self._buffer) > self._part_size():
            size = self._part_size()
            part = bytes(memoryview(self._buffer)[:size])
            del self._buffer[:size]
            self._send(part)

    def _part_size(self) -> int:
        return PART_BYTES * (1 + len(self._parts) // PARTS_OF_ONE_SIZE)

    def _send(self, part: bytes) -> None:
        if len(self._parts) >= self.parts_at_once:
            self._parts[-self.parts_at_once].result()
        number = len(self._parts) + 1
        self._parts.append(_threads.submit(self.put_part, number, self._offset, part))
        self._offset += len(part)


class Deletions:
    """Deletes objects one by one, several at a time, and counts them."""

    def __init__(self, delete: Callable[[str], None]) -> None:
        self._delete = delete
        self._lock = threading.Lock()
        self._count = 0
        self._failures: list[str] = []

    def add(self, names: Iterable[str]) -> None:
        """Delete these and wait for it; markers of directories are not counted."""
        for each in [_threads.submit(self._delete_one, name) for name in names]:
            each.result()

    def total(self) -> Deleted:
        return Deleted(self._count, tuple(self._failures[:_MOST_FAILURES]))

    def _delete_one(self, name: str) -> None:
        try:
            self._delete(name)
        except NotFound:
            return
        except StoreError as exc:
            with self._lock:
                self._failures.append(f"{name}: {exc}")
            return
        with self._lock:
            self._count += not name.endswith("/")
