"""Collections and the folders above them."""

from collections.abc import Callable

import pytest
from django.utils import timezone

from dataportal.constants import ReadAcl
from dataportal.models import Collection, HostedFile
from tests.asgi_client import Answer
from tests.factories.dataportal import Caller

RequestAs = Callable[..., Answer]


def fill(collection: Collection, count: int) -> None:
    now = timezone.now()
    HostedFile.objects.bulk_create(
        HostedFile(collection=collection, name=f"f{n:06}", size=n, md5="", modified_at=now)
        for n in range(count)
    )


@pytest.fixture
def collection(alice: Caller) -> Collection:
    return Collection.objects.create(owner=alice.user, name="c")


@pytest.mark.parametrize(
    "target", ["/v1/data", "/v1/data/", "/v1/connector/data", "/v1/connector/data/"]
)
def test_root_names_the_caller(alice: Caller, request_as: RequestAs, target: str) -> None:
    answer = request_as(alice, "GET", target)
    assert answer.body == b'{"folders":[{"name":"alice"}],"files":[]}'
    assert answer.headers["X-Data-Type"] == "directory"
    assert request_as(alice, "HEAD", target).status == 200


@pytest.mark.parametrize("target", ["/v1/data/alice", "/v1/data/.my/", "/v1/data/ALICE"])
def test_account_lists_its_collections(
    alice: Caller, collection: Collection, request_as: RequestAs, target: str
) -> None:
    assert request_as(alice, "GET", target).body == b'{"folders":[{"name":"c"}],"files":[]}'


def test_account_shows_strangers_what_they_may_read(
    alice: Caller, bob: Caller, collection: Collection, request_as: RequestAs
) -> None:
    assert request_as(bob, "GET", "/v1/data/alice").json() == {"folders": [], "files": []}
    missing = request_as(bob, "GET", "/v1/data/nobody")
    assert (missing.status, missing.json()["error"]["code"]) == (404, 3000)
    assert request_as(bob, "HEAD", "/v1/data/nobody").status == 404


@pytest.mark.parametrize(
    ("body", "content_type", "acl"),
    [
        (b'{"name":"new"}', "application/json", ReadAcl.MY_ALGORITHMS),
        (b'{"name":"new","_dummy":null}', None, ReadAcl.MY_ALGORITHMS),
        (b"new", "text/plain", ReadAcl.MY_ALGORITHMS),
        (b'{"name":"new","acl":{"read":[]}}', "application/json", ReadAcl.PRIVATE),
        (b'{"name":"new","acl":{"read":["user://*"]}}', "text/plain", ReadAcl.PUBLIC),
    ],
)
@pytest.mark.parametrize("parent", ["/v1/data/.my", "/v1/connector/data/alice/"])
def test_collection_is_made(
    alice: Caller,
    request_as: RequestAs,
    parent: str,
    body: bytes,
    content_type: str | None,
    acl: ReadAcl,
) -> None:
    headers = {} if content_type is None else {"Content-Type": content_type}
    made = request_as(alice, "POST", parent, body=body, headers=headers)
    assert (made.status, made.body) == (200, b'{"result":"data://alice/new"}')
    assert Collection.objects.get().read_acl == acl
    again = request_as(alice, "POST", parent, body=body.replace(b"new", b"New"))
    assert again.status == 409


@pytest.mark.parametrize(
    ("target", "body", "status"),
    [
        ("/v1/data/bob", b'{"name":"x"}', 403),
        ("/v1/data/nobody", b'{"name":"x"}', 404),
        ("/v1/data", b'{"name":"x"}', 400),
        ("/v1/data/alice/c", b'{"name":"x"}', 400),
        ("/v1/data/alice", b'{"name":""}', 400),
        ("/v1/data/alice", b'{"name":"a/b"}', 400),
        ("/v1/data/alice", b'{"name":".hidden"}', 400),
        ("/v1/data/alice", b'{"name":"a\\u0000"}', 400),
        ("/v1/data/alice", b'{"name":"a\\n"}', 400),
        ("/v1/data/alice", b'{"name":"x","acl":{"read":["user://bob"]}}', 400),
        ("/v1/data/alice", b"{", 400),
        ("/v1/data/alice", b"", 400),
        ("/v1/data/.algo", b'{"name":"x"}', 501),
        ("/v1/data/alice", b'{"name":"' + b"x" * 70_000 + b'"}', 413),
    ],
)
def test_collection_is_not_made(
    alice: Caller,
    bob: Caller,
    collection: Collection,
    request_as: RequestAs,
    target: str,
    body: bytes,
    status: int,
) -> None:
    answer = request_as(alice, "POST", target, body=body)
    assert answer.status == status
    assert answer.json()["error"]["message"]
    assert Collection.objects.count() == 1


@pytest.mark.parametrize(
    ("method", "headers"),
    [("PATCH", {}), ("POST", {}), ("POST", {"X-HTTP-Method-Override": "PATCH"})],
)
def test_acl_is_changed(
    alice: Caller,
    bob: Caller,
    collection: Collection,
    request_as: RequestAs,
    method: str,
    headers: dict[str, str],
) -> None:
    body = b'{"acl":{"read":["user://*"]}}'
    target = "/v1/data/alice/c"
    changed = request_as(alice, method, target, body=body, headers=headers)
    assert (changed.status, changed.body) == (200, b"")
    listed = request_as(bob, "GET", target + "?acl=True").json()
    assert listed == {"folders": [], "files": [], "acl": {"read": ["user://*"]}}
    assert "acl" not in request_as(bob, "GET", target + "?acl=false").json()
    assert request_as(bob, method, target, body=body, headers=headers).status == 403
    assert request_as(alice, method, target, body=b'{"acl":{"read":["x"]}}').status == 400
    assert request_as(alice, method, target, body=b"{}").status == 400


def test_collection_is_listed(
    alice: Caller, bob: Caller, collection: Collection, request_as: RequestAs
) -> None:
    fill(collection, 1)
    HostedFile.objects.update(modified_at="2020-03-18T17:00:33.999Z")
    answer = request_as(alice, "GET", "/v1/data/.my/c/")
    assert answer.body == (
        b'{"folders":[],"files":[{"filename":"f000000",'
        b'"last_modified":"2020-03-18T17:00:33.000Z","size":0}]}'
    )
    assert answer.headers["X-Data-Type"] == "directory"
    head = request_as(alice, "HEAD", "/v1/data/.my/c")
    assert (head.status, head.headers["X-Data-Type"], head.body) == (200, "directory", b"")
    for method in ("GET", "HEAD", "DELETE"):
        assert request_as(bob, method, "/v1/data/alice/c").status == 404


@pytest.mark.parametrize(("count", "pages"), [(0, 1), (999, 1), (1000, 1), (1001, 2), (2500, 3)])
def test_pages_hold_every_file_once(
    alice: Caller, collection: Collection, request_as: RequestAs, count: int, pages: int
) -> None:
    fill(collection, count)
    names: list[str] = []
    marker: str | None = ""
    asked = 0
    while marker is not None:
        page = request_as(alice, "GET", f"/v1/data/alice/c?marker={marker}").json()
        asked += 1
        names += [file["filename"] for file in page["files"]]
        marker = page.get("marker")
        assert marker is None or marker.replace("-", "").replace("_", "").isalnum()
    assert asked == pages
    assert names == [f"f{n:06}" for n in range(count)]


def test_names_are_in_bytewise_order(
    alice: Caller, collection: Collection, request_as: RequestAs
) -> None:
    names = ["B", "a", "_", "\u00e9", "Z", "b", "\U0001f600", " "]
    now = timezone.now()
    for name in names:
        HostedFile.objects.create(collection=collection, name=name, size=0, md5="", modified_at=now)
    listed = request_as(alice, "GET", "/v1/data/alice/c").json()["files"]
    assert [file["filename"] for file in listed] == sorted(names, key=str.encode)


def test_marker_of_somebody_else_is_refused(
    alice: Caller, collection: Collection, request_as: RequestAs
) -> None:
    for target in ("/v1/data/alice/c", "/v1/data/alice"):
        refused = request_as(alice, "GET", target + "?marker=made-up")
        assert (refused.status, refused.json()["error"]["code"]) == (400, 5002)


@pytest.mark.parametrize(
    ("query", "files", "status", "body"),
    [
        ("", 0, 200, b'{"result":{"deleted":1}}'),
        ("?force=true", 0, 200, b'{"result":{"deleted":1}}'),
        ("?force=True", 3, 200, b'{"result":{"deleted":4}}'),
        ("", 3, 409, None),
        ("?force=false", 3, 409, None),
    ],
)
def test_directory_is_deleted(
    alice: Caller,
    collection: Collection,
    request_as: RequestAs,
    query: str,
    files: int,
    status: int,
    body: bytes | None,
) -> None:
    fill(collection, files)
    answer = request_as(alice, "DELETE", "/v1/data/alice/c" + query)
    assert answer.status == status
    assert body is None or answer.body == body
    gone = request_as(alice, "GET", "/v1/data/alice/c").status
    assert gone == (404 if status == 200 else 200)


@pytest.mark.parametrize("method", ["DELETE", "PATCH", "PUT"])
@pytest.mark.parametrize("target", ["/v1/data", "/v1/data/alice"])
def test_folders_above_collections_do_not_change(
    alice: Caller, request_as: RequestAs, method: str, target: str
) -> None:
    assert request_as(alice, method, target).status == 400


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/v1/database", 404),
        ("/v1/connector/s3/bucket", 404),
        ("/v1/connector/s3+label/bucket", 404),
        ("/v1/data/dropbox://x", 404),
        ("/v1/data/.session", 501),
        ("/v1/connector/data/.algo/u/n/temp", 501),
    ],
)
def test_what_is_not_served_is_said(
    alice: Caller, request_as: RequestAs, target: str, status: int
) -> None:
    answer = request_as(alice, "GET", target)
    assert answer.status == status
    assert answer.json()["error"]["message"] == answer.json()["message"]


def test_account_pages_hold_every_collection_once(
    alice: Caller, request_as: RequestAs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dataportal.selectors.LISTING_PAGE_SIZE", 2)
    for name in ("a", "B", "c", "D"):
        Collection.objects.create(owner=alice.user, name=name)
    first = request_as(alice, "GET", "/v1/data/.my").json()
    second = request_as(alice, "GET", f"/v1/data/.my?marker={first['marker']}").json()
    assert first["folders"] + second["folders"] == [{"name": name} for name in "aBcD"]
    assert "marker" not in second
