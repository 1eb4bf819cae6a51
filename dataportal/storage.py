"""The bytes of hosted files: uploads on their way in, and the `hosted` storage."""

import hashlib
import logging
import os
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

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


class _StagedFile(File):
    """What Django's file system storage moves by renaming, and other storages read."""

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


def open_blob(blob_name: str) -> File:
    """The bytes, to be read from any thread. Raises BlobMissing."""
    try:
        return storages["hosted"].open(blob_name, "rb")
    except FileNotFoundError as exc:
        raise BlobMissing from exc


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
def _storage_errors() -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        logger.exception("the file storage failed")
        raise StorageUnavailable from exc
