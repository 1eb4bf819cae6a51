"""Accounts at other hosts: connected by OAuth, shown, renewed and revoked."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from algoport.accounts.models import User
from algoport.audit.models import AuditEntry
from algoport.encryption import encrypt
from algorithms.constants import SourceState
from algorithms.models import Algorithm, RemoteRepository
from algorithms.remotes.fetching import perform_fetch
from scm.models import PendingAuthorization, ScmAuthorization, ScmConfiguration
from tests.doubles.repository_host import RepositoryHost
from tests.factories.remotes import agree, connect, create, deliver

pytestmark = pytest.mark.django_db

BASE = "/v1/scms/github/oauth"


def code(answer: Any) -> tuple[int, int]:
    return answer.status_code, answer.json()["error"]["code"]


def test_an_account_is_connected_and_revoked(api: APIClient, host: RepositoryHost) -> None:
    connect(api)
    told = {
        "authorization_status": "authorized",
        "scm_username": "octo",
        "scm_organizations": [{"scm_org_username": "makers", "access_level": "MEMBER"}],
    }
    assert api.get(f"{BASE}/status").json() == told
    assert api.get("/v1/scms/github/token/status").json() == told
    assert not PendingAuthorization.objects.exists()
    row = ScmAuthorization.objects.get()
    assert "canary" not in row.access_token
    assert api.post(f"{BASE}/revoke").status_code == 204
    assert api.get(f"{BASE}/status").json() == {"authorization_status": "unauthorized"}
    assert code(api.post(f"{BASE}/revoke")) == (404, 4008)
    acts = AuditEntry.objects.filter(action__in=("scm.authorize", "scm.revoke")).order_by("pk")
    assert [(act.action, act.actor_name) for act in acts] == [
        ("scm.authorize", "demo"),
        ("scm.revoke", "demo"),
    ]
    assert "canary" not in "".join(str(vars(each)) for each in AuditEntry.objects.all())


def test_connecting_again_takes_the_place_of_the_old_one(
    api: APIClient, host: RepositoryHost
) -> None:
    connect(api)
    host.login = "other"
    connect(api)
    assert ScmAuthorization.objects.get().login == "other"


def test_a_flow_ends_once_and_for_who_began_it(
    api: APIClient,
    host: RepositoryHost,
    api_of: Callable[..., APIClient],
    make_user: Callable[[str], User],
) -> None:
    back = agree(api)
    guest = api_of(make_user("guest"))
    agree(guest)
    assert code(guest.get(f"{BASE}/finish", back)) == (400, 4052)
    assert code(api.get(f"{BASE}/finish", back | {"state": "x"})) == (400, 4052)
    assert code(api.get(f"{BASE}/finish", {"code": back["code"]})) == (400, 4052)
    assert code(api.get(f"{BASE}/finish", back | {"code": "x" * 2001})) == (400, 4052)
    assert code(api.get(f"{BASE}/finish", {"error": "forged <b>text"})) == (400, 4051)
    assert api.get(f"{BASE}/finish", back).status_code == 200
    assert code(api.get(f"{BASE}/finish", back)) == (400, 4052)
    assert ScmAuthorization.objects.get().user.username == "demo"


def test_who_has_not_agreed_is_told_so(api: APIClient, host: RepositoryHost) -> None:
    said = {"error": "access_denied", "error_description": "forged", "state": agree(api)["state"]}
    declined = api.get(f"{BASE}/finish", said)
    assert code(declined) == (400, 4051)
    assert "you have not agreed" in declined.json()["message"]
    assert "forged" not in declined.content.decode()
    assert "The parameter code is missing." in api.get(f"{BASE}/finish").json()["message"]


def test_what_no_key_decrypts(
    demo: User, api: APIClient, host: RepositoryHost, hosted: Algorithm
) -> None:
    browser = Client()
    browser.force_login(demo)
    back = agree(api)
    PendingAuthorization.objects.update(verifier="garbage")
    assert code(api.get(f"{BASE}/finish", back)) == (400, 4052)
    event = host.event("octo/Hello")
    RemoteRepository.objects.update(webhook_secret="garbage")
    assert code(deliver(event)) == (400, 4070)
    status = api.get("/v1/algorithms/demo/Hello/scm/status").json()
    assert status.keys() == {"scm_connection_status", "repository_webhook_url"}
    page = browser.get("/algorithms/demo/Hello/source").content.decode()
    assert "cannot read its secret" in page and "hook-secret" not in page
    ScmAuthorization.objects.update(access_token="garbage")
    refused = create(api, "Other")
    assert code(refused) == (400, 4081) and "Authorize it again" in refused.json()["message"]
    RemoteRepository.objects.update(due_at=timezone.now())
    perform_fetch(hosted.id)
    remote = RemoteRepository.objects.get()
    assert (remote.state, remote.due_at) == (SourceState.REFUSED, None)
    ScmConfiguration.objects.filter(pk="github").update(client_secret="garbage")
    unreadable = api.get(f"{BASE}/finish", agree(api))
    assert code(unreadable) == (503, 4084)
    assert "ALGOPORT_ENCRYPTION_KEYS" in unreadable.json()["message"]


def test_a_flow_that_was_begun_long_ago(api: APIClient, host: RepositoryHost) -> None:
    back = agree(api)
    PendingAuthorization.objects.update(begun_at="2020-01-01T00:00:00Z")
    assert code(api.get(f"{BASE}/finish", back)) == (400, 4052)


def test_what_a_host_may_do_wrong(api: APIClient, host: RepositoryHost) -> None:
    for path, status, expected in (
        ("POST /login/oauth/access_token", 400, (503, 4084)),
        ("POST /login/oauth/access_token", 500, (503, 4084)),
        ("POST /login/oauth/access_token", 302, (503, 4084)),
        ("GET /api/user", 200, (503, 4084)),
        ("GET /api/user", 403, (503, 4084)),
        ("GET /api/user", 429, (503, 4084)),
    ):
        back = agree(api)
        host.failing = {path: status}
        assert code(api.get(f"{BASE}/finish", back)) == expected, path
        host.failing = {}
    guessed = agree(api) | {"code": "guessed"}
    assert code(api.get(f"{BASE}/finish", guessed)) == (400, 4052)
    assert not ScmAuthorization.objects.exists()


def test_a_host_that_does_not_know_the_platform(api: APIClient, host: RepositoryHost) -> None:
    ScmConfiguration.objects.filter(pk="github").update(client_secret=encrypt("another"))
    answer = api.get(f"{BASE}/finish", agree(api))
    assert code(answer) == (503, 4084)
    assert "It refuses the platform: incorrect_client_credentials." in answer.json()["message"]


def test_a_host_that_is_not_public_has_to_be_allowed(
    api: APIClient, host: RepositoryHost, settings: Any
) -> None:
    back = agree(api)
    settings.SCM_HOSTS = frozenset()
    answer = api.get(f"{BASE}/finish", back)
    assert code(answer) == (503, 4084) and "ALGOPORT_SCM_HOSTS" in answer.content.decode()


def test_a_browser_comes_back_to_its_page(demo: User, api: APIClient, host: RepositoryHost) -> None:
    browser = Client()
    browser.force_login(demo)
    page = browser.get("/user/source-hosts").content.decode()
    assert f'href="{BASE}/start"' in page and "not connected" in page
    html = {"Accept": "text/html,*/*"}
    back = browser.get(f"{BASE}/finish", agree(browser), headers=html)  # type: ignore[arg-type]
    assert (back.status_code, back.headers["Location"]) == (303, "/user/source-hosts")
    page = browser.get("/user/source-hosts").content.decode()
    assert "Connected with octo at GitHub." in page and "Revoke" in page
    refused = browser.get(f"{BASE}/finish", {"error": "access_denied"}, headers=html)
    assert refused.status_code == 303
    page = browser.get("/user/source-hosts").content.decode()
    assert "The host says that you have not agreed there." in page
    assert code(browser.get(f"{BASE}/revoke")) == (403, 2001)
    assert browser.post("/user/source-hosts/github/revoke").status_code == 302
    assert "not connected" in browser.get("/user/source-hosts").content.decode()
    assert browser.post("/user/source-hosts/nowhere/revoke").status_code == 404


def test_a_host_that_is_closed_can_be_left(
    api: APIClient, demo: User, host: RepositoryHost, administrator: APIClient
) -> None:
    connect(api)
    administrator.patch("/v1/admin/scms/github", {"enabled": False}, "json")
    browser = Client()
    browser.force_login(demo)
    page = browser.get("/user/source-hosts").content.decode()
    assert "No new repositories are made on this host." in page
    assert api.post(f"{BASE}/revoke").status_code == 204
    assert code(api.post(f"{BASE}/revoke")) == (404, 4009)
    assert "GitHub" not in browser.get("/user/source-hosts").content.decode()


def test_clients_revoke_by_get(api: APIClient, host: RepositoryHost) -> None:
    connect(api)
    assert api.get(f"{BASE}/revoke").status_code == 204
    assert not ScmAuthorization.objects.exists()
