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
        HostedFile(collection=collection, name=f"f{n:06}", size=n, digest="", modified_at=now)
        for n in range(count)
    )


@pytest.fixture
def collection(demo: Caller) -> Collection:
    return Collection.objects.create(owner=demo.user, name="c")


@pytest.mark.parametrize(
    "target", ["/v1/data", "/v1/data/", "/v1/connector/data", "/v1/connector/data/"]
)
def test_root_names_the_caller(demo: Caller, request_as: RequestAs, target: str) -> None:
    answer = request_as(demo, "GET", target)
    assert answer.body == b'{"folders":[{"name":"demo"}],"files":[]}'
    assert answer.headers["X-Data-Type"] == "directory"
    assert request_as(demo, "HEAD", target).status == 200


@pytest.mark.parametrize("target", ["/v1/data/demo", "/v1/data/.my/", "/v1/data/DEMO"])
def test_account_lists_its_collections(
    demo: Caller, collection: Collection, request_as: RequestAs, target: str
) -> None:
    assert request_as(demo, "GET", target).body == b'{"folders":[{"name":"c"}],"files":[]}'


def test_account_shows_strangers_what_they_may_read(
    demo: Caller, guest: Caller, collection: Collection, request_as: RequestAs
) -> None:
    assert request_as(guest, "GET", "/v1/data/demo").json() == {"folders": [], "files": []}
    missing = request_as(guest, "GET", "/v1/data/nobody")
    assert (missing.status, missing.json()["error"]["code"]) == (404, 3000)
    assert request_as(guest, "HEAD", "/v1/data/nobody").status == 404


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
@pytest.mark.parametrize("parent", ["/v1/data/.my", "/v1/connector/data/demo/"])
def test_collection_is_made(
    demo: Caller,
    request_as: RequestAs,
    parent: str,
    body: bytes,
    content_type: str | None,
    acl: ReadAcl,
) -> None:
    headers = {} if content_type is None else {"Content-Type": content_type}
    made = request_as(demo, "POST", parent, body=body, headers=headers)
    assert (made.status, made.body) == (200, b'{"result":"data://demo/new"}')
    assert Collection.objects.get().read_acl == acl
    again = request_as(demo, "POST", parent, body=body.replace(b"new", b"New"))
    assert again.status == 409


@pytest.mark.parametrize(
    ("target", "body", "status"),
    [
        ("/v1/data/guest", b'{"name":"x"}', 403),
        ("/v1/data/nobody", b'{"name":"x"}', 404),
        ("/v1/data", b'{"name":"x"}', 405),
        ("/v1/data/demo/c", b'{"name":"x"}', 400),
        ("/v1/data/demo", b'{"name":""}', 400),
        ("/v1/data/demo", b'{"name":"a/b"}', 400),
        ("/v1/data/demo", b'{"name":".hidden"}', 400),
        ("/v1/data/demo", b'{"name":"a\\u0000"}', 400),
        ("/v1/data/demo", b'{"name":"a\\n"}', 400),
        ("/v1/data/demo", b'{"name":"x","acl":{"read":["user://guest"]}}', 400),
        ("/v1/data/demo", b"{", 400),
        ("/v1/data/demo", b"", 400),
        ("/v1/data/.algo", b'{"name":"x"}', 405),
        ("/v1/data/demo", b'{"name":"' + b"x" * 70_000 + b'"}', 413),
    ],
)
def test_collection_is_not_made(
    demo: Caller,
    guest: Caller,
    collection: Collection,
    request_as: RequestAs,
    target: str,
    body: bytes,
    status: int,
) -> None:
    answer = request_as(demo, "POST", target, body=body)
    assert answer.status == status
    assert answer.json()["error"]["message"]
    assert Collection.objects.count() == 1


@pytest.mark.parametrize(
    ("method", "headers"),
    [("PATCH", {}), ("POST", {}), ("POST", {"X-HTTP-Method-Override": "PATCH"})],
)
def test_acl_is_changed(
    demo: Caller,
    guest: Caller,
    collection: Collection,
    request_as: RequestAs,
    method: str,
    headers: dict[str, str],
) -> None:
    body = b'{"acl":{"read":["user://*"]}}'
    target = "/v1/data/demo/c"
    changed = request_as(demo, method, target, body=body, headers=headers)
    assert (changed.status, changed.body) == (200, b"")
    listed = request_as(guest, "GET", target + "?acl=True").json()
    assert listed == {"folders": [], "files": [], "acl": {"read": ["user://*"]}}
    assert "acl" not in request_as(guest, "GET", target + "?acl=false").json()
    assert request_as(guest, method, target, body=body, headers=headers).status == 403
    assert request_as(demo, method, target, body=b'{"acl":{"read":["x"]}}').status == 400
    assert request_as(demo, method, target, body=b"{}").status == 400


def test_collection_is_listed(
    demo: Caller, guest: Caller, collection: Collection, request_as: RequestAs
) -> None:
    fill(collection, 1)
    HostedFile.objects.update(modified_at="2020-03-18T17:00:33.999Z")
    answer = request_as(demo, "GET", "/v1/data/.my/c/")
    assert answer.body == (
        b'{"folders":[],"files":[{"filename":"f000000",'
        b'"last_modified":"2020-03-18T17:00:33.000Z","size":0}]}'
    )
    assert answer.headers["X-Data-Type"] == "directory"
    head = request_as(demo, "HEAD", "/v1/data/.my/c")
    assert (head.status, head.headers["X-Data-Type"], head.body) == (200, "directory", b"")
    for method in ("GET", "HEAD", "DELETE"):
        assert request_as(guest, method, "/v1/data/demo/c").status == 404


@pytest.mark.parametrize(("count", "pages"), [(0, 1), (999, 1), (1000, 1), (1001, 2), (2500, 3)])
def test_pages_hold_every_file_once(
    demo: Caller, collection: Collection, request_as: RequestAs, count: int, pages: int
) -> None:
    fill(collection, count)
    names: list[str] = []
    marker: str | None = ""
    asked = 0
    while marker is not None:
        page = request_as(demo, "GET", f"/v1/data/demo/c?marker={marker}").json()
        asked += 1
        names += [file["filename"] for file in page["files"]]
        marker = page.get("marker")
        assert marker is None or marker.replace("-", "").replace("_", "").isalnum()
    assert asked == pages
    assert names == [f"f{n:06}" for n in range(count)]


def test_names_are_in_bytewise_order(
    demo: Caller, collection: Collection, request_as: RequestAs
) -> None:
    names = ["B", "a", "_", "\u00e9", "Z", "b", "\U0001f600", " "]
    now = timezone.now()
    for name in names:
        HostedFile.objects.create(
            collection=collection, name=name, size=0, digest="", modified_at=now
        )
    listed = request_as(demo, "GET", "/v1/data/demo/c").json()["files"]
    assert [file["filename"] for file in listed] == sorted(names, key=str.encode)


def test_marker_of_somebody_else_is_refused(
    demo: Caller, collection: Collection, request_as: RequestAs
) -> None:
    for target in ("/v1/data/demo/c", "/v1/data/demo"):
        refused = request_as(demo, "GET", target + "?marker=made-up")
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
    demo: Caller,
    collection: Collection,
    request_as: RequestAs,
    query: str,
    files: int,
    status: int,
    body: bytes | None,
) -> None:
    fill(collection, files)
    answer = request_as(demo, "DELETE", "/v1/data/demo/c" + query)
    assert answer.status == status
    assert body is None or answer.body == body
    gone = request_as(demo, "GET", "/v1/data/demo/c").status
    assert gone == (404 if status == 200 else 200)


@pytest.mark.parametrize("method", ["DELETE", "PATCH", "PUT"])
@pytest.mark.parametrize("target", ["/v1/data", "/v1/data/demo"])
def test_folders_above_collections_do_not_change(
    demo: Caller, request_as: RequestAs, method: str, target: str
) -> None:
    refused = request_as(demo, method, target)
    assert refused.status == 405
    assert refused.headers["Allow"].startswith("GET, HEAD")


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/v1/database", 404),
        ("/v1/connector/s3/bucket", 404),
        ("/v1/connector/s3+label/bucket", 404),
        ("/v1/data/dropbox://x", 404),
        ("/v1/data/.session", 404),
        ("/v1/data/.algo/default", 501),
        ("/v1/connector/data/.algo/u/n/temp", 404),
    ],
)
def test_what_is_not_served_is_said(
    demo: Caller, request_as: RequestAs, target: str, status: int
) -> None:
    answer = request_as(demo, "GET", target)
    assert answer.status == status
    assert answer.json()["error"]["message"] == answer.json()["message"]


def test_account_pages_hold_every_collection_once(
    demo: Caller, request_as: RequestAs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dataportal.selectors.LISTING_PAGE_SIZE", 2)
    for name in ("a", "B", "c", "D"):
        Collection.objects.create(owner=demo.user, name=name)
    first = request_as(demo, "GET", "/v1/data/.my").json()
    second = request_as(demo, "GET", f"/v1/data/.my?marker={first['marker']}").json()
    assert first["folders"] + second["folders"] == [{"name": name} for name in "aBcD"]
    assert "marker" not in second
