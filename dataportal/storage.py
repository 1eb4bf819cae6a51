"""The bytes of hosted files: uploads on their way in, and the `hosted` storage."""

import hashlib
import logging
import os
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Protocol, cast

from django.conf import settings
from django.core.files import File
from django.core.files.storage import FileSystemStorage, Storage, storages

from dataportal.errors import BlobMissing, StorageUnavailable
from dataportal.usage import ANY_SIZE, Room

logger = logging.getLogger(__name__)


class IncomingFile:
    """An upload in progress, in a file that no reader can see. Safe to use from any thread."""

    def __init__(self, room: Room = ANY_SIZE) -> None:
        self._room = room
        folder = incoming_folder()
        with _storage_errors():
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.path = folder / uuid.uuid4().hex
            self._file = self.path.open("xb", buffering=0)
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._lock = threading.Lock()
        self.size = 0

    @property
    def md5(self) -> str:
        return self._md5.hexdigest()

    def write(self, data: bytes) -> None:
        """Take the next bytes. Raises TooManyBytes, StorageUnavailable."""
        self._room.check(self.size + len(data))
        with self._lock, _storage_errors():
            rest = memoryview(data)
            while rest:
                rest = rest[self._file.write(rest) :]
            self._md5.update(data)
            self.size += len(data)

    def flush(self) -> None:
        """Have all bytes on the disk, and write no more."""
        with self._lock, _storage_errors():
            os.fsync(self._file.fileno())
            self._file.close()

    def discard(self) -> None:
        """Close it and leave nothing of what `keep` has not moved away."""
        with self._lock:
            self._file.close()
            self.path.unlink(missing_ok=True)


class _Bucket(Protocol):
    """What `dataportal.bucket_storage` has that Django's storages have not."""

    def open_part(self, name: str, start: int, length: int | None) -> File: ...

    def list_sizes(self) -> Iterator[tuple[str, int]]: ...


class _StagedFile(File):
    """What a file system storage moves by renaming, and a bucket reads from the disk."""

    def temporary_file_path(self) -> str:
        return str(self.name)


def keep(incoming: IncomingFile, blob_name: str) -> None:
    """Move the flushed upload into the storage under `blob_name`."""
    storage = storages["hosted"]
    with _storage_errors(), incoming.path.open("rb") as source:
        kept = storage.save(blob_name, _StagedFile(source, name=str(incoming.path)))
        if kept != blob_name:
            raise FileExistsError(f"{blob_name} is taken in the storage")
        if isinstance(storage, FileSystemStorage):
            _sync_folders(storage, blob_name)


def open_blob(blob_name: str, start: int = 0, length: int | None = None) -> File:
    """The bytes from `start` on, to be read from any thread. Raises BlobMissing.

    No more than `length` of them will be read.
    """
    storage = storages["hosted"]
    try:
        with _storage_errors(besides=FileNotFoundError):
            if not isinstance(storage, FileSystemStorage):
                return cast(_Bucket, storage).open_part(blob_name, start, length)
            blob = storage.open(blob_name, "rb")
            blob.seek(start)
            return blob
    except FileNotFoundError as exc:
        raise BlobMissing from exc


def blob_size(blob_name: str) -> int | None:
    """How many bytes there are under this name; None when it is not there."""
    try:
        with _storage_errors(besides=FileNotFoundError):
            return storages["hosted"].size(blob_name)
    except FileNotFoundError:
        return None


def list_blobs() -> Iterator[tuple[str, int]]:
    """Name and size of all that is in the storage, by name."""
    storage = storages["hosted"]
    with _storage_errors():
        if isinstance(storage, FileSystemStorage):
            yield from _list_folder(Path(storage.location), "")
        else:
            yield from cast(_Bucket, storage).list_sizes()


def remove_blob(blob_name: str) -> None:
    """Remove the bytes; it is no error when they are not there."""
    storages["hosted"].delete(blob_name)


def incoming_folder() -> Path:
    """Beside the storage's folder, so that an upload enters it by a rename."""
    return Path(settings.ALGOPORT_DATA) / "incoming"


def remove_abandoned_uploads(older_than: timedelta) -> int:
    """Remove what killed processes left: uploads without a byte written for so long."""
    limit = time.time() - older_than.total_seconds()
    removed = 0
    for path in incoming_folder().glob("*"):
        try:
            if path.stat().st_mtime < limit:
                path.unlink()
                removed += 1
        except FileNotFoundError:
            # Its upload has just ended.
            continue
    return removed


def _list_folder(folder: Path, prefix: str) -> Iterator[tuple[str, int]]:
    """Everything below; at any time no more than one folder of each level is in memory."""
    try:
        entries = list(os.scandir(folder))
    except FileNotFoundError:
        return
    is_folder = {entry.name: entry.is_dir(follow_symlinks=False) for entry in entries}
    for name in sorted(is_folder, key=lambda name: name + "/" if is_folder[name] else name):
        path = folder / name
        if is_folder[name]:
            yield from _list_folder(path, f"{prefix}{name}/")
            continue
        # Removed while the folder was read.
        with suppress(FileNotFoundError):
            yield f"{prefix}{name}", path.lstat().st_size


def _sync_folders(storage: Storage, blob_name: str) -> None:
    """Have the names on the disk too: a folder's entry survives a crash once it is synced."""
    folder = Path(storage.path(blob_name)).parent
    for path in (folder, folder.parent):
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextmanager
def _storage_errors(besides: type[OSError] | None = None) -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        if besides is not None and isinstance(exc, besides):
            raise
        logger.exception("the file storage failed")
        raise StorageUnavailable from exc
