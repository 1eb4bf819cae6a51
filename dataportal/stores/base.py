"""What every kind of storage can do (design.md 8): one interface, one contract for all.

Stores are asked for paths inside their connector that the permission module has let pass; they
decide nothing. A path is `a/b/c`, without a slash at either end; the root's is "". All methods
block and may be called from any thread; what they return belongs to one thread at a time.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import TracebackType
from typing import Self

PAGE_SIZE = 1000


class StoreError(Exception):
    """The storage did not do it; the text is for the owner of the connector."""


class NotFound(StoreError):
    """There is no such object or directory."""


class Refused(StoreError):
    """The storage does not let the connector's credentials do this."""


class NotPermitted(Refused):
    """The credentials are good, but do not allow this."""


class Unreachable(StoreError):
    """The storage does not answer, or not as a storage of its kind does."""


class NotPossible(StoreError):
    """Storages of this kind cannot do this, or not here."""


class NotEmpty(StoreError):
    """The directory has something in it."""


class PreconditionFailed(StoreError):
    """The object is not the one that the request was for."""


class NotModified(StoreError):
    """The object is the one that the asker has."""

    def __init__(self, etag: str, modified_at: datetime | None) -> None:
        super().__init__()
        self.etag = etag
        self.modified_at = modified_at


class RangeNotSatisfiable(StoreError):
    """The object ends before the range begins."""

    def __init__(self, size: int | None) -> None:
        super().__init__()
        self.size = size


@dataclass(frozen=True, slots=True)
class FileEntry:
    """A file in a listing."""

    name: str
    size: int
    modified_at: datetime


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a directory, in the storage's own order; `marker` is where the next one begins."""

    folders: list[str]
    files: list[FileEntry]
    marker: str = ""


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """What is known of an object. `etag` is without quotes, and "" where a storage has none."""

    size: int
    modified_at: datetime | None
    etag: str = ""
    content_type: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DirectoryInfo:
    """A directory is there."""


@dataclass(frozen=True, slots=True)
class ByteRange:
    """Bytes from `start` to `end`, both included; with no start, the last `end` bytes."""

    start: int | None
    end: int | None

    def within(self, size: int) -> tuple[int, int]:
        """First and last byte of it in an object of this size. Raises RangeNotSatisfiable."""
        if self.start is None:
            first, last = max(0, size - (self.end or 0)), size - 1
        else:
            first, last = self.start, size - 1 if self.end is None else min(self.end, size - 1)
        if first > last:
            raise RangeNotSatisfiable(size)
        return first, last


@dataclass(frozen=True, slots=True)
class Conditions:
    """What has to be true of an object for it to be read; etags without quotes, `*` is any."""

    if_match: tuple[str, ...] = ()
    if_none_match: tuple[str, ...] = ()
    if_modified_since: datetime | None = None
    if_unmodified_since: datetime | None = None

    def check(self, info: ObjectInfo) -> None:
        """For storages that do not look themselves. Raises PreconditionFailed, NotModified."""
        seconds = None if info.modified_at is None else info.modified_at.replace(microsecond=0)
        if self.if_match and not _is_one_of(info.etag, self.if_match):
            raise PreconditionFailed("The object is another one by now.")
        limit = None if self.if_match else self.if_unmodified_since
        if limit is not None and seconds is not None and seconds > limit:
            raise PreconditionFailed("The object was changed.")
        if self.if_none_match:
            if _is_one_of(info.etag, self.if_none_match):
                raise NotModified(info.etag, info.modified_at)
        elif self.if_modified_since and seconds is not None and seconds <= self.if_modified_since:
            raise NotModified(info.etag, info.modified_at)


@dataclass(frozen=True, slots=True)
class Deleted:
    """How many objects went, and what the storage said of those that did not."""

    count: int
    failures: tuple[str, ...] = ()


class Opened(ABC):
    """An object that is being read: `span` is its part as (first, last) byte, None for all."""

    info: ObjectInfo
    span: tuple[int, int] | None = None

    @property
    def length(self) -> int:
        """How many bytes `read` gives in all."""
        return self.info.size if self.span is None else self.span[1] - self.span[0] + 1

    @abstractmethod
    def read(self, size: int) -> bytes:
        """The next bytes, at most `size`; none at the end. Raises Unreachable."""

    @abstractmethod
    def close(self) -> None:
        """Let go of it, whether or not all was read."""


class Upload(ABC):
    """An object that is being written. Nobody sees any of it before `finish`."""

    def expect(self, size: int) -> None:  # noqa: B027  (most storages do not ask)
        """So many bytes will come, where that is known. Raises what would refuse them then."""

    @abstractmethod
    def write(self, *pieces: bytes) -> None:
        """Take the next bytes, however many."""

    @abstractmethod
    def finish(self) -> None:
        """Put it in its place, in one step."""

    @abstractmethod
    def abort(self) -> None:
        """Leave nothing of it; to be called after any failure, and does not raise."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is not None:
            self.abort()


class Store(ABC):
    """One account with a storage, through one connector."""

    @abstractmethod
    def list_page(
        self, directory: str, *, begins: str = "", marker: str = "", most: int = PAGE_SIZE
    ) -> Page:
        """At most `most` entries whose names begin with `begins`, from `marker` on.

        `most` is at most PAGE_SIZE; Dropbox takes it for an approximate number. At most two
        requests to the storage. An empty directory is an empty page. Raises NotFound for a
        directory that is not there.
        """

    @abstractmethod
    def stat(self, path: str) -> ObjectInfo | DirectoryInfo:
        """What is at this path; a directory is one that has a marker or something in it."""

    @abstractmethod
    def open(
        self, path: str, part: ByteRange | None = None, conditions: Conditions | None = None
    ) -> Opened:
        """The object, by one request to the storage.

        Raises NotFound, NotModified, PreconditionFailed, RangeNotSatisfiable.
        """

    @abstractmethod
    def write(self, path: str, content_type: str, metadata: Mapping[str, str]) -> Upload:
        """Begin to put an object; an object that is there already is replaced by `finish`."""

    @abstractmethod
    def delete(self, path: str) -> None:
        """Delete the object. Raises NotFound."""

    @abstractmethod
    def delete_directory(self, path: str, *, force: bool) -> Deleted:
        """Delete the directory; with `force` all that is in it, which may end half way.

        Raises NotFound, and without `force` NotEmpty. The directory's own marker is not counted.
        """

    @abstractmethod
    def make_directory(self, path: str) -> None:
        """Have a directory there; it is no error when one is."""

    @abstractmethod
    def check(self, begins: str = "") -> None:
        """Ask for something small whose path begins so, to learn whether the credentials are good.

        They may be without permission to list what there is at the root. Raises Refused,
        NotFound, Unreachable.
        """

    def close(self) -> None:  # noqa: B027  (most have nothing to close)
        """Let go of connections."""


def _is_one_of(etag: str, wanted: tuple[str, ...]) -> bool:
    return "*" in wanted or (bool(etag) and etag in wanted)
