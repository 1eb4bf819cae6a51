"""Browsing what a connector leads to: each page is asked for at the storage, in bounded time."""

from collections.abc import Callable
from functools import partial
from typing import TypeVar

from algoport.accounts.permissions import Principal
from dataportal.browsing.entries import ENTRIES, Count, Entry, FileView, Folder
from dataportal.browsing.places import place_in
from dataportal.browsing.previews import HEAD_BYTES
from dataportal.connectors.access import ConnectorAccess
from dataportal.connectors.asking import SlowAnswer, ask_open
from dataportal.connectors.failures import as_api_error
from dataportal.connectors.selectors import get_connector_for
from dataportal.constants import EVERY_PATH, Protocol
from dataportal.content_types import type_told
from dataportal.errors import InvalidPath, PartlyDeleted, PathNotFound, StorageNotReached
from dataportal.models import Connector
from dataportal.paths import DataPath, check_name
from dataportal.stores.base import (
    ByteRange,
    DirectoryInfo,
    FileEntry,
    NotFound,
    ObjectInfo,
    Page,
    RangeNotSatisfiable,
    Store,
    StoreError,
)

T = TypeVar("T")

# Of a directory in which little may be seen, so many of the storage's pages are looked through.
_MOST_PAGES = 10
_COUNTED_PAGES = 5
# Their first segment is a bucket, which is neither a directory nor made like one.
_WITH_BUCKETS = (Protocol.S3, Protocol.GOOGLE_CLOUD)


class ConnectedPlace:
    """A path in a connector, as somebody who may use it browses it."""

    def __init__(self, principal: Principal, path: DataPath) -> None:
        self.path = path
        self.key = "/".join(path.segments)
        self.connector = get_connector_for(principal, path)
        self.access = ConnectorAccess(principal, self.connector)

    @property
    def may_be_file(self) -> bool:
        return not self.path.trailing_slash and self.access.may_read(self.key)

    def browse(self, begins: str, marker: str) -> Folder | FileView:
        """Raises PathNotFound, and the storage's errors."""
        if self.may_be_file:
            found = self._look()
            if found is not None:
                return found
        return self._folder(begins, marker)

    def _look(self) -> FileView | None:
        """The file, with its beginning; None for a directory or nothing."""
        try:
            info, head = self.ask(partial(_read_head, self.key))
        except PathNotFound:
            return None
        if isinstance(info, DirectoryInfo):
            return None
        return FileView(
            self.path,
            info.size,
            info.modified_at,
            type_told(self.path.segments[-1], info.content_type),
            info.etag,
            owner=self.connector.owner.username,
            metadata=info.metadata,
            head=head,
            deletable=self.access.may_write(self.key),
            rules_at=self._rules_at(self.key),
        )

    def _folder(self, begins: str, marker: str) -> Folder:
        if not self.access.may_list(self.key):
            raise PathNotFound
        page = self._page(begins, marker)
        path = DataPath(self.path.connector, self.path.segments, bool(self.path.segments))
        folders = [Entry(name, place_in(path, name, is_folder=True), True) for name in page.folders]
        return Folder(
            path,
            [*folders, *(self._file_entry(path, file) for file in page.files)],
            page.marker,
            owner=self.connector.owner.username,
            takes_files=self._is_inside and self.access.may_put_into(self.key),
            takes_folders=self._is_inside and self.access.may_make_directory_in(self.key),
            deletable=self.may_clear,
            rules_at=self._rules_at(f"{self.key}/") if len(path.segments) == 1 else "",
            note="" if self.connector.path == EVERY_PATH else _note(self.connector),
        )

    def _file_entry(self, path: DataPath, file: FileEntry) -> Entry:
        inside = f"{self.key}/{file.name}" if self.key else file.name
        place = place_in(path, file.name)
        deletable = bool(place) and self.access.may_write(inside)
        return Entry(file.name, place, False, file.size, file.modified_at, deletable)

    @property
    def may_clear(self) -> bool:
        """Whether this directory may be deleted with all that is in it."""
        first = 1 if self.connector.protocol in _WITH_BUCKETS else 0
        return len(self.path.segments) > first and self.access.may_clear(self.key)

    def _rules_at(self, path: str) -> str:
        has_rules = self.connector.protocol == Protocol.S3 and self.access.may_see_rules(path)
        return self.connector.name if has_rules else ""

    @property
    def _is_inside(self) -> bool:
        return bool(self.key) or self.connector.protocol not in _WITH_BUCKETS

    def _page(self, begins: str, marker: str) -> Page:
        wanted, only = self.access.beginning(self.key)
        if only:
            return Page([only] if only.startswith(begins) and not marker else [], [])
        if wanted.startswith(begins):
            begins = wanted
        elif not begins.startswith(wanted):
            return Page([], [])
        for _ in range(_MOST_PAGES):
            found = self.ask(partial(_list, self.key, begins, marker))
            page = self.access.shown(self.key, found)
            marker = page.marker
            if page.folders or page.files or not marker:
                break
        return page

    def count(self) -> Count:
        """How many files are below this directory, as far as it can be told at once."""
        return self.ask(partial(_count, self.key))

    def delete(self) -> int:
        """Delete the file, or the directory with all that is in it; how many files went.

        Raises PathNotFound, NotAuthorized, and the storage's errors.
        """
        if self.may_be_file:
            self.access.check_write(self.key)
            self.ask(lambda store: store.delete(self.key))
            return 1
        self.access.check_clear(self.key)
        deleted = self.ask(
            lambda store: store.delete_directory(self.key, force=True),
            slow="it is still deleting. Look again shortly.",
        )
        if deleted.failures:
            raise PartlyDeleted(deleted.count, "; ".join(deleted.failures))
        return deleted.count

    def make_directory(self, name: str) -> DataPath:
        """Raises InvalidPath, NotAuthorized, and the storage's errors."""
        if not name or "/" in name:
            raise InvalidPath(reason="a directory has a name, without a slash")
        check_name(name)
        directory = f"{self.key}/{name}" if self.key else name
        self.access.check_make_directory(directory)
        self.ask(lambda store: store.make_directory(directory))
        return DataPath(self.path.connector, (*self.path.segments, name), True)

    def ask(self, question: Callable[[Store], T], *, slow: str = "") -> T:
        """Raises PathNotFound, StorageRefused, StorageNotReached and their like.

        `slow` is what to tell when the storage goes on beyond the time that a page has.
        """
        try:
            return ask_open(self.connector, question)
        except SlowAnswer as exc:
            reason = slow or str(exc)
            raise StorageNotReached(connector=self.connector.name, reason=reason) from exc
        except StoreError as exc:
            raise as_api_error(exc, self.connector.name) from exc


def _note(connector: Connector) -> str:
    return f"This connector shows what its path restriction “{connector.path}” covers."


def _read_head(key: str, store: Store) -> tuple[ObjectInfo | DirectoryInfo, bytes]:
    try:
        opened = store.open(key, ByteRange(0, HEAD_BYTES - 1))
    except RangeNotSatisfiable:
        # A file without a byte.
        return store.stat(key), b""
    try:
        pieces, left = [], HEAD_BYTES
        while left > 0 and (piece := opened.read(left)):
            pieces.append(piece)
            left -= len(piece)
        return opened.info, b"".join(pieces)
    finally:
        opened.close()


def _list(directory: str, begins: str, marker: str, store: Store) -> Page:
    return store.list_page(directory, begins=begins, marker=marker, most=ENTRIES)


def _count(directory: str, store: Store) -> Count:
    waiting, files = [(directory, "")], 0
    for _ in range(_COUNTED_PAGES):
        if not waiting:
            break
        place, marker = waiting.pop()
        try:
            page = store.list_page(place, marker=marker)
        except NotFound:
            continue
        files += len(page.files)
        waiting += [(f"{place}/{folder}", "") for folder in page.folders]
        if page.marker:
            waiting.append((place, page.marker))
    return Count(files, bool(waiting))
