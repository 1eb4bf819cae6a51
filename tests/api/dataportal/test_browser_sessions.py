"""The data plane by the session of a browser: as the site's own pages use it, and nobody else."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.middleware.csrf import _get_new_csrf_string
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from algoport.accounts.administration import deactivate_account, remove_administrator
from algoport.accounts.models import User
from algoport.accounts.services import create_user
from algoport.audit.models import AuditEntry
from dataportal.models import Collection, HostedFile
from tests.asgi_client import Answer
from tests.factories.dataportal import Caller, make_file

RequestAs = Callable[..., Answer]
Browse = Callable[..., Answer]

HOST = "algoport.example.com"
FILE = "/v1/data/.my/c/notes.txt"


@pytest.fixture
def browser(demo: Caller) -> Client:
    client = Client()
    client.force_login(demo.user)
    return client


@pytest.fixture
def folder(demo: Caller) -> Collection:
    return Collection.objects.create(owner=demo.user, name="c")


@pytest.fixture
def browse(browser: Client, request_as: RequestAs) -> Browse:
    """A request as the browser sends it; `token` as its page would have it, unless another."""
    secret = _get_new_csrf_string()

    def send(method: str, target: str, token: str | None = secret, **headers: str) -> Answer:
        session = browser.cookies["ALGO_SESSION"].value
        sent = {"Host": HOST, "Cookie": f"csrftoken={secret}; ALGO_SESSION={session}", **headers}
        if token is not None:
            sent["X-CSRFToken"] = token
        return request_as(None, method, target, headers=sent, body=b"typed")

    return send


def test_files_are_put_read_and_deleted(browse: Browse, folder: Collection) -> None:
    put = browse("PUT", FILE, Origin=f"http://{HOST}")
    assert (put.status, put.json()) == (200, {"result": "data://demo/c/notes.txt"})
    got = browse("GET", FILE, token=None)
    assert (got.status, got.body) == (200, b"typed")
    assert browse("GET", "/v1/connector/data/demo/c", token=None).json()["files"]
    assert browse("DELETE", FILE).json() == {"result": {"deleted": 1}}


@pytest.mark.parametrize("method", ["PUT", "POST", "PATCH", "DELETE"])
def test_no_change_without_the_token(browse: Browse, folder: Collection, method: str) -> None:
    make_file(folder, "notes.txt")
    wrong = _get_new_csrf_string()
    for token in (None, "", "short", wrong):
        refused = browse(method, FILE, token=token)
        assert refused.status == 403 and "CSRF token" in refused.json()["message"]
    overriding = {"X-HTTP-Method-Override": "PATCH"}
    assert browse("POST", "/v1/data/.my/c", token=None, **overriding).status == 403
    assert HostedFile.objects.get(collection=folder).size == 4


@pytest.mark.parametrize("origin", ["https://elsewhere.example.com", "null"])
def test_no_change_by_another_sites_page(browse: Browse, folder: Collection, origin: str) -> None:
    assert browse("PUT", FILE, Origin=origin).status == 403
    assert not HostedFile.objects.filter(collection=folder).exists()


def test_a_key_counts_before_the_session(browse: Browse, folder: Collection, guest: Caller) -> None:
    assert browse("GET", FILE, token=None, **guest.headers).status == 404
    assert browse("PUT", FILE, token=None, **guest.headers).status == 404
    assert browse("GET", FILE, Authorization="Simple simnothing").status == 401


def test_sessions_that_are_none(
    browse: Browse, browser: Client, folder: Collection, request_as: RequestAs, demo: Caller
) -> None:
    assert request_as(None, "GET", FILE, headers={"Cookie": "ALGO_SESSION=made-up"}).status == 401
    session = browser.session
    session.set_expiry(timezone.now() - timedelta(hours=1))
    session.save()
    assert browse("GET", FILE).status == 401
    browser.force_login(demo.user)
    assert browse("GET", "/v1/data/.my/c").status == 200
    deactivate_account(account=User.objects.get(pk=demo.user.pk))
    assert browse("GET", "/v1/data/.my/c").status == 401
    assert browse("PUT", FILE).status == 401


def test_an_administrator_who_is_the_user(
    browse: Browse, browser: Client, folder: Collection, demo: Caller
) -> None:
    root, _ = (
        create_user(username=name, email=f"{name}@example.com", password="first", staff=True)
        for name in ("root", "second")
    )
    browser.force_login(root)
    begun = browser.post(
        reverse("admin:accounts_user_act", args=[demo.user.pk, "impersonate"]),
    )
    assert begun.status_code == 302
    assert browse("PUT", FILE).status == 200
    assert browse("DELETE", "/v1/data/.my/c?force=true").status == 200
    entry = AuditEntry.objects.get(action="collection.delete")
    assert (entry.actor_name, entry.impersonator_name) == ("demo", "root")
    remove_administrator(account=root)
    assert browse("GET", "/v1/data/.my").status == 401


def test_no_file_acts_as_a_page(
    browse: Browse, folder: Collection, request_as: RequestAs, demo: Caller
) -> None:
    for name in ("page.html", "drawing.svg", "feed.xml", "paper.pdf", "thing", "s.js"):
        make_file(folder, name)
        got = browse("GET", f"/v1/data/.my/c/{name}", token=None)
        assert got.headers["Content-Disposition"] == "attachment", name
        assert got.headers["X-Content-Type-Options"] == "nosniff"
        assert got.headers["Content-Security-Policy"].startswith("sandbox")
    for name in ("notes.txt", "photo.png", "rows.csv"):
        make_file(folder, name)
        got = browse("GET", f"/v1/data/.my/c/{name}", token=None)
        assert "Content-Disposition" not in got.headers
        assert got.headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert got.headers["Cache-Control"] == "private, no-cache"
    by_key = request_as(demo, "GET", "/v1/data/.my/c/page.html")
    assert "Content-Disposition" not in by_key.headers


def test_a_session_of_a_former_secret_key_stays_the_browsers(
    browse: Browse, browser: Client, folder: Collection, settings: Any
) -> None:
    """A page gives it another key, which the answers of this plane cannot."""
    settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], "another" * 10
    for _ in range(2):
        assert browse("PUT", FILE, Origin=f"http://{HOST}").status == 200
    before = browser.cookies["ALGO_SESSION"].value
    assert browser.get("/user/profile").status_code == 200
    assert browser.cookies["ALGO_SESSION"].value != before
    assert browse("GET", FILE, token=None).status == 200
    settings.SECRET_KEY = "a third" * 10
    settings.SECRET_KEY_FALLBACKS = []
    assert browse("GET", FILE, token=None).status == 401
