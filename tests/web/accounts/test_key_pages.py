"""The pages on which people make and revoke their keys."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from algoport.accounts.models import ApiKey, User
from algoport.accounts.permissions import EVERYTHING, Scopes
from algoport.accounts.services import create_key
from algoport.audit.models import AuditEntry

pytestmark = pytest.mark.django_db

FORM = {"label": "laptop", "calls": "all", "programs": "on", "data": "none"}
SECRET = re.compile(r"sim[A-Za-z0-9+/]{25}")


@pytest.fixture
def browser(client: Client, demo: User) -> Client:
    client.force_login(demo)
    return client


def text_of(answer: Any) -> str:
    return str(answer.content.decode())


def test_pages_are_for_who_has_signed_in(client: Client) -> None:
    for path in ("/user/keys", "/user/keys/new", "/user/keys/made"):
        assert client.get(path)["Location"] == f"/signin?next={path}"


def test_a_key_is_made_shown_once_and_revoked(browser: Client, demo: User) -> None:
    assert "No keys" in text_of(browser.get("/user/keys"))
    answer = browser.post("/user/keys/new", FORM, follow=True)
    assert answer.redirect_chain == [("/user/keys/made", 302)]
    found = SECRET.search(text_of(answer))
    assert found is not None and "no-store" in answer["Cache-Control"]
    api = APIClient()
    api.credentials(HTTP_AUTHORIZATION=f"Simple {found[0]}")
    assert api.get("/v1/organization/types").status_code == 200

    assert browser.get("/user/keys/made")["Location"] == "/user/keys"
    page = text_of(browser.get("/user/keys"))
    row = ApiKey.objects.get(owner=demo)
    assert found[0] not in page and row.mask in page
    assert "Calls all algorithms from programs" in page

    path = f"/user/keys/{row.pk}/revoke"
    assert "This cannot be undone" in text_of(browser.get(path))
    assert "is revoked" in text_of(browser.post(path, follow=True))
    assert api.get("/v1/organization/types").status_code == 401
    assert browser.post(path).status_code == 404
    acts = AuditEntry.objects.filter(via="web").order_by("number").values_list("action", flat=True)
    assert list(acts) == ["key.create", "key.revoke"]


@pytest.mark.parametrize(
    ("changes", "scopes"),
    [
        ({}, Scopes(("algo://*",), native_calls=True)),
        (
            {"calls": "some", "patterns": "demo/Hello\r\n algo://guest/*\n\ndemo/Hello"},
            Scopes(("algo://demo/Hello", "algo://guest/*"), native_calls=True),
        ),
        (
            {"pages": "on", "programs": "", "host": " WWW.example.com"},
            Scopes(("algo://*",), web_calls=True, referer_host="www.example.com"),
        ),
        ({"host": "www.example.com"}, Scopes(("algo://*",), native_calls=True)),
        ({"calls": "none", "data": "write"}, Scopes(data_read=True, data_write=True)),
        ({"calls": "none", "data": "read"}, Scopes(data_read=True)),
        ({"calls": "none", "management": "on"}, Scopes(management=True)),
    ],
)
def test_what_is_chosen_is_what_the_key_may(
    browser: Client, changes: dict[str, str], scopes: Scopes
) -> None:
    answer = browser.post("/user/keys/new", FORM | changes)
    assert answer.status_code == 302
    row = ApiKey.objects.get()
    assert scopes == Scopes(
        tuple(row.algo_acl),
        row.allow_algo_management,
        row.allow_algo,
        row.allow_web_algo,
        row.referer_host,
        row.allow_data,
        row.allow_data_write,
    )


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"label": ""}, "required"),
        ({"label": "x" * 101}, "at most 100"),
        ({"label": "a\x00b"}, "Null characters"),
        ({"calls": "some"}, "at least one algorithm"),
        ({"calls": "some", "patterns": "<i>/x"}, "&lt;i&gt;/x” is not like"),
        ({"calls": "some", "patterns": "\n".join(["demo/*"] * 101)}, "at most 100"),
        ({"calls": "every"}, "Select a valid choice"),
        ({"programs": ""}, "from where"),
        ({"pages": "on", "host": "http://example.com/"}, "host name alone"),
        ({"calls": "none"}, "could do nothing"),
    ],
)
def test_a_form_that_is_refused_makes_nothing(
    browser: Client, changes: dict[str, str], said: str
) -> None:
    answer = browser.post("/user/keys/new", FORM | changes)
    assert answer.status_code == 422 and said in text_of(answer)
    assert not ApiKey.objects.exists()


def test_in_the_dialog_the_form_stays_there(browser: Client) -> None:
    asked = {"HTTP_HX_REQUEST": "true", "HTTP_HX_TARGET": "modal-body"}
    page = text_of(browser.get("/user/keys/new", **asked))
    assert "<html" not in page and 'hx-post="/user/keys/new"' in page
    answer = browser.post("/user/keys/new", FORM, **asked)
    assert (answer.status_code, answer["HX-Redirect"]) == (204, "/user/keys/made")


def test_anothers_key_does_not_exist(browser: Client, make_user: Callable[[str], User]) -> None:
    other = create_key(owner=make_user("guest"), label="theirs", scopes=EVERYTHING).row
    assert "theirs" not in text_of(browser.get("/user/keys"))
    for answer in (browser.get, browser.post):
        assert answer(f"/user/keys/{other.pk}/revoke").status_code == 404
    other.refresh_from_db()
    assert other.revoked_at is None


def test_labels_are_escaped_and_searched(browser: Client, demo: User) -> None:
    create_key(owner=demo, label="<script>alert(1)</script>", scopes=EVERYTHING)
    create_key(owner=demo, label="backup", scopes=Scopes(data_read=True))
    page = text_of(browser.get("/user/keys"))
    assert "<script>alert" not in page and "&lt;script&gt;alert" in page
    assert "&lt;script" not in text_of(browser.get("/user/keys?q=back"))
    assert "backup" not in text_of(browser.get("/user/keys?may=manage"))
    assert "Nothing found" in text_of(browser.get("/user/keys?may=pages&q=backup"))


def test_a_page_of_keys_takes_as_many_queries_for_many_as_for_one(
    browser: Client, demo: User
) -> None:
    ApiKey.objects.create(owner=demo, label="one", digest="one", mask="sim...")
    browser.get("/user/keys")
    with CaptureQueriesContext(connection) as few:
        browser.get("/user/keys")
    ApiKey.objects.bulk_create(
        ApiKey(owner=demo, label=f"key{n}", digest=str(n), mask="sim...") for n in range(300)
    )
    with CaptureQueriesContext(connection) as many:
        page = text_of(browser.get("/user/keys?page=2"))
    assert page.count("<tr>") == 26 and len(many) == len(few) <= 10
