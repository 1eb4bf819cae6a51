"""A file is whole or absent, and no bytes are ever without a row."""

import errno
import fcntl
import hashlib
import os
import random
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from unittest.mock import Mock

import pytest
import xxhash
from django.db import connection
from django.utils import timezone

from dataportal import digests
from dataportal.constants import UNUSED_BLOB_GRACE
from dataportal.errors import (
    BlobMissing,
    CollectionNotFound,
    DirectoryNotEmpty,
    StorageUnavailable,
)
from dataportal.models import Collection, HostedFile
from dataportal.services import (
    delete_collection,
    delete_file,
    publish_file,
    remove_unused_blobs,
    reserve_file,
)
from dataportal.storage import IncomingFile, keep, open_blob
from tests.factories.dataportal import Caller, make_caller, make_file

pytestmark = pytest.mark.django_db(transaction=True)


def content_of(blob_name):
    with open_blob(blob_name) as blob:
        return blob.read()


@pytest.fixture
def owner() -> Caller:
    return make_caller("owner")


@pytest.fixture
def collection(owner: Caller, hosted: Path) -> Collection:
    return Collection.objects.create(owner=owner.user, name="c")


def blobs(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def age(*, by: timedelta) -> None:
    HostedFile.objects.filter(collection=None).update(unused_since=timezone.now() - by)


def test_replaced_file_is_another_row_and_its_bytes_go_after_the_grace(
    collection: Collection, hosted: Path
) -> None:
    old = make_file(collection, "f", b"old")
    reader = open_blob(old.blob_name)
    new = make_file(collection, "f", b"new")
    assert collection.files.get() == new
    assert remove_unused_blobs() == 0
    assert content_of(old.blob_name) == b"old"
    age(by=UNUSED_BLOB_GRACE * 2)
    assert remove_unused_blobs() == 1
    with pytest.raises(BlobMissing):
        open_blob(old.blob_name)
    with reader:
        assert reader.read() == b"old"
    assert len(blobs(hosted)) == HostedFile.objects.count() == 1


@pytest.mark.parametrize("size", [0, 1, 2**20 - 1, 2**20, 2**20 + 1, 3 * 2**20 + 4097])
@pytest.mark.parametrize("is_direct", [True, False])
def test_uploads_of_whole_blocks_and_others(
    incoming: Path, monkeypatch: pytest.MonkeyPatch, size: int, is_direct: bool
) -> None:
    if not is_direct:
        # As on a file system that has nothing but its cache.
        refused = OSError(errno.EINVAL, "no")
        monkeypatch.setattr(fcntl, "fcntl", Mock(side_effect=[os.O_WRONLY, refused] * 2))
    data = random.Random(size).randbytes(size)
    upload = IncomingFile()
    for start in range(0, size, 300_001):
        upload.write(data[start : start + 200_000], data[start + 200_000 : start + 300_001])
    upload.flush()
    assert upload.path.read_bytes() == data
    assert (upload.size, upload.digest) == (size, hashlib.md5(data).hexdigest())
    upload.discard()
    assert not blobs(incoming)


def test_large_files_have_another_digest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digests, "MD5_BYTES", 1000)
    for size in (999, 1000, 1001):
        data, digest = bytes(size), digests.Digest()
        digest.update(data[:600])
        digest.update(memoryview(data)[600:])
        if size <= 1000:
            assert str(digest) == hashlib.md5(data).hexdigest()
        else:
            assert str(digest) == f"xxh3-{xxhash.xxh3_128_hexdigest(data)}"
            assert len(str(digest)) <= digests.LONGEST_DIGEST


def test_upload_killed_before_its_bytes_are_kept_leaves_the_old_file(
    collection: Collection, hosted: Path, incoming: Path
) -> None:
    make_file(collection, "f", b"old")
    upload = IncomingFile()
    upload.write(b"new")
    reserve_file(name="f", size=3, digest=upload.digest)
    assert content_of(collection.files.get().blob_name) == b"old"
    age(by=UNUSED_BLOB_GRACE * 2)
    remove_unused_blobs()
    assert HostedFile.objects.count() == len(blobs(hosted)) == 1
    # A file in progress is young, so it stays.
    assert len(blobs(incoming)) == 1
    upload.discard()


def test_upload_killed_before_it_is_published_leaves_the_old_file(
    collection: Collection, hosted: Path
) -> None:
    make_file(collection, "f", b"old")
    upload = IncomingFile()
    upload.write(b"new")
    upload.flush()
    keep(upload, reserve_file(name="f", size=3, digest=upload.digest).blob_name)
    assert content_of(collection.files.get().blob_name) == b"old"
    assert len(blobs(hosted)) == 2
    age(by=UNUSED_BLOB_GRACE * 2)
    remove_unused_blobs()
    assert HostedFile.objects.count() == len(blobs(hosted)) == 1


def test_abandoned_upload_is_removed_when_nothing_was_written_for_long(
    collection: Collection, incoming: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = IncomingFile()
    upload.write(b"half")
    monkeypatch.setattr("dataportal.services.UNUSED_BLOB_GRACE", timedelta(seconds=-1))
    assert remove_unused_blobs() == 1
    assert not blobs(incoming)
    upload.discard()


def test_file_is_not_published_when_its_row_was_taken_meanwhile(collection: Collection) -> None:
    reserved = reserve_file(name="f", size=0, digest="")
    age(by=UNUSED_BLOB_GRACE * 2)
    remove_unused_blobs()
    with pytest.raises(StorageUnavailable):
        publish_file(file=reserved, collection=collection)
    assert not collection.files.exists()


def test_file_is_not_published_in_a_collection_that_went(
    owner: Caller, collection: Collection
) -> None:
    reserved = reserve_file(name="f", size=0, digest="")
    delete_collection(principal=owner.principal, owner=".my", name="c", force=False)
    with pytest.raises(CollectionNotFound):
        publish_file(file=reserved, collection=collection)
    reserved.refresh_from_db()
    assert reserved.collection_id is None


def test_writers_of_one_name_at_once_leave_one_file(collection: Collection, hosted: Path) -> None:
    failures: list[BaseException] = []

    def write(number: int) -> None:
        try:
            for _ in range(5):
                make_file(collection, "f", str(number).encode() * 1000)
        except BaseException as exc:
            failures.append(exc)
        finally:
            connection.close()

    threads = [threading.Thread(target=write, args=[number]) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    kept = content_of(collection.files.get().blob_name)
    assert len(kept) == 1000 and len(set(kept)) == 1
    assert len(blobs(hosted)) == HostedFile.objects.count() == 30


def test_collection_deleted_while_written_to_is_consistent(
    owner: Caller, collection: Collection
) -> None:
    outcomes: list[str] = []

    def write() -> None:
        try:
            for number in range(20):
                make_file(collection, str(number))
        except CollectionNotFound:
            outcomes.append("gone")
        finally:
            connection.close()

    writer = threading.Thread(target=write)
    writer.start()
    while HostedFile.objects.filter(collection=collection).count() < 3:
        continue
    delete_collection(principal=owner.principal, owner=".my", name="c", force=True)
    writer.join()
    assert outcomes == ["gone"]
    assert not HostedFile.objects.exclude(collection=None).exists()


def test_collection_deleted_while_its_file_is_replaced_keeps_nobody_waiting(
    owner: Caller, hosted: Path
) -> None:
    failures: list[BaseException] = []

    def write() -> None:
        try:
            for _ in range(30):
                kept = Collection.objects.filter(name="c").first()
                if kept is not None:
                    publish_file(file=reserve_file(name="f", size=0, digest=""), collection=kept)
        except CollectionNotFound:
            pass
        except BaseException as exc:
            failures.append(exc)
        finally:
            connection.close()

    for _ in range(10):
        collection = Collection.objects.create(owner=owner.user, name="c")
        publish_file(file=reserve_file(name="f", size=0, digest=""), collection=collection)
        writers = [threading.Thread(target=write) for _ in range(4)]
        for writer in writers:
            writer.start()
        delete_collection(principal=owner.principal, owner=".my", name="c", force=True)
        for writer in writers:
            writer.join()
    assert failures == []


def test_deleted_directory_counts_its_files_and_itself(
    owner: Caller, collection: Collection
) -> None:
    for name in ("a", "b"):
        make_file(collection, name)
    with pytest.raises(DirectoryNotEmpty):
        delete_collection(principal=owner.principal, owner=".my", name="c", force=False)
    assert collection.files.count() == 2
    assert delete_collection(principal=owner.principal, owner=".my", name="C", force=True) == 3
    assert not Collection.objects.exists()


def test_deleted_file_is_unused(owner: Caller, collection: Collection) -> None:
    file = make_file(collection, "f")
    assert delete_file(principal=owner.principal, owner="OWNER", collection="C", name="f") == 1
    file.refresh_from_db()
    assert (file.collection_id, file.unused_since is None) == (None, False)


def test_storage_failure_is_said(collection: Collection, incoming: Path) -> None:
    incoming.parent.mkdir(exist_ok=True)
    incoming.write_text("a file where the folder should be")
    with pytest.raises(StorageUnavailable):
        IncomingFile()


@pytest.fixture(autouse=True)
def _no_rows_without_bytes(hosted: Path) -> Iterator[None]:
    yield
    for path in blobs(hosted):
        assert HostedFile.objects.filter(pk=path.name).exists()
