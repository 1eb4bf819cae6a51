"""Hosted collections by pages: looked at, shared, emptied and deleted."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from algoport.accounts.models import User
from dataportal.browsing.entries import ENTRIES
from dataportal.browsing.previews import HEAD_BYTES, preview_of
from dataportal.models import Collection, DataAccess, HostedFile
from tests.factories.dataportal import host_files_in, make_file
from tests.factories.organizations import make_organization

HOME = "/data/browse/data/demo"
HTMX = {"HTTP_HX_REQUEST": "true"}


@pytest.fixture(autouse=True)
def hosted(settings: Settings, tmp_path: Path) -> None:
    host_files_in(tmp_path, settings)


@pytest.fixture
def photos(demo: User) -> Collection:
    return Collection.objects.create(owner=demo, name="Photos", read_acl="private")


def text_of(client: Client, path: str, status: int = 200, **headers: Any) -> str:
    answer = client.get(path, **headers)
    assert answer.status_code == status, (path, answer.status_code)
    return answer.content.decode()


def names_in(page: str) -> list[str]:
    found = re.findall(r'<th scope="row"><span class="is-\w+"></span>(?:<a[^>]*>)?([^<]*)', page)
    return [name.strip() for name in found]


def make_rows(collection: Collection, names: list[str]) -> None:
    """Rows alone: nobody opens these files."""
    made = Collection.objects.get(pk=collection.pk).created_at
    HostedFile.objects.bulk_create(
        HostedFile(collection=collection, name=name, size=1, digest="0", modified_at=made)
        for name in names
    )


def test_collections_of_an_account(browser: Client, demo: User, photos: Collection) -> None:
    assert "data://demo" in text_of(browser, "/data/browse/data/.my")
    page = text_of(browser, HOME)
    assert names_in(page) == ["Photos"] and "New Collection" in page
    assert 'href="/data/browse/data/demo/Photos"' in page
    assert names_in(text_of(browser, f"{HOME}?begins=pHo")) == ["Photos"]
    assert "Nothing here begins with" in text_of(browser, f"{HOME}?begins=q")
    photos.delete()
    empty = text_of(browser, HOME)
    assert "No collections" in empty and "Create the first one" in empty


def test_files_of_a_collection(browser: Client, photos: Collection) -> None:
    assert "Nothing here" in text_of(browser, f"{HOME}/Photos")
    for name in ("a b+c%?#.txt", "<script>.txt", "é.txt"):
        make_file(photos, name)
    page = text_of(browser, f"{HOME}/photos")
    assert "<script>.txt" not in page and "&lt;script&gt;.txt" in page
    assert len(names_in(page)) == 3 and "Upload Files" in page
    for link in re.findall(r'href="(/data/browse/data/demo/Photos/[^"]+)"', page):
        shown = text_of(browser, link)
        assert "Download" in shown and ">data</pre>" in shown
        to = re.search(r'href="(/v1/connector/data/demo/Photos/[^"]+)" download', shown)
        assert to is not None and "?" not in to[1] and "#" not in to[1]
    assert names_in(text_of(browser, f"{HOME}/Photos?begins=a")) == ["a b+c%?#.txt"]


def test_a_large_folder_is_paged_and_never_counted(browser: Client, photos: Collection) -> None:
    make_rows(photos, [f"{number:05}" for number in range(2 * ENTRIES + 1)])
    seen, url = [], f"{HOME}/Photos"
    text_of(browser, url)
    for _ in range(3):
        with CaptureQueriesContext(connection) as queries:
            page = text_of(browser, url, **HTMX)
        assert len(queries) <= 12
        assert not [each for each in queries.captured_queries if "COUNT(" in each["sql"].upper()]
        assert "<html" not in page
        seen += names_in(page)
        more = re.search(r'rel="next" href="([^"]+)"', page)
        url = more[1].replace("&amp;", "&") if more else ""
    assert seen == [f"{number:05}" for number in range(2 * ENTRIES + 1)] and not url
    assert text_of(browser, f"{HOME}/Photos?marker=made-up", status=400)


def test_what_others_see(
    browser_of: Callable[[User], Client],
    make_user: Callable[[str], User],
    demo: User,
    photos: Collection,
) -> None:
    make_file(photos, "a.txt")
    guest = make_user("guest")
    other = browser_of(guest)
    for path in (f"{HOME}/Photos", f"{HOME}/Photos/a.txt", "/data/browse/data/nobody"):
        text_of(other, path, status=404)
    assert names_in(text_of(other, HOME)) == []
    assert other.get("/data/delete/data/demo/Photos").status_code == 404
    Collection.objects.update(read_acl="public")
    page = text_of(other, f"{HOME}/Photos")
    assert names_in(page) == ["a.txt"]
    assert "Upload Files" not in page and "Delete" not in page and "Read access" in page
    for path in ("/data/delete/data/demo/Photos", "/data/delete/data/demo/Photos/a.txt"):
        assert other.get(path).status_code == other.post(path).status_code == 403
    assert other.post("/data/access/demo/Photos", {"read_acl": "private"}).status_code == 403
    assert HostedFile.objects.filter(collection=photos).count() == 1


def test_members_work_in_an_organizations_collections(
    browser_of: Callable[[User], Client], make_user: Callable[[str], User], demo: User
) -> None:
    guest = make_user("guest")
    makers = make_organization("makers", demo, guest)
    shared = Collection.objects.create(owner=makers.account, name="c", read_acl="private")
    make_file(shared, "f")
    member = browser_of(guest)
    assert "Upload Files" in text_of(member, "/data/browse/data/makers/c")
    assert member.post("/data/delete/data/makers/c/f").status_code == 302


def test_the_read_access_of_a_collection(browser: Client, photos: Collection) -> None:
    page = text_of(browser, f"{HOME}/Photos")
    assert 'value="private" aria-current="true"' in page
    for acl in ("public", "my_algorithms", "private"):
        changed = browser.post("/data/access/demo/Photos", {"read_acl": acl})
        assert changed.status_code == 302 and changed["Location"] == f"{HOME}/Photos"
        photos.refresh_from_db()
        assert photos.read_acl == acl
    assert browser.post("/data/access/demo/Photos", {"read_acl": "all"}).status_code == 400


def test_deleting(browser: Client, photos: Collection) -> None:
    for name in "abc":
        make_file(photos, name)
    assert "this file?" in text_of(browser, "/data/delete/data/demo/Photos/a")
    assert browser.post("/data/delete/data/demo/Photos/a")["Location"] == f"{HOME}/Photos"
    asked = text_of(browser, "/data/delete/data/demo/Photos")
    assert "<strong>2 files</strong>" in asked
    assert browser.post("/data/delete/data/demo/Photos", **HTMX)["HX-Redirect"] == HOME
    assert not Collection.objects.exists()
    for path in ("/data/delete/data/demo/Photos", "/data/delete/data/demo", "/data/delete/data/"):
        assert browser.post(path).status_code == 404


def test_who_looked_is_recorded(browser: Client, photos: Collection) -> None:
    make_file(photos, "a")
    browser.get(f"{HOME}/photos")
    browser.get(f"{HOME}/Photos/a")
    browser.post("/data/delete/data/demo/Photos/a")
    browser.get(f"{HOME}/Photos/a")
    rows = DataAccess.objects.order_by("accessed_at")
    told = [(row.operation, row.path, row.status, row.bytes_out) for row in rows]
    assert told == [
        ("list", "demo/photos", 200, 0),
        ("read", "demo/photos/a", 200, 4),
        ("delete", "demo/photos/a", 200, 0),
        ("read", "demo/photos/a", 404, 0),
    ]
    assert {(row.account, row.owner, row.connector) for row in rows} == {("demo", "demo", "data")}


@pytest.mark.parametrize("path", ["demo/a/b/c/d", "..", "demo/..", "demo/a%00b", "demo/a%5Cb"])
def test_paths_that_are_none(browser: Client, path: str) -> None:
    assert browser.get(f"/data/browse/data/{path}").status_code in (400, 404)


def test_algorithm_data(browser: Client) -> None:
    page = text_of(browser, "/data/browse/data/.algo")
    assert "Nothing here" in page and "Upload Files" not in page
    text_of(browser, "/data/browse/data/.session", status=404)
    text_of(browser, "/data/browse/data/.algo/nobody/nothing/temp", status=404)


def test_previews() -> None:
    def of(media: str, data: bytes) -> Any:
        return preview_of(media, data[:HEAD_BYTES], len(data))

    assert of("text/csv", b'a,b\n1,"x\ny"\n').rows == [["a", "b"], ["1", "x\ny"]]
    long = of("text/csv", b"1,2\n" * HEAD_BYTES)
    assert len(long.rows) == 50 and long.cut
    assert of("application/json", b'{"a":[1]}').text == '{\n  "a": [\n    1\n  ]\n}'
    assert of("application/json", b'{"a":').text == '{"a":'
    assert of("text/html", b"<b>hi</b>").text == "<b>hi</b>"
    assert of("image/png", b"\x89PNG").is_image and not of("image/svg+xml", b"<svg/>").is_image
    cut = of("text/plain", "é".encode() * HEAD_BYTES)
    assert cut.cut and set(cut.text) == {"é"}
    for nothing in (b"", b"a\0b", b"\xff\xfe"):
        assert not of("application/octet-stream", nothing).text
