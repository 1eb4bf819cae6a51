"""The Data Portal's list, and what is added to it."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from algoport.accounts.models import User
from dataportal.constants import MOST_CONNECTORS
from dataportal.models import Collection, Connector
from tests.doubles.seaweed import Seaweed
from tests.factories.connectors import make_connector
from tests.factories.dataportal import make_caller
from tests.factories.organizations import make_organization

S3 = {
    "owner": "demo",
    "label": "saha",
    "access_key_id": "AKIADEMO",
    "secret_access_key": "a-secret-key",
    "path": "Algorithmia/*",
}
NEW = "/data/new/s3"
HTMX = {"HTTP_HX_REQUEST": "true"}
MODAL = HTMX | {"HTTP_HX_TARGET": "modal-body"}


def rows_of(page: Any) -> list[str]:
    """The paths of the list, in its order."""
    return re.findall(r'<code id="uri-\d+">([^<]+)</code>', page.content.decode())


def test_only_for_who_has_signed_in(client: Client) -> None:
    for path in ("/data", NEW, "/data/new/collection"):
        assert client.get(path)["Location"] == f"/signin?next={path}"
    assert client.post(f"{NEW}/preview").status_code == 302


def test_the_list(browser: Client, demo: User, make_user: Callable[[str], User]) -> None:
    caller, other = make_caller("demo", user=demo), make_caller("other")
    make_organization("makers", other.user, demo)
    make_connector(caller, "saha", path="Algorithmia/*", is_default=True)
    make_connector(caller, "twice", writeable=True)
    make_connector(other, "elsewhere")
    page = browser.get("/data")
    shown = ["data://.my", "data://.algo", "data://makers", "s3+saha://", "s3+twice://"]
    assert rows_of(page) == shown
    text = page.content.decode()
    assert "only Algorithmia/*" in text and "elsewhere" not in text
    assert text.count("Read &amp; write") == 3 and text.count(">Read only<") == 2
    assert rows_of(browser.get("/data?kind=s3&sort=-name")) == ["s3+twice://", "s3+saha://"]
    assert rows_of(browser.get("/data?owner=makers")) == ["data://makers"]
    assert rows_of(browser.get("/data?q=algorithmia")) == ["s3+saha://"]
    assert "Nothing found" in browser.get("/data?q=%00none").content.decode()


def test_a_connector_that_another_hides(browser: Client, demo: User) -> None:
    caller, other = make_caller("demo", user=demo), make_caller("other")
    makers = make_organization("makers", other.user, demo)
    make_connector(caller, "saha")
    Connector.objects.create(owner=makers.account, protocol="s3", label="SAHA", credential="x")
    text = browser.get("/data").content.decode()
    assert text.count("another connector of this label comes first") == 1


def test_the_list_takes_the_same_queries_however_long(browser: Client, demo: User) -> None:
    make = [
        Connector(owner=demo, protocol="s3", label=f"l{number}", credential="x")
        for number in range(MOST_CONNECTORS)
    ]
    with CaptureQueriesContext(
        connection,
    ) as short:
        browser.get("/data")
    Connector.objects.bulk_create(make)
    with CaptureQueriesContext(connection) as long:
        page = browser.get("/data?sort=owner")
    assert len(long) <= len(short) and len(rows_of(page)) == 25


def test_a_collection_is_made(browser: Client, demo: User) -> None:
    other = make_caller("other")
    make_organization("makers", demo)
    form = browser.get("/data/new/collection", **MODAL).content.decode()
    assert "<html" not in form and 'value="makers"' in form and "other" not in form
    given = {"owner": "makers", "name": "Models", "read_acl": "public"}
    made = browser.post("/data/new/collection", given, **MODAL)
    assert made.status_code == 204 and made["HX-Redirect"].startswith("/data")
    row = Collection.objects.get()
    assert (row.uri, row.read_acl) == ("data://makers/Models", "public")
    again = browser.post("/data/new/collection", given)
    assert again.status_code == 422 and "already exists" in again.content.decode()
    for wrong in ({"name": "a/b"}, {"owner": other.user.username}, {"read_acl": "all"}):
        assert browser.post("/data/new/collection", given | wrong).status_code == 422
    assert Collection.objects.count() == 1


def test_a_connector_is_made_and_shows_no_secret(browser: Client, demo: User) -> None:
    form = browser.get(NEW).content.decode()
    assert "Connect Amazon S3" in form and 'name="label" value="atacama"' in form
    made = browser.post(NEW, S3 | {"writeable": "on", "is_default": "on"})
    assert made.status_code == 302
    row = Connector.objects.get(owner=demo)
    assert (row.name, row.path, row.writeable, row.is_default) == (
        *("s3+saha", "Algorithmia/*"),
        *(True, True),
    )
    assert "a-secret-key" not in row.credential
    again = browser.post(NEW, S3, **MODAL)
    text = again.content.decode()
    assert again.status_code == 422 and "Choose another label" in text
    assert "a-secret-key" not in text and "AKIADEMO" in text


def test_what_is_wrong_stands_at_its_field(browser: Client) -> None:
    wrong = {
        "label": ("a b", "A label has letters"),
        "path": ("a//b", "no empty segments"),
        "region": ("Not a region", "not the name of a region"),
        "endpoint_url": ("http://169.254.169.254", "169.254.169.254"),
        "access_key_id": ("", "This field is required"),
    }
    for name, (value, reason) in wrong.items():
        answer = browser.post(NEW, S3 | {name: value})
        assert answer.status_code == 422 and reason in answer.content.decode(), name
    assert browser.get("/data/new/ftp").status_code == 404
    assert not Connector.objects.exists()


def test_nobody_connects_for_others(browser: Client, demo: User) -> None:
    other = make_caller("other")
    make_organization("makers", other.user, demo)
    for owner in ("makers", "other"):
        assert browser.post(NEW, S3 | {"owner": owner}).status_code == 422
    assert not Connector.objects.exists()


def test_what_is_typed_is_no_markup(browser: Client) -> None:
    evil = '"><img src=x onerror=alert(1)>'
    for path, layout in ((NEW, MODAL), (f"{NEW}/preview", HTMX)):
        text = browser.post(path, S3 | {"label": evil}, **layout).content.decode()
        assert "<img src=x" not in text and "&lt;img src=x" in text, path


def test_the_preview_of_a_path(browser: Client) -> None:
    def preview(**changes: str) -> str:
        return browser.post(f"{NEW}/preview", S3 | changes, **HTMX).content.decode()

    assert "<code>s3+saha://Algorithmia/*</code>" in preview()
    assert "covers <code>Algorithmia2/…</code> too" in preview(path="Algorithmia*")
    assert "this one file" in preview(path="Algorithmia/team.jpg")
    assert "?matches" in preview() and "?matches" not in preview(secret_access_key="")
    assert "no empty segments" in preview(path="a//b")


@pytest.mark.xdist_group("seaweed")
def test_trying_before_connecting(browser: Client, seaweed: Seaweed, local: None) -> None:
    bucket = seaweed.new_bucket()
    for number in range(22):
        seaweed.put(bucket, f"in/{number:02}.txt", b"12345")
    seaweed.put(bucket, "out.txt", b"")
    form = S3 | seaweed.credentials | {"endpoint_url": seaweed.url, "addressing": "path"}

    def ask(to: str, **changes: str) -> str:
        return browser.post(to, form | changes, **HTMX).content.decode()

    found = ask(f"{NEW}/preview?matches", path=f"{bucket}/in/*")
    assert found.count("<li>") == 20 and "these and more" in found and "out.txt" not in found
    assert "1 file:" in ask(f"{NEW}/preview?matches", path=f"{bucket}/out.txt")
    assert "It works" in ask(NEW, act="test", path=f"{bucket}/*")
    wrong = ask(NEW, act="test", secret_access_key="wrong")
    assert "does not take these credentials" in wrong
    assert "no “nothere”" in ask(NEW, act="test", path="nothere/*")
    assert "refused" in ask(f"{NEW}/preview?matches", secret_access_key="wrong")
    assert not Connector.objects.exists()
