"""PUT, GET, HEAD and DELETE of files."""

import asyncio
import hashlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from algoport.accounts.permissions import Scopes
from dataportal.models import Collection, HostedFile
from tests.asgi_client import Answer, call_async
from tests.factories.dataportal import Caller, make_caller

FILE = "/v1/data/demo/c/f.txt"

RequestAs = Callable[..., Answer]


@pytest.fixture(autouse=True)
def collection(demo: Caller) -> Collection:
    return Collection.objects.create(owner=demo.user, name="c")


def left_over(folder: Path) -> list[Path]:
    """Uploads in progress, once the threads that remove them have had a moment."""
    for _ in range(100):
        left = list((folder.parent / "incoming").glob("*"))
        if not left:
            return []
        time.sleep(0.02)
    return left


def test_file_goes_in_and_comes_out(demo: Caller, request_as: RequestAs, hosted: Path) -> None:
    put = request_as(demo, "PUT", FILE, body=b"hello", headers={"Content-Type": "image/png"})
    assert (put.status, put.body) == (200, b'{"result":"data://demo/c/f.txt"}')
    got = request_as(demo, "GET", "/v1/connector/data/.my/C/f.txt")
    modified = got.headers.pop("Last-Modified")
    assert (got.status, got.body, got.complete) == (200, b"hello", True)
    assert modified.endswith(" GMT")
    assert got.headers == {
        "Content-Type": "text/plain; charset=utf-8",
        "Content-Length": "5",
        "X-Data-Type": "file",
        "Accept-Ranges": "bytes",
        "ETag": f'"{hashlib.md5(b"hello").hexdigest()}"',
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "sandbox; default-src 'none'",
    }
    head = request_as(demo, "HEAD", FILE)
    assert (head.status, head.body) == (200, b"")
    assert head.headers == got.headers | {"Last-Modified": modified}
    assert left_over(hosted) == []


def test_a_part_of_what_was_another_file_is_all_of_the_new_one(
    demo: Caller, request_as: RequestAs
) -> None:
    request_as(demo, "PUT", FILE, body=b"0123456789")
    known = request_as(demo, "GET", FILE, headers={"Range": "bytes=0-4"}).headers["ETag"]
    rest = {"Range": "bytes=5-", "If-Range": known}
    part = request_as(demo, "GET", FILE, headers=rest)
    assert (part.status, part.body, part.headers["Content-Range"]) == (
        206,
        b"56789",
        "bytes 5-9/10",
    )
    behind = {"Range": "bytes=10-", "If-Range": known}
    assert request_as(demo, "GET", FILE, headers=behind).status == 416
    request_as(demo, "PUT", FILE, body=b"new")
    for marks in (rest, behind, {"Range": "bytes=5-", "If-Range": "no mark"}):
        got = request_as(demo, "GET", FILE, headers=marks)
        assert (got.status, got.body, got.complete) == (200, b"new", True)
    assert request_as(demo, "GET", FILE, headers={"Range": "bytes=5-"}).status == 416


@pytest.mark.parametrize("size", [0, 1, 256 * 1024, 512 * 1024, 3 * 1024 * 1024 + 7])
def test_file_of_any_size_is_the_same_bytes(demo: Caller, request_as: RequestAs, size: int) -> None:
    data = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    pieces = [data[at : at + 65_000] for at in range(0, size, 65_000)]
    assert request_as(demo, "PUT", FILE, body=pieces).status == 200
    got = request_as(demo, "GET", FILE)
    assert got.body == data
    assert got.headers["Content-Length"] == str(size)
    assert max(len(piece) for piece in got.pieces) <= 1024 * 1024


def test_file_is_replaced(demo: Caller, request_as: RequestAs) -> None:
    for body in (b"old", b"new"):
        assert request_as(demo, "PUT", FILE, body=body).status == 200
    assert request_as(demo, "GET", FILE).body == b"new"


@pytest.mark.parametrize(
    ("put", "get", "name"),
    [
        ("/v1/data/.my/c/a%20b.txt", "/v1/data/.my%2Fc%2Fa+b.txt", "a b.txt"),
        ("/v1/data/.my/c/a+b", "/v1/data/.my%2Fc%2Fa%2Bb", "a+b"),
        ("/v1/data/.my/c/%E2%82%AC", "/v1/data/data://.my/c/%E2%82%AC", "\u20ac"),
        ("/v1/data/.my/c/100%25%3F%26%22", "/v1/data/.my/c/100%25%3F%26%22", '100%?&"'),
    ],
)
def test_file_of_any_name_is_found(
    demo: Caller, request_as: RequestAs, put: str, get: str, name: str
) -> None:
    assert request_as(demo, "PUT", put, body=b"x").json() == {"result": f"data://demo/c/{name}"}
    assert request_as(demo, "GET", get).body == b"x"


def test_client_that_goes_leaves_nothing(demo: Caller, request_as: RequestAs, hosted: Path) -> None:
    request_as(demo, "PUT", FILE, body=b"old")
    gone = request_as(demo, "PUT", FILE, body=[b"a" * 600_000, b"half"], disconnect=True)
    assert gone.status == 0
    assert request_as(demo, "GET", FILE).body == b"old"
    assert left_over(hosted) == []
    assert HostedFile.objects.count() == 1


def test_cancelled_upload_leaves_nothing(demo: Caller, plane: object, hosted: Path) -> None:
    def endless() -> Iterator[bytes]:
        while True:
            yield b"a" * 100_000

    async def upload() -> None:
        coming = call_async(plane, "PUT", FILE, headers=demo.headers, body=endless())
        await asyncio.wait_for(coming, 0.3)

    with pytest.raises(TimeoutError):
        asyncio.run(upload())
    assert left_over(hosted) == []
    assert not HostedFile.objects.exists()


def test_file_is_deleted_once(demo: Caller, request_as: RequestAs) -> None:
    request_as(demo, "PUT", FILE, body=b"x")
    deleted = request_as(demo, "DELETE", FILE)
    assert (deleted.status, deleted.body) == (200, b'{"result":{"deleted":1}}')
    again = request_as(demo, "DELETE", FILE)
    assert (again.status, again.json()["error"]["message"]) == (404, "path not found")
    missing = request_as(demo, "HEAD", FILE)
    assert (missing.status, missing.body) == (404, b"")
    assert missing.headers["X-Error-Message"] == "path not found"
    assert request_as(demo, "GET", FILE).json()["code"] == 6001


def unread() -> Iterator[bytes]:
    raise AssertionError("the body was read")
    yield b""


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("demo/none/f", 404),
        ("nobody/c/f", 404),
        ("guest/public/f", 403),
        ("guest/private/f", 404),
        ("demo/c/d/f", 400),
        ("demo/c/f/", 400),
        ("demo/c", 405),
        ("demo/../c/f", 400),
        (".session/f", 404),
        (".session/c/f", 404),
        ("s3://bucket/f", 404),
        ("ftp://host/f", 404),
    ],
)
def test_refused_upload_is_not_read(
    demo: Caller, guest: Caller, request_as: RequestAs, path: str, status: int
) -> None:
    for acl in ("public", "private"):
        Collection.objects.create(owner=guest.user, name=acl, read_acl=acl)
    large = {"content-length": "1000000000"}
    answer = request_as(demo, "PUT", "/v1/data/" + path, body=unread(), headers=large)
    assert answer.status == status
    assert answer.headers["Connection"] == "close"


@pytest.mark.parametrize(
    ("who", "read", "write"),
    [
        ("nobody", 401, 401),
        ("stranger", 404, 404),
        ("owner", 200, 200),
        ("reader", 200, 403),
        ("no data", 403, 403),
    ],
)
@pytest.mark.parametrize("public", [False, True])
def test_file_access(
    demo: Caller,
    guest: Caller,
    request_as: RequestAs,
    collection: Collection,
    who: str,
    read: int,
    write: int,
    public: bool,
) -> None:
    request_as(demo, "PUT", FILE, body=b"x")
    if public:
        collection.read_acl = "public"
        collection.save()
    if public and who == "stranger":
        read, write = 200, 403
    callers = {
        "nobody": None,
        "stranger": guest,
        "owner": demo,
        "reader": make_caller("demo", Scopes(data_read=True), demo.user),
        "no data": make_caller("demo", Scopes(native_calls=True), demo.user),
    }
    caller = callers[who]
    assert request_as(caller, "GET", FILE).status == read
    assert request_as(caller, "HEAD", FILE).status == read
    assert request_as(caller, "PUT", FILE, body=b"y").status == write
    assert request_as(caller, "DELETE", FILE).status == write


def test_wrong_key_is_401(request_as: RequestAs) -> None:
    refused = request_as(None, "GET", FILE, headers={"Authorization": "simwrong"})
    assert (refused.status, refused.json()["error"]["code"]) == (401, 2002)


@pytest.mark.parametrize("method", ["OPTIONS", "TRACE", "POST", "PATCH"])
def test_other_method_is_405(demo: Caller, request_as: RequestAs, method: str) -> None:
    assert request_as(demo, method, FILE).status == 405


def test_file_whose_bytes_were_lost_is_a_failure(
    demo: Caller, request_as: RequestAs, hosted: Path
) -> None:
    request_as(demo, "PUT", FILE, body=b"x")
    for blob in hosted.rglob("*"):
        if blob.is_file():
            blob.unlink()
    assert request_as(demo, "GET", FILE).status == 500
