"""Buckets of an S3 connector by pages: made, opened to others, and closed."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from algoport.accounts.models import User
from algoport.audit.models import AuditEntry
from dataportal.models import Connector
from tests.doubles.seaweed import Seaweed
from tests.factories import connectors
from tests.factories.dataportal import make_caller
from tests.factories.organizations import make_organization

pytestmark = pytest.mark.xdist_group("seaweed")

PAGE = "/data/connectors/demo/s3+lab/buckets"
RULE = {
    "act": "add",
    "allowed_methods": ["GET", "PUT"],
    "allowed_origins": "https://one.example.com\r\n<b>https://two.example.com",
    "allowed_headers": "*",
    "expose_headers": "",
    "max_age_seconds": "3000",
}


@pytest.fixture
def bucket(seaweed: Seaweed) -> str:
    return seaweed.new_bucket()


@pytest.fixture(autouse=True)
def lab(demo: User, seaweed: Seaweed, local: None, monkeypatch: pytest.MonkeyPatch) -> Connector:
    monkeypatch.setitem(connectors.CREDENTIALS, "s3", ("iam", seaweed.credentials))
    caller = make_caller("demo", user=demo)
    return connectors.make_connector(caller, "lab", endpoint=seaweed.url, writeable=True)


def text_of(answer: Any, status: int = 200) -> str:
    assert answer.status_code == status, answer.content[-800:]
    text: str = answer.content.decode()
    return text


def test_buckets_are_listed_and_made(browser: Client, bucket: str) -> None:
    text = text_of(browser.get(PAGE))
    assert f"{PAGE}/{bucket}" in text and "Make the bucket" in text
    made = browser.post(PAGE, {"name": f"{bucket}-2", "location": ""})
    assert made["Location"] == f"{PAGE}/{bucket}-2"
    assert f"{bucket}-2" in text_of(browser.get(PAGE))
    assert "Enter a valid value" in text_of(browser.post(PAGE, {"name": "Not/one"}), 422)
    assert AuditEntry.objects.filter(action="bucket.create").count() == 1


def test_rules_for_other_sites(browser: Client, bucket: str) -> None:
    page = f"{PAGE}/{bucket}"
    assert "No page of another site" in text_of(browser.get(page))
    text = text_of(browser.post(page, RULE, follow=True))
    assert "GET, PUT" in text and "https://one.example.com" in text and "3000 s" in text
    assert "<b>https" not in text and "&lt;b&gt;https" in text
    assert "required" in text_of(browser.post(page, RULE | {"allowed_origins": " \n"}), 422)
    browser.post(page, RULE | {"allowed_methods": "HEAD"})
    left = text_of(browser.post(page, {"act": "remove", "rule": "0"}, follow=True))
    assert "HEAD" in left and "GET, PUT" not in left
    browser.post(page, {"act": "remove", "rule": "0"})
    assert "No page of another site" in text_of(browser.get(page))
    assert AuditEntry.objects.filter(action="bucket.set_cors").count() == 4


def test_access_lists(browser: Client, bucket: str, seaweed: Seaweed) -> None:
    page = f"{PAGE}/{bucket}"
    assert "FULL_CONTROL" in text_of(browser.get(page))
    set_to = browser.post(page, {"act": "acl", "acl": "public-read"}, follow=True)
    assert '"public-read" selected' in text_of(set_to)
    text_of(browser.post(page, {"act": "acl", "acl": "everything"}), 400)
    seaweed.put(bucket, "a b/c.txt", b"c")
    file = text_of(browser.get(f"/data/browse/s3+lab/{bucket}/a b/c.txt"))
    object_page = f"{page}/object?key=a%20b%2Fc.txt"
    assert object_page in file and page in text_of(browser.get(f"/data/browse/s3+lab/{bucket}/"))
    shown = text_of(browser.get(object_page))
    assert "Who may use a b/c.txt" in shown
    changed = browser.post(object_page, {"act": "acl", "acl": "public-read"})
    assert changed.status_code == 302
    assert AuditEntry.objects.filter(action="object.set_acl").count() == 1


def test_members_see_and_do_not_change(
    browser_of: Callable[[User], Client],
    make_user: Callable[[str], User],
    demo: User,
    bucket: str,
) -> None:
    guest = make_user("guest")
    other = browser_of(guest)
    text_of(other.get(PAGE), 404)
    makers = make_organization("makers", demo, guest)
    Connector.objects.update(owner=makers.account)
    page = PAGE.replace("demo", "makers")
    assert "Make the bucket" not in text_of(other.get(page))
    shown = text_of(other.get(f"{page}/{bucket}"))
    assert "You see these settings" in shown and "Set policy" not in shown
    for form in (RULE, {"act": "acl", "acl": "public-read"}, {"act": "remove", "rule": "0"}):
        text_of(other.post(f"{page}/{bucket}", form), 403)
    text_of(other.post(page, {"name": "another-one"}), 422)


def test_only_inside_of_the_restriction(browser: Client, lab: Connector, bucket: str) -> None:
    Connector.objects.update(path=f"{bucket}/in/*")
    assert "Make the bucket" not in text_of(browser.get(PAGE))
    assert "part of it is outside" in text_of(browser.get(f"{PAGE}/{bucket}")).lower()
    assert browser.post(f"{PAGE}/{bucket}", RULE).status_code == 403
    assert browser.get("/data/connectors/demo/s3+none/buckets").status_code == 404
    assert Client().get(PAGE)["Location"].startswith("/signin")
