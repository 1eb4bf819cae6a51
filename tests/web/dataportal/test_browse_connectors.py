"""What connectors lead to, by pages."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from algoport.accounts.models import User
from dataportal.browsing.entries import ENTRIES
from dataportal.models import Connector, DataAccess
from tests.doubles.seaweed import Seaweed
from tests.factories import connectors
from tests.factories.dataportal import Caller, make_caller
from tests.factories.organizations import make_organization

pytestmark = [pytest.mark.xdist_group("seaweed"), pytest.mark.usefixtures("local")]


@pytest.fixture
def caller(demo: User) -> Caller:
    return make_caller("demo", user=demo)


@pytest.fixture
def bucket(seaweed: Seaweed) -> str:
    return seaweed.new_bucket()


@pytest.fixture
def connect(
    caller: Caller, seaweed: Seaweed, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Connector]:
    credentials = {"s3": ("iam", seaweed.credentials)}
    monkeypatch.setattr(connectors, "CREDENTIALS", credentials)

    def make(label: str, owner: Caller = caller, **named: Any) -> Connector:
        return connectors.make_connector(owner, label, endpoint=seaweed.url, **named)

    return make


def names_in(page: str) -> list[str]:
    return re.findall(r'<th scope="row"><span class="is-\w+"></span><a[^>]*>([^<]*)', page)


def text_of(client: Client, path: str, status: int = 200) -> str:
    answer = client.get(path)
    assert answer.status_code == status, (path, answer.status_code, answer.content[-600:])
    return answer.content.decode()


def test_a_bucket_from_its_root_to_a_file(
    browser: Client, seaweed: Seaweed, bucket: str, connect: Callable[..., Connector]
) -> None:
    connect("lab", path=f"{bucket}/*")
    seaweed.put(bucket, "in/team.csv", b"name,age\nx,3\n")
    seaweed.put(bucket, "odd name+%2B?#.txt", b"odd")
    seaweed.put(bucket, "empty.txt", b"")
    root = text_of(browser, "/data/browse/s3+lab/")
    assert names_in(root) == [bucket] and "Upload Files" not in root
    page = text_of(browser, f"/data/browse/s3+lab/{bucket}/")
    assert names_in(page) == ["in", "empty.txt", "odd name+%2B?#.txt"]
    assert "Upload Files" not in page and "Delete" not in page
    assert "3 bytes" in page and "path restriction" in page
    for link in re.findall(rf'href="(/data/browse/s3\+lab/{bucket}/[^"]+)"', page):
        text_of(browser, link)
    rows = text_of(browser, f"/data/browse/s3+lab/{bucket}/in/team.csv")
    assert '<th scope="col">name</th>' in rows and "<td>3</td>" in rows
    assert "The file is empty" in text_of(browser, f"/data/browse/s3+lab/{bucket}/empty.txt")
    assert names_in(text_of(browser, f"/data/browse/s3+lab/{bucket}/?begins=o")) == [
        "odd name+%2B?#.txt"
    ]
    accesses = set(DataAccess.objects.values_list("operation", "connector", "owner", "status"))
    assert accesses == {("list", "s3+lab", "demo", 200), ("read", "s3+lab", "demo", 200)}


def test_only_what_the_restriction_covers(
    browser: Client, seaweed: Seaweed, bucket: str, connect: Callable[..., Connector]
) -> None:
    connect("lab", path=f"{bucket}/in/*", writeable=True)
    for key in ("in/a", "in/b/c", "out"):
        seaweed.put(bucket, key, b"x")
    outer = text_of(browser, f"/data/browse/s3+lab/{bucket}/")
    assert names_in(outer) == ["in"] and "Upload Files" not in outer
    inner = text_of(browser, f"/data/browse/s3+lab/{bucket}/in/")
    assert names_in(inner) == ["b", "a"]
    assert "Upload Files" in inner and "New Folder" in inner
    for path in (f"browse/s3+lab/{bucket}/out", f"delete/s3+lab/{bucket}/out"):
        text_of(browser, f"/data/{path}", status=404)
    assert browser.post(f"/data/delete/s3+lab/{bucket}/").status_code in (403, 404)
    assert browser.post(f"/data/delete/s3+lab/{bucket}/out").status_code == 404


def test_folders_are_made_and_deleted(
    browser: Client, seaweed: Seaweed, bucket: str, connect: Callable[..., Connector]
) -> None:
    connect("lab", path=f"{bucket}/*", writeable=True)
    made = browser.post(f"/data/folder/s3+lab/{bucket}/", {"name": "new one"})
    assert made["Location"] == f"/data/browse/s3+lab/{bucket}/new%20one/"
    for name in ("a", "b", "c"):
        seaweed.put(bucket, f"new one/{name}", b"x")
    asked = text_of(browser, f"/data/delete/s3+lab/{bucket}/new one/")
    assert "<strong>3 files</strong>" in asked
    assert browser.post(f"/data/delete/s3+lab/{bucket}/new one/a").status_code == 302
    gone = browser.post(f"/data/delete/s3+lab/{bucket}/new one/", follow=True)
    assert "is deleted: 2 files." in gone.content.decode()
    assert names_in(text_of(browser, f"/data/browse/s3+lab/{bucket}/")) == []
    refused = browser.post(f"/data/folder/s3+lab/{bucket}/", {"name": "a/b"})
    assert refused.status_code == 422 and "without a slash" in refused.content.decode()


def test_pages_follow_the_storages_markers(
    browser: Client, seaweed: Seaweed, bucket: str, connect: Callable[..., Connector]
) -> None:
    connect("lab")
    for number in range(ENTRIES + 2):
        seaweed.put(bucket, f"{number:03}", b"")
    first = text_of(browser, f"/data/browse/s3+lab/{bucket}/")
    more = re.search(r'rel="next" href="([^"]+)"', first)
    assert more is not None
    second = text_of(browser, more[1].replace("&amp;", "&"))
    assert names_in(first) + names_in(second) == [f"{n:03}" for n in range(ENTRIES + 2)]
    assert "First page" in second and 'rel="next"' not in second


def test_whose_connectors(
    browser: Client,
    browser_of: Callable[[User], Client],
    make_user: Callable[[str], User],
    bucket: str,
    demo: User,
    caller: Caller,
    connect: Callable[..., Connector],
) -> None:
    connect("lab", writeable=True)
    guest = make_user("guest")
    other = browser_of(guest)
    text_of(other, "/data/browse/s3+lab/", status=404)
    assert other.post(f"/data/delete/s3+lab/{bucket}/x").status_code == 404
    makers = make_organization("makers", demo, guest)
    Connector.objects.update(owner=makers.account)
    assert bucket in names_in(text_of(other, "/data/browse/s3+lab/"))


def test_what_the_storage_refuses_is_told(
    browser: Client,
    seaweed: Seaweed,
    bucket: str,
    connect: Callable[..., Connector],
    caller: Caller,
) -> None:
    connect("lab", path=f"{bucket}/*")
    text_of(browser, f"/data/browse/s3+lab/{bucket}/nothing/", status=404)
    text_of(browser, f"/data/browse/s3+lab/{bucket}/nothing", status=404)
    connectors.CREDENTIALS["s3"][1]["secret_access_key"] = "wrong"
    connect("bad", path=f"{bucket}/*")
    told = text_of(browser, f"/data/browse/s3+bad/{bucket}/", status=403)
    assert "refused this" in told
