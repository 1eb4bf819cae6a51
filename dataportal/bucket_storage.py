"""Hosted bytes in a bucket of S3, or of a server that speaks as it does.

django-storages holds the connection; reading and writing are here, since its own files spool what
they read and hold what they write in memory. Errors are OSErrors, as those of a disk.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from boto3.exceptions import Boto3Error
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from django.core.files import File
from storages.backends.s3 import S3Storage

_PART_BYTES = 16 * 1024 * 1024
_PARTS_AT_ONCE = 3
_MISSING = frozenset({"404", "NoSuchKey", "NotFound"})


class BucketStorage(S3Storage):
    """A Django storage below `location` of one bucket."""

    def __init__(self, **options: Any) -> None:
        self._first_use = threading.Lock()
        super().__init__(**options)

    def get_default_settings(self) -> dict[str, Any]:
        return super().get_default_settings() | {
            "transfer_config": TransferConfig(
                multipart_threshold=_PART_BYTES,
                multipart_chunksize=_PART_BYTES,
                max_concurrency=_PARTS_AT_ONCE,
            ),
            "client_config": Config(
                signature_version="s3v4",
                connect_timeout=5,
                read_timeout=60,
                retries={"mode": "standard", "total_max_attempts": 3},
                max_pool_connections=32,
                # Servers other than Amazon's do not know the newer checksums.
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
            ),
        }

    @property
    def bucket(self) -> Any:
        """One for all threads: its client is safe to use from any, once it is made."""
        with self._first_use:
            return super().bucket

    def open_part(self, name: str, start: int, length: int | None) -> File:
        """The bytes from `start` on, as they come. Raises FileNotFoundError."""
        # An empty object has no range.
        last = start + length - 1 if length else ""
        part = {"Range": f"bytes={start}-{last}"} if start or length else {}
        with _os_errors(name):
            return _Body(self._object(name).get(**part)["Body"], name)

    def list_sizes(self) -> Iterator[tuple[str, int]]:
        """Name and size of everything there is, by name, page by page."""
        prefix = self._normalize_name("")
        with _os_errors(prefix):
            for each in self.bucket.objects.filter(Prefix=prefix):
                yield each.key[len(prefix) :], each.size

    def size(self, name: str) -> int:
        """Raises FileNotFoundError."""
        with _os_errors(name):
            size: int = self._object(name).content_length
            return size

    def delete(self, name: str) -> None:
        with _os_errors(name):
            self._object(name).delete()

    def _save(self, name: str, content: Any) -> str:
        with _os_errors(name):
            # From the disk, a part at a time.
            self._object(name).upload_file(
                content.temporary_file_path(), Config=self.transfer_config
            )
        return name

    def _object(self, name: str) -> Any:
        return self.bucket.Object(self._normalize_name(name))


class _Body(File):
    def read(self, size: int = -1) -> bytes:
        with _os_errors(str(self.name)):
            data: bytes = self.file.read(None if size < 0 else size)
            return data


@contextmanager
def _os_errors(name: str) -> Iterator[None]:
    try:
        yield
    except ClientError as exc:
        if exc.response.get("Error", {}).get("Code") in _MISSING:
            raise FileNotFoundError(name) from exc
        raise OSError(f"the bucket: {exc}") from exc
    except (BotoCoreError, Boto3Error) as exc:
        raise OSError(f"the bucket: {exc}") from exc
