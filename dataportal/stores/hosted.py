"""One hosted collection as a store: rows in the database, bytes in the platform's own storage.

What the platform itself refuses or fails at (quotas, its storage) is raised as its own ApiError.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from operator import call
from typing import Any

from django.core.files import File

from algoport.errors import ApiError
from dataportal.content_types import content_type_of
from dataportal.errors import DirectoryNotEmpty, PathNotFound
from dataportal.models import Collection, HostedFile
from dataportal.services import (
    drop_reserved,
    publish_file,
    remove_collection,
    remove_file,
    reserve_file,
)
from dataportal.storage import IncomingFile, keep, open_blob
from dataportal.stores.base import (
    PAGE_SIZE,
    ByteRange,
    Conditions,
    Deleted,
    DirectoryInfo,
    FileEntry,
    NotEmpty,
    NotFound,
    NotPossible,
    ObjectInfo,
    Opened,
    Page,
    Store,
    Upload,
)
from dataportal.usage import Room, get_room


def info_of(file: HostedFile) -> ObjectInfo:
    """What a row says of its file."""
    return ObjectInfo(file.size, file.modified_at, file.digest, content_type_of(file.name))


class HostedStore(Store):
    """Paths are names of files; "" is the collection, which has no directories.

    `found` is a file of it that has been looked up already. Where the store is used by threads that
    shall have no connection to the database, `database` runs what needs one.
    """

    def __init__(
        self,
        collection: Collection,
        *,
        found: HostedFile | None = None,
        database: Callable[..., Any] = call,
    ) -> None:
        self._collection = collection
        self._found = found
        self._database = database

    def list_page(
        self, directory: str, *, begins: str = "", marker: str = "", most: int = PAGE_SIZE
    ) -> Page:
        if directory:
            raise NotFound(directory)
        rows = HostedFile.objects.filter(collection=self._collection)
        if begins:
            rows = rows.filter(name__startswith=begins)
        found, more = rows.page(marker, most)
        if not found:
            self.check()
        files = [FileEntry(each.name, each.size, each.modified_at) for each in found]
        return Page([], files, files[-1].name if more else "")

    def stat(self, path: str) -> ObjectInfo | DirectoryInfo:
        if path:
            return info_of(self._file(path))
        self.check()
        return DirectoryInfo()

    def open(
        self, path: str, part: ByteRange | None = None, conditions: Conditions | None = None
    ) -> Opened:
        file = self._file(path)
        info = info_of(file)
        (conditions or Conditions()).check(info)
        return _HostedObject(file, info, None if part is None else part.within(info.size))

    def write(self, path: str, content_type: str, metadata: Mapping[str, str]) -> Upload:
        """Its type is told by its name, whatever `content_type` says."""
        if not path or "/" in path:
            raise NotPossible("collections do not nest; a file needs a name without a slash.")
        if metadata:
            raise NotPossible("hosted files keep no metadata.")
        room = self._database(get_room, self._collection, path)
        return _HostedUpload(self._collection, path, room, self._database)

    def delete(self, path: str) -> None:
        with _store_errors(path):
            remove_file(self._collection.id, path)

    def delete_directory(self, path: str, *, force: bool) -> Deleted:
        if path:
            raise NotFound(path)
        with _store_errors(path):
            return Deleted(remove_collection(self._collection, force=force))

    def make_directory(self, path: str) -> None:
        raise NotPossible("collections do not nest.")

    def check(self, begins: str = "") -> None:
        """Whether the collection is still there."""
        if not Collection.objects.filter(pk=self._collection.pk).exists():
            raise NotFound(self._collection.uri)

    def _file(self, name: str) -> HostedFile:
        if self._found is not None and self._found.name == name:
            return self._found
        rows = HostedFile.objects.filter(collection=self._collection, name=name)
        file: HostedFile | None = self._database(rows.first)
        if file is None:
            raise NotFound(name)
        return file


class _HostedObject(Opened):
    def __init__(self, file: HostedFile, info: ObjectInfo, span: tuple[int, int] | None) -> None:
        self.info = info
        self.span = span
        self._left = self.length
        self._blob: File = open_blob(file.blob_name, span[0] if span else 0, self._left)

    def read(self, size: int) -> bytes:
        data: bytes = self._blob.read(min(size, self._left)) if self._left else b""
        self._left -= len(data)
        return data

    def close(self) -> None:
        self._blob.close()


class _HostedUpload(Upload):
    def __init__(
        self, collection: Collection, name: str, room: Room, database: Callable[..., Any]
    ) -> None:
        self._collection = collection
        self._name = name
        self._database = database
        self._incoming = IncomingFile(room)

    def expect(self, size: int) -> None:
        self._incoming.expect(size)

    def write(self, *pieces: bytes) -> None:
        self._incoming.write(*pieces)

    def finish(self) -> None:
        incoming = self._incoming
        incoming.flush()
        file = self._database(
            reserve_file, name=self._name, size=incoming.size, digest=incoming.digest
        )
        keep(incoming, file.blob_name)
        with _store_errors(self._name):
            try:
                self._database(publish_file, file=file, collection=self._collection)
            except ApiError:
                # Refused: its bytes go now, not when unused ones are swept.
                self._database(drop_reserved, file)
                raise
        self.abort()

    def abort(self) -> None:
        # What cannot be removed now is removed with other abandoned uploads.
        with suppress(OSError):
            self._incoming.discard()


@contextmanager
def _store_errors(path: str) -> Iterator[None]:
    try:
        yield
    except PathNotFound as exc:
        raise NotFound(path) from exc
    except DirectoryNotEmpty as exc:
        raise NotEmpty(path) from exc
