"""A hosted collection keeps the contract of all stores, as far as one without directories can."""

import contextlib
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from dataportal.errors import BlobMissing, TooManyBytes, TooManyFiles
from dataportal.models import Collection, HostedFile
from dataportal.services import remove_collection
from dataportal.storage import list_blobs, remove_blob
from dataportal.stores.base import (
    PAGE_SIZE,
    ByteRange,
    Conditions,
    DirectoryInfo,
    NotEmpty,
    NotFound,
    NotPossible,
    ObjectInfo,
)
from dataportal.stores.hosted import HostedStore
from tests.factories.dataportal import make_caller

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def collection(any_storage: str) -> Collection:
    return Collection.objects.create(owner=make_caller("demo").user, name="c")


@pytest.fixture
def store(collection: Collection) -> HostedStore:
    return HostedStore(collection)


def put(store: HostedStore, path: str, data: bytes = b"data") -> None:
    with store.write(path, "text/html", {}) as upload:
        upload.write(data)
        upload.finish()


def get(
    store: HostedStore,
    path: str,
    part: ByteRange | None = None,
    conditions: Conditions | None = None,
) -> bytes:
    with contextlib.closing(store.open(path, part, conditions)) as opened:
        data = b"".join(iter(lambda: opened.read(70_001), b""))
        assert opened.length == len(data)
    return data


def info(store: HostedStore, path: str) -> ObjectInfo:
    found = store.stat(path)
    assert isinstance(found, ObjectInfo)
    return found


def left_over(folder: Path) -> list[Path]:
    return list((folder / "incoming").iterdir())


def test_what_was_put_is_read_again(store: HostedStore, tmp_path: Path) -> None:
    put(store, "a.txt", b"hello")
    assert get(store, "a.txt") == b"hello"
    found = info(store, "a.txt")
    assert (found.size, found.content_type) == (5, "text/plain; charset=utf-8")
    assert found.modified_at is not None
    assert abs(found.modified_at - datetime.now(UTC)) < timedelta(minutes=1)
    put(store, "a.txt", b"another")
    assert get(store, "a.txt") == b"another"
    assert info(store, "a.txt").etag != found.etag
    assert left_over(tmp_path) == []


@pytest.mark.parametrize("size", [0, 1, 3_000_001])
def test_bytes_come_back_as_they_were(store: HostedStore, size: int) -> None:
    data = random.Random(1).randbytes(size)
    with store.write("f", "", {}) as upload:
        for start in range(0, size, 262_143):
            upload.write(data[start : start + 262_143])
        with pytest.raises(NotFound):
            store.stat("f")
        upload.finish()
    assert get(store, "f") == data


def test_nothing_is_left_of_what_was_given_up(store: HostedStore, tmp_path: Path) -> None:
    put(store, "f", b"old")
    with pytest.raises(ZeroDivisionError), store.write("f", "", {}) as upload:
        upload.write(b"new")
        raise ZeroDivisionError
    assert get(store, "f") == b"old"
    assert left_over(tmp_path) == []
    assert HostedFile.objects.count() == len(list(list_blobs())) == 1


def test_refused_upload_leaves_nothing(
    store: HostedStore, tmp_path: Path, settings: Settings
) -> None:
    settings.HOSTED_BYTES_PER_ACCOUNT, settings.HOSTED_FILES_PER_ACCOUNT = 10, 1
    with pytest.raises(TooManyBytes), store.write("f", "", {}) as upload:
        upload.write(b"x" * 11)
    first, second = store.write("f", "", {}), store.write("g", "", {})
    first.finish()
    with pytest.raises(TooManyFiles), second:
        second.finish()
    with pytest.raises(TooManyFiles):
        store.write("g", "", {})
    assert left_over(tmp_path) == []
    assert HostedFile.objects.count() == len(list(list_blobs())) == 1


@pytest.mark.parametrize("path", ["", "a/b"])
def test_only_a_name_is_written(store: HostedStore, path: str) -> None:
    with pytest.raises(NotPossible):
        store.write(path, "", {})
    with pytest.raises(NotPossible):
        store.make_directory("folder")
    with pytest.raises(NotPossible, match="metadata"):
        store.write("f", "", {"colour": "red"})


def test_what_is_not_there(store: HostedStore) -> None:
    put(store, "a")
    for path in ("b", "a/b", "A"):
        with pytest.raises(NotFound):
            store.stat(path)
        with pytest.raises(NotFound):
            store.open(path)
        with pytest.raises(NotFound):
            store.delete(path)
        with pytest.raises(NotFound):
            store.list_page(path)
        with pytest.raises(NotFound):
            store.delete_directory(path, force=True)
    with pytest.raises(NotFound):
        store.open("")


def test_lost_bytes_are_the_platforms_failure(store: HostedStore, collection: Collection) -> None:
    put(store, "a")
    remove_blob(collection.files.get().blob_name)
    with pytest.raises(BlobMissing):
        store.open("a")


def test_replaced_file_is_read_to_its_end(store: HostedStore) -> None:
    put(store, "a", b"x" * 3_000_000)
    with contextlib.closing(store.open("a")) as opened:
        first = opened.read(1000)
        put(store, "a", b"new")
        assert first + b"".join(iter(lambda: opened.read(70_001), b"")) == b"x" * 3_000_000


def test_listing_comes_in_pages_of_one_query(collection: Collection, hosted: Path) -> None:
    store, now = HostedStore(collection), timezone.now()
    names = [f"file-{each:04}" for each in range(PAGE_SIZE * 2)] + ["another", "%", "file_x"]
    HostedFile.objects.bulk_create(
        HostedFile(collection=collection, name=name, size=1, digest="", modified_at=now)
        for name in names
    )
    other = Collection.objects.create(owner=collection.owner, name="other")
    put(HostedStore(other), "file-of-another")
    seen: list[str] = []
    marker, pages = "", 0
    while marker or not pages:
        with CaptureQueriesContext(connection) as queries:
            page = store.list_page("", marker=marker)
        assert len(queries) == 1
        assert len(page.files) <= PAGE_SIZE and not page.folders
        seen += [each.name for each in page.files]
        marker, pages = page.marker, pages + 1
    assert (pages, seen) == (3, sorted(names))
    begins = store.list_page("", begins="file-19")
    assert [each.name for each in begins.files] == [f"file-19{each:02}" for each in range(100)]
    assert begins.marker == ""
    assert [each.name for each in store.list_page("", begins="%").files] == ["%"]
    assert [each.name for each in store.list_page("", begins="file_").files] == ["file_x"]


def test_collection_is_deleted(store: HostedStore) -> None:
    assert store.stat("") == DirectoryInfo()
    store.check()
    assert store.list_page("").files == []
    put(store, "a")
    put(store, "b")
    with pytest.raises(NotEmpty):
        store.delete_directory("", force=False)
    assert store.delete_directory("", force=True).count == 2
    for ask in (
        store.check,
        lambda: store.stat(""),
        lambda: store.list_page(""),
        lambda: put(store, "a"),
        lambda: store.delete("a"),
        lambda: store.delete_directory("", force=True),
    ):
        with pytest.raises(NotFound):
            ask()


def test_collection_that_goes_meanwhile(store: HostedStore, collection: Collection) -> None:
    upload = store.write("a", "", {})
    upload.write(b"1")
    remove_collection(collection, force=False)
    with pytest.raises(NotFound), upload:
        upload.finish()
    assert not HostedFile.objects.exists()
    assert list(list_blobs()) == []
