"""What every store does, each with a real server, an emulator or a double of its kind."""

import contextlib
import http.client
import itertools
import random
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from dataportal.stores.base import (
    PAGE_SIZE,
    ByteRange,
    Conditions,
    DirectoryInfo,
    NotEmpty,
    NotFound,
    NotModified,
    NotPossible,
    ObjectInfo,
    PreconditionFailed,
    RangeNotSatisfiable,
    Refused,
    Store,
    Unreachable,
)
from tests.acceptance.platform import wait_until
from tests.contracts.stores import (
    BACKENDS,
    Backend,
    Place,
    allow,
    running_backend,
)
from tests.factories.dataportal import host_files_in

pytestmark = [pytest.mark.xdist_group("stores"), pytest.mark.timeout(120)]

TEXT = "text/plain; charset=utf-8"
LARGE = 20 * 1024 * 1024 + 12_345
MANY = PAGE_SIZE + 5
NAMES = [
    "two words.txt",
    "plus+and&=?#.txt",
    "100% of %20 and %2B.txt",
    'it\'s "quoted".txt',
    "grüße-日本語-🙂.txt",
    "semi;colon,comma@at.txt",
    "[brackets]{braces}~!$*().txt",
]


needs_directories = pytest.mark.parametrize(
    "backend", [name for name in BACKENDS if name != "hosted"], indirect=True
)
needs_buckets = pytest.mark.parametrize("backend", ["s3", "gs"], indirect=True)
needs_endpoint = pytest.mark.parametrize("backend", ["s3", "azureblob", "gs"], indirect=True)


@pytest.fixture(scope="session", params=BACKENDS)
def backend(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Backend]:
    with running_backend(request.param, tmp_path_factory.mktemp(request.param)) as running:
        yield running


@pytest.fixture(autouse=True)
def database(
    request: pytest.FixtureRequest, backend: Backend, settings: Any, tmp_path: Path
) -> None:
    """For the one store that needs one; the others are kept from it."""
    if backend.name == "hosted":
        request.getfixturevalue("db")
        host_files_in(tmp_path, settings)


@pytest.fixture
def store(backend: Backend, settings: Any) -> Iterator[Store]:
    allow(backend, settings)
    with contextlib.closing(backend.open()) as opened:
        yield opened


@pytest.fixture
def place(backend: Backend) -> Place:
    """A directory of the test's own, which is not there yet where directories nest."""
    if not backend.nests:
        return Place("")
    return Place("/".join(filter(None, [backend.root, f"t-{uuid.uuid4().hex[:12]}"])))


@pytest.fixture
def requests_made(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The requests that leave this process, as they do; a hosted store's are its queries."""
    made: list[str] = []
    original = http.client.HTTPConnection.putrequest

    def record(self: Any, method: str, url: str, *args: Any, **kwargs: Any) -> None:
        made.append(f"{method} {url}")
        original(self, method, url, *args, **kwargs)

    def record_query(execute: Any, sql: str, *args: Any) -> Any:
        if "SAVEPOINT" not in sql:
            made.append(sql)
        return execute(sql, *args)

    monkeypatch.setattr(http.client.HTTPConnection, "putrequest", record)
    with connection.execute_wrapper(record_query) if backend.name == "hosted" else nullcontext():
        yield made


def put(store: Store, path: str, data: bytes = b"data", **metadata: str) -> None:
    with store.write(path, TEXT, metadata) as upload:
        upload.write(data)
        upload.finish()


def get(
    store: Store, path: str, part: ByteRange | None = None, conditions: Conditions | None = None
) -> bytes:
    with contextlib.closing(store.open(path, part, conditions)) as opened:
        data = b"".join(iter(lambda: opened.read(70_001), b""))
        assert opened.length == len(data)
    return data


def stat_file(store: Store, path: str) -> ObjectInfo:
    found = store.stat(path)
    assert isinstance(found, ObjectInfo)
    return found


# -- writing and reading --------------------------------------------------------------------


def test_what_was_put_is_read_again(store: Store, place: Place) -> None:
    put(store, place / "a.txt", b"hello")
    assert get(store, place / "a.txt") == b"hello"
    found = stat_file(store, place / "a.txt")
    assert found.size == 5
    assert found.modified_at is not None
    assert abs(found.modified_at - datetime.now(UTC)) < timedelta(minutes=2)


def test_an_object_is_replaced(store: Store, place: Place) -> None:
    path = place / "a.txt"
    put(store, path, b"one")
    before = stat_file(store, path)
    put(store, path, b"another")
    assert get(store, path) == b"another"
    after = stat_file(store, path)
    assert after.size == 7
    assert after.etag != before.etag


def test_an_object_may_be_empty(store: Store, place: Place) -> None:
    put(store, place / "empty", b"")
    assert get(store, place / "empty") == b""
    assert stat_file(store, place / "empty").size == 0
    with pytest.raises(RangeNotSatisfiable):
        store.open(place / "empty", ByteRange(0, 10))


def test_bytes_come_back_as_they_were(store: Store, place: Place) -> None:
    data = bytes(range(256)) * 3 + b"\r\n\r\n--\n\n\x1f\x8b"
    put(store, place / "bytes", data)
    assert get(store, place / "bytes") == data


def test_a_large_object_is_written_in_pieces(
    store: Store, backend: Backend, place: Place, requests_made: list[str]
) -> None:
    data = random.Random(1).randbytes(LARGE)
    sizes = itertools.cycle([1, 1_000_003, 77, 3_333_333, 0, 262_144])
    with store.write(place / "large", "application/octet-stream", {}) as upload:
        position = 0
        while position < len(data):
            size = next(sizes)
            upload.write(data[position : position + size])
            position += size
        # Parts are under way, and nobody sees any of it.
        wait_until(lambda: requests_made, 10, "a part is sent")
        with pytest.raises(NotFound):
            store.open(place / "large")
        with pytest.raises(NotFound):
            store.stat(place / "large")
        upload.finish()
    assert get(store, place / "large") == data
    assert stat_file(store, place / "large").size == LARGE
    assert backend.unfinished is None or backend.unfinished() == 0


@pytest.mark.parametrize("size", [10, LARGE])
def test_nothing_is_left_of_what_was_given_up(
    store: Store, backend: Backend, place: Place, size: int
) -> None:
    put(store, place / "other")
    with pytest.raises(ZeroDivisionError), store.write(place / "a", TEXT, {}) as upload:
        upload.write(b"x" * size)
        raise ZeroDivisionError
    with pytest.raises(NotFound):
        store.stat(place / "a")
    assert [each.name for each in store.list_page(place.path).files] == ["other"]
    assert backend.unfinished is None or backend.unfinished() == 0


def test_what_is_there_stays_until_the_new_one_is_finished(store: Store, place: Place) -> None:
    put(store, place / "a", b"old")
    upload = store.write(place / "a", TEXT, {})
    upload.write(b"x" * LARGE)
    assert get(store, place / "a") == b"old"
    upload.abort()
    assert get(store, place / "a") == b"old"


def test_two_write_the_same_object_at_once(store: Store, place: Place) -> None:
    uploads = [store.write(place / "a", TEXT, {}) for _ in range(2)]
    for upload, byte in zip(uploads, (b"1", b"2"), strict=True):
        upload.write(byte * LARGE)
    uploads[0].finish()
    with contextlib.suppress(NotPossible):
        # A storage may hold that against the second, but not mix the two.
        uploads[1].finish()
    assert set(get(store, place / "a")) in ({ord("1")}, {ord("2")})


def test_type_and_metadata_are_kept(store: Store, backend: Backend, place: Place) -> None:
    path = place / "notes.txt"
    put(store, path)
    opened = store.open(path)
    opened.close()
    for found in (stat_file(store, path), opened.info):
        assert found.content_type == (TEXT if backend.keeps_types else "")
    if not backend.keeps_metadata:
        with pytest.raises(NotPossible, match="metadata"):
            put(store, path, b"", colour="red")
        return
    for data in (b"small", b"x" * LARGE):
        put(store, path, data, colour="red and blue")
        opened = store.open(path)
        opened.close()
        for found in (stat_file(store, path), opened.info):
            assert dict(found.metadata) == {"colour": "red and blue"}
            assert found.content_type == TEXT


# -- parts and conditions -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("part", "expected", "span"),
    [
        (ByteRange(2, 4), b"234", (2, 4)),
        (ByteRange(0, 0), b"0", (0, 0)),
        (ByteRange(7, None), b"789", (7, 9)),
        (ByteRange(5, 400), b"56789", (5, 9)),
        (ByteRange(None, 3), b"789", (7, 9)),
        (ByteRange(None, 30), b"0123456789", (0, 9)),
    ],
)
def test_parts_are_read(
    store: Store, place: Place, part: ByteRange, expected: bytes, span: tuple[int, int]
) -> None:
    put(store, place / "digits", b"0123456789")
    with contextlib.closing(store.open(place / "digits", part)) as opened:
        assert opened.read(100) == expected
        assert opened.read(100) == b""
        assert opened.span == span
        assert opened.length == len(expected)
        assert opened.info.size == 10


def test_a_part_behind_the_end_is_none(store: Store, place: Place) -> None:
    put(store, place / "digits", b"0123456789")
    with pytest.raises(RangeNotSatisfiable) as caught:
        store.open(place / "digits", ByteRange(10, 20))
    assert caught.value.size in (10, None)


def test_reading_stops_anywhere(store: Store, place: Place) -> None:
    put(store, place / "a", b"x" * LARGE)
    opened = store.open(place / "a")
    assert len(opened.read(100)) == 100
    opened.close()
    assert get(store, place / "a", ByteRange(0, 9)) == b"x" * 10


def test_conditions_on_what_it_is(store: Store, place: Place) -> None:
    path = place / "a"
    put(store, path, b"old")
    old = stat_file(store, path).etag
    put(store, path, b"new")
    new = stat_file(store, path).etag
    assert old and new
    opened = store.open(path)
    opened.close()
    assert opened.info.etag == new

    assert get(store, path, None, Conditions(if_match=(new,))) == b"new"
    assert get(store, path, None, Conditions(if_match=("*",))) == b"new"
    assert get(store, path, None, Conditions(if_match=(old, new))) == b"new"
    assert get(store, path, None, Conditions(if_none_match=(old,))) == b"new"
    with pytest.raises(PreconditionFailed):
        store.open(path, None, Conditions(if_match=(old,)))
    for etags in ((new,), (old, new), ("*",)):
        with pytest.raises(NotModified) as caught:
            store.open(path, None, Conditions(if_none_match=etags))
        assert caught.value.etag in (new, "")


def test_conditions_on_when_it_was(store: Store, place: Place) -> None:
    path = place / "a"
    put(store, path)
    opened = store.open(path)
    opened.close()
    for at in (stat_file(store, path).modified_at, opened.info.modified_at):
        assert at is not None
        at = at.replace(microsecond=0)
        before = at - timedelta(hours=1)
        assert get(store, path, None, Conditions(if_modified_since=before)) == b"data"
        assert get(store, path, None, Conditions(if_unmodified_since=at)) == b"data"
        with pytest.raises(NotModified):
            store.open(path, None, Conditions(if_modified_since=at))
        with pytest.raises(PreconditionFailed):
            store.open(path, None, Conditions(if_unmodified_since=before))


# -- what is there --------------------------------------------------------------------------


@needs_directories
def test_what_is_not_there(store: Store, place: Place) -> None:
    put(store, place / "a/b")
    for path in (place / "a/c", place / "missing", place / "a/b/c"):
        with pytest.raises(NotFound):
            store.stat(path)
        with pytest.raises(NotFound):
            store.open(path)
        with pytest.raises(NotFound):
            store.list_page(path)
    # A directory is not read, nor a file listed.
    with pytest.raises(NotFound):
        store.open(place / "a")
    with pytest.raises(NotFound):
        store.list_page(place / "a/b")


@needs_buckets
def test_a_bucket_that_is_not_there(store: Store) -> None:
    for path in ("missing-bucket", "missing-bucket/a"):
        with pytest.raises(NotFound):
            store.stat(path)
        with pytest.raises(NotFound):
            store.open(path)
        with pytest.raises(NotFound):
            store.list_page(path)
        with pytest.raises((NotFound, NotPossible)):
            store.delete_directory(path, force=True)
    with pytest.raises(NotFound):
        put(store, "missing-bucket/a")


@needs_directories
def test_directories_are_told_from_files(store: Store, backend: Backend, place: Place) -> None:
    put(store, place / "folder/file")
    assert store.stat(place.path) == DirectoryInfo()
    assert store.stat(place / "folder") == DirectoryInfo()
    assert store.stat(backend.root) == DirectoryInfo()
    assert store.stat("") == DirectoryInfo()
    page = store.list_page(place.path)
    assert (page.folders, page.files, page.marker) == (["folder"], [], "")


@needs_directories
def test_the_root_is_listed(store: Store, backend: Backend, place: Place) -> None:
    put(store, place / "file")
    first = place.path.partition("/")[0]
    assert first in store.list_page("").folders
    assert store.list_page("", begins=first[:3]).folders.count(first) == 1
    assert store.list_page("", begins="nothing-begins-so").folders == []


@needs_directories
def test_files_in_a_listing(store: Store, place: Place) -> None:
    put(store, place / "a.txt", b"12345")
    put(store, place / "b/c.txt")
    put(store, place / "b/d/e.txt")
    put(store, f"{place.path}2/other.txt")
    page = store.list_page(place.path)
    assert page.folders == ["b"]
    (file,) = page.files
    assert (file.name, file.size) == ("a.txt", 5)
    assert abs(file.modified_at - datetime.now(UTC)) < timedelta(minutes=2)
    page = store.list_page(place / "b")
    assert (page.folders, [each.name for each in page.files]) == (["d"], ["c.txt"])


@needs_directories
def test_a_listing_of_what_begins_so(store: Store, place: Place) -> None:
    for name in ("alpha", "alps/x", "beta", "be/x"):
        put(store, place / name)
    page = store.list_page(place.path, begins="al")
    assert (page.folders, [each.name for each in page.files]) == (["alps"], ["alpha"])
    page = store.list_page(place.path, begins="gamma")
    assert (page.folders, page.files, page.marker) == ([], [], "")


@pytest.mark.parametrize("name", NAMES)
def test_names_are_taken_as_they_are(
    store: Store, backend: Backend, place: Place, name: str
) -> None:
    folder = Place(place / name) if backend.nests else place
    path = folder / name
    put(store, path, name.encode())
    assert get(store, path) == name.encode()
    assert stat_file(store, path).size == len(name.encode())
    if backend.nests:
        assert store.list_page(place.path).folders == [name]
    assert [each.name for each in store.list_page(folder.path).files] == [name]
    listed = store.list_page(folder.path, begins=name[:7]).files
    assert [each.name for each in listed] == [name]
    store.delete(path)
    with pytest.raises(NotFound):
        store.stat(path)


def test_a_large_directory_comes_in_pages(
    store: Store, backend: Backend, place: Place, requests_made: list[str]
) -> None:
    names = {f"file-{each:04}" for each in range(MANY)}
    if backend.name == "hosted":
        # Threads of a test would keep their connections to the database.
        for name in names:
            put(store, name, b"")
    else:
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda name: put(store, place / name, b""), names))
    seen: list[str] = []
    marker, pages = "", 0
    while marker or not pages:
        requests_made.clear()
        page = store.list_page(place.path, marker=marker)
        assert len(requests_made) <= 2
        assert len(page.files) <= PAGE_SIZE
        assert not page.folders
        seen += [each.name for each in page.files]
        marker, pages = page.marker, pages + 1
    assert pages >= 2
    assert len(seen) == MANY
    assert set(seen) == names

    if backend.nests:
        # A marker shows nothing of another directory.
        marker = store.list_page(place.path).marker
        put(store, f"{place.path}2/other")
        with contextlib.suppress(NotPossible, NotFound):
            found = store.list_page(f"{place.path}2", marker=marker)
            assert {each.name for each in found.files} <= {"other"}

    deleted = store.delete_directory(place.path, force=True)
    assert (deleted.count, deleted.failures) == (MANY, ())
    with pytest.raises(NotFound):
        store.stat(place.path)


def test_a_marker_that_is_none(store: Store, place: Place) -> None:
    put(store, place / "a")
    with contextlib.suppress(NotPossible, NotFound):
        page = store.list_page(place.path, marker="not a marker")
        assert {each.name for each in page.files} <= {"a"}


def test_how_many_requests_it_takes(
    store: Store, backend: Backend, place: Place, requests_made: list[str]
) -> None:
    put(store, place / "a", b"0123456789")
    etag = stat_file(store, place / "a").etag
    for part in (None, ByteRange(2, 4)):
        requests_made.clear()
        assert get(store, place / "a", part)
        assert len(requests_made) == 1
    requests_made.clear()
    assert get(store, place / "a", ByteRange(None, 2)) == b"89"
    assert len(requests_made) == backend.suffix_requests
    requests_made.clear()
    with pytest.raises(NotModified):
        store.open(place / "a", None, Conditions(if_none_match=(etag,)))
    assert len(requests_made) == 1
    requests_made.clear()
    put(store, place / "b")
    assert len(requests_made) == backend.put_requests


# -- deleting -------------------------------------------------------------------------------


def test_objects_are_deleted(store: Store, place: Place) -> None:
    put(store, place / "a")
    put(store, place / "ab")
    store.delete(place / "a")
    with pytest.raises(NotFound):
        store.stat(place / "a")
    with pytest.raises(NotFound):
        store.delete(place / "a")
    assert get(store, place / "ab") == b"data"


@needs_directories
def test_a_directory_is_not_deleted_as_an_object(store: Store, place: Place) -> None:
    put(store, place / "folder/a")
    with pytest.raises(NotFound):
        store.delete(place / "folder")
    assert get(store, place / "folder/a") == b"data"


@needs_directories
def test_directories_are_made_and_deleted(store: Store, place: Place) -> None:
    store.make_directory(place / "folder")
    store.make_directory(place / "folder")
    assert store.stat(place / "folder") == DirectoryInfo()
    page = store.list_page(place / "folder")
    assert (page.folders, page.files, page.marker) == ([], [], "")
    assert store.list_page(place.path).folders == ["folder"]
    put(store, place / "other")
    assert store.delete_directory(place / "folder", force=False).count == 0
    with pytest.raises(NotFound):
        store.stat(place / "folder")
    assert store.list_page(place.path).folders == []


@needs_directories
def test_a_directory_with_something_in_it_stays(store: Store, place: Place) -> None:
    store.make_directory(place / "folder")
    put(store, place / "folder/a")
    put(store, place / "folder/b/c")
    put(store, place / "folder2/d")
    put(store, place / "folder.txt")
    with pytest.raises(NotEmpty):
        store.delete_directory(place / "folder", force=False)
    deleted = store.delete_directory(place / "folder", force=True)
    assert (deleted.count, deleted.failures) == (2, ())
    with pytest.raises(NotFound):
        store.stat(place / "folder")
    # What only has a name like it is another thing.
    assert get(store, place / "folder2/d") == b"data"
    assert get(store, place / "folder.txt") == b"data"


@pytest.mark.parametrize("force", [False, True])
def test_a_directory_that_is_not_there_is_not_deleted(
    store: Store, place: Place, force: bool
) -> None:
    put(store, place / "a")
    with pytest.raises(NotFound):
        store.delete_directory(place / "missing", force=force)
    with pytest.raises((NotFound, NotPossible)):
        store.delete_directory(place / "a", force=force)
    assert get(store, place / "a") == b"data"


@needs_directories
def test_the_root_is_not_deleted(store: Store, backend: Backend, place: Place) -> None:
    put(store, place / "a")
    for path in {"", backend.root}:
        with pytest.raises(NotPossible):
            store.delete_directory(path, force=True)
        with pytest.raises(NotPossible):
            put(store, path)


# -- credentials and connections ------------------------------------------------------------


def test_good_credentials_are_good(store: Store, backend: Backend) -> None:
    store.check()
    store.check(f"{backend.root}/x" if backend.root else "x")


@needs_directories
def test_a_wrong_credential_is_refused(backend: Backend, settings: Any, place: Place) -> None:
    assert backend.refused is not None
    allow(backend, settings)
    with contextlib.closing(backend.refused()) as store:
        texts = []
        for ask in (
            store.check,
            lambda: store.list_page(backend.root),
            lambda: store.open(place / "a"),
            lambda: put(store, place / "a"),
            lambda: put(store, place / "a", b"x" * LARGE),
            lambda: store.make_directory(place.path),
        ):
            with pytest.raises(Refused) as caught:
                ask()
            texts.append(str(caught.value))
        assert all(texts)
        for secret in ("not-the-secret", "not-the-token", "sig=", "Bearer", "eyJ"):
            assert not any(secret in text for text in texts), texts


@needs_directories
def test_a_dead_endpoint_is_unreachable(backend: Backend, settings: Any, place: Place) -> None:
    assert backend.dead is not None
    allow(backend, settings)
    with contextlib.closing(backend.dead()) as store:
        for ask in (
            lambda: store.list_page(backend.root),
            lambda: store.open(place / "a"),
            lambda: put(store, place / "a"),
        ):
            with pytest.raises(Unreachable) as caught:
                ask()
            assert "127.0.0.1" not in str(caught.value)


@needs_endpoint
def test_only_what_is_allowed_is_connected_to(backend: Backend, settings: Any) -> None:
    settings.CONNECTOR_HOSTS = frozenset()
    with contextlib.closing(backend.open()) as store:
        for ask in (
            lambda: store.list_page(backend.root),
            lambda: store.open("bucket/a"),
            lambda: put(store, "bucket/a"),
        ):
            with pytest.raises(Refused, match="ALGOPORT_CONNECTOR_HOSTS"):
                ask()


def test_the_machine_has_no_say(
    backend: Backend, settings: Any, place: Place, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in (
        "REQUESTS_CA_BUNDLE",
        "AWS_CA_BUNDLE",
        "AWS_CONFIG_FILE",
        "GOOGLE_APPLICATION_CREDENTIALS",
    ):
        monkeypatch.setenv(name, str(tmp_path / "nothing"))
    for name in ("STORAGE_EMULATOR_HOST", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login demo password wrong\n")
    (tmp_path / ".netrc").chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    allow(backend, settings)
    with contextlib.closing(backend.open()) as store:
        put(store, place / "a")
        assert get(store, place / "a") == b"data"
        assert [each.name for each in store.list_page(place.path).files] == ["a"]
