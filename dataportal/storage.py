"""The bytes of hosted files: uploads on their way in, and the `hosted` storage."""

import fcntl
import logging
import mmap
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

from dataportal.digests import Digest
from dataportal.errors import BlobMissing, StorageUnavailable
from dataportal.usage import ANY_SIZE, Room

logger = logging.getLogger(__name__)

_BLOCK_BYTES = 1024 * 1024


class IncomingFile:
    """An upload in progress, in a file that no reader can see. Safe to use from any thread."""

    def __init__(self, room: Room = ANY_SIZE) -> None:
        self._room = room
        folder = incoming_folder()
        with _storage_errors():
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.path = folder / uuid.uuid4().hex
            self._file = self.path.open("xb", buffering=0)
        self._digest = Digest()
        self._lock = threading.Lock()
        self.size = 0
        # On pages of its own, as writing past the cache demands.
        self._block = mmap.mmap(-1, _BLOCK_BYTES)
        self._filled = 0

    @property
    def digest(self) -> str:
        return str(self._digest)

    def expect(self, size: int) -> None:
        """So many bytes will come. Raises TooManyBytes."""
        self._room.check(size)

    def write(self, *pieces: bytes) -> None:
        """Take the next bytes. Raises TooManyBytes, StorageUnavailable."""
        added = sum(map(len, pieces))
        with self._lock, _storage_errors():
            self._room.check(self.size + added)
            self.size += added
            for piece in pieces:
                self._digest.update(piece)
                self._fill(piece)

    def flush(self) -> None:
        """Have all bytes on the disk, and write no more."""
        with self._lock, _storage_errors():
            if self.size > self._filled:
                # The rest has no whole blocks of the disk.
                self._write_past_cache(False)
            self._write(self._filled)
            os.fsync(self._file.fileno())
            self._file.close()

    def discard(self) -> None:
        """Close it and leave nothing of what `keep` has not moved away."""
        with self._lock:
            self._file.close()
            self.path.unlink(missing_ok=True)

    def _fill(self, piece: bytes) -> None:
        rest = memoryview(piece)
        while rest:
            count = min(len(rest), _BLOCK_BYTES - self._filled)
            self._block[self._filled : self._filled + count] = rest[:count]
            self._filled += count
            rest = rest[count:]
            if self._filled == _BLOCK_BYTES:
                self._write_block()

    def _write_block(self) -> None:
        if self._file.tell() == 0:
            self._write_past_cache(True)
        self._write(_BLOCK_BYTES)
        self._filled = 0

    def _write(self, size: int) -> None:
        with memoryview(self._block)[:size] as block:
            written = 0
            while written < size:
                with block[written:] as rest:
                    written += self._file.write(rest)

    def _write_past_cache(self, wanted: bool) -> None:
        """Large files take less time so: nothing is copied, and `fsync` finds little to do."""
        descriptor = self._file.fileno()
        flags = fcntl.fcntl(descriptor, fcntl.F_GETFL)
        flags = flags | os.O_DIRECT if wanted else flags & ~os.O_DIRECT
        # Not all file systems can; then the bytes go through the cache.
        with suppress(OSError):
            fcntl.fcntl(descriptor, fcntl.F_SETFL, flags)


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
            # The disk is read far ahead: uploads leave nothing in the cache.
            os.posix_fadvise(blob.fileno(), start, length or 0, os.POSIX_FADV_SEQUENTIAL)
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
