"""What users manage of their own by /v1: keys and sessions, from a browser or by a key."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from asgiref.sync import async_to_sync
from django.test import Client
from rest_framework.test import APIClient

from algoport.accounts.callers import CallerAuthenticator
from algoport.accounts.models import ApiKey, SignedInSession, User
from algoport.accounts.permissions import ANONYMOUS, EVERYTHING, Scopes
from algoport.accounts.services import change_password, create_key, delete_user
from algoport.accounts.sessions import note_session
from algoport.db.changes import ChangeListener
from algoport.http.asgi import Request
from tests.factories.accounts import administrator_client

pytestmark = pytest.mark.django_db

KEYS = "/v1/users/demo/keys"
SESSIONS = "/v1/users/demo/sessions"
NOTHING: dict[str, Any] = {"key_label": "laptop"}


def code(answer: Any) -> tuple[int, int]:
    return answer.status_code, answer.json()["error"]["code"]


def browser_of(user: User, **options: Any) -> Client:
    client = Client(**options)
    client.force_login(user)
    return client


def with_token(client: Client) -> dict[str, str]:
    client.get("/signout")
    return {"X-CSRFToken": client.cookies["csrftoken"].value}


def test_a_browser_makes_and_revokes_keys(demo: User) -> None:
    browser = browser_of(demo, enforce_csrf_checks=True)
    headers = with_token(browser)
    body = NOTHING | {"permissions": {"algo_acl": ["algo://*"], "allow_algo_management": True}}
    made = browser.post(KEYS, body, content_type="application/json", headers=headers)
    assert made.status_code == 200
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Simple {made.json()['api_key']}")
    assert [each["id"] for each in client.get(KEYS).json()] == [made.json()["id"]]
    gone = browser.delete(f"{KEYS}/{made.json()['id']}", headers=headers)
    assert gone.status_code == 204 and client.get(KEYS).status_code == 401
    assert browser.get(KEYS).json() == []


def test_other_sites_cannot_use_the_cookie(demo: User) -> None:
    browser = browser_of(demo, enforce_csrf_checks=True)
    key = create_key(owner=demo, label="x", scopes=EVERYTHING).row
    assert browser.get(KEYS).status_code == 200
    for answer in (
        browser.post(KEYS, NOTHING, content_type="application/json"),
        browser.post(KEYS, NOTHING, headers={"X-CSRFToken": "x" * 32}),
        browser.delete(f"{KEYS}/{key.pk}"),
        browser.delete(SESSIONS),
    ):
        assert code(answer) == (403, 2001)
    assert ApiKey.objects.get().revoked_at is None


def test_the_cookie_is_no_way_into_the_byte_planes(demo: User) -> None:
    session = browser_of(demo).cookies["ALGO_SESSION"].value
    headers = [(b"cookie", f"ALGO_SESSION={session}".encode())]
    scope = {"type": "http", "method": "GET", "path": "/v1/data/demo", "headers": headers}
    authenticate = CallerAuthenticator(ChangeListener())
    assert async_to_sync(authenticate)(Request(scope, None)) is ANONYMOUS  # type: ignore[arg-type]


def test_a_key_manages_by_its_scope(demo: User, api_of: Callable[..., APIClient]) -> None:
    managing = api_of(demo, Scopes(management=True))
    assert managing.post(KEYS, NOTHING, format="json").status_code == 200
    assert managing.get(SESSIONS).json() == []
    other = api_of(demo, Scopes(("algo://*",), False, True, False, "", True, True))
    for answer in (
        other.get(KEYS),
        other.post(KEYS, NOTHING, format="json"),
        other.delete(f"{KEYS}/{ApiKey.objects.first().pk}"),
        other.get(SESSIONS),
        other.delete(SESSIONS),
    ):
        assert code(answer) == (403, 2001)


@pytest.mark.parametrize(
    "permissions",
    [
        {"algo_acl": ["algo://*"]},
        {"algo_acl": ["algo://other/*"]},
        {"algo_acl": ["algo://demo/One", "algo://other/One"]},
        {"allow_data": True},
        {"allow_web_algo": True},
        {"allow_algo": True},
    ],
)
def test_a_key_makes_none_that_may_more(
    demo: User, api_of: Callable[..., APIClient], permissions: dict[str, Any]
) -> None:
    client = api_of(demo, Scopes(("algo://demo/*",), management=True))
    answer = client.post(KEYS, NOTHING | {"permissions": permissions}, format="json")
    assert code(answer) == (403, 2001)
    less = {"algo_acl": ["algo://Demo/One", "algo://demo/*"], "allow_algo_management": True}
    answer = client.post(KEYS, NOTHING | {"permissions": less}, format="json")
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "changes",
    [{"key_type": "PlatformAdminKey"}, {"api_key": "simAbCdEfGhIjKlMnOpQrSt+/1234"}],
)
def test_what_only_administrators_make(demo: User, changes: dict[str, Any]) -> None:
    answer = browser_of(demo).post(KEYS, NOTHING | changes, content_type="application/json")
    assert code(answer) == (403, 2001)
    assert not ApiKey.objects.exists()


def test_nobody_sees_what_is_anothers(
    demo: User, make_user: Callable[[str], User], api_of: Callable[..., APIClient]
) -> None:
    guest = make_user("guest")
    key = create_key(owner=demo, label="x", scopes=EVERYTHING).row
    browser_of(demo)
    session = SignedInSession.objects.get()
    for client in (api_of(guest), browser_of(guest)):
        for answer in (
            client.get(KEYS),
            client.post(KEYS, NOTHING, content_type="application/json")
            if isinstance(client, Client) and not isinstance(client, APIClient)
            else client.post(KEYS, NOTHING, format="json"),
            client.delete(f"{KEYS}/{key.pk}"),
            client.get(SESSIONS),
            client.delete(SESSIONS),
            client.delete(f"{SESSIONS}/{session.pk}"),
        ):
            assert code(answer) == (404, 3000)
        assert client.delete(f"/v1/users/guest/keys/{key.pk}").status_code == 404
        assert client.delete(f"/v1/users/guest/sessions/{session.pk}").status_code == 404
    assert SignedInSession.objects.filter(user=demo).exists()
    assert APIClient().get(KEYS).status_code == 401


@pytest.mark.parametrize("name", ["", "x", "\x00", "7" * 500])
def test_ids_that_are_none(demo: User, name: str) -> None:
    browser = browser_of(demo)
    for path in (KEYS, SESSIONS):
        assert browser.delete(f"{path}/{name}").status_code == 404
        assert browser.delete(f"{path}/{uuid4()}").status_code == 404
    assert SignedInSession.objects.exists()


def test_sessions_are_listed_and_ended(demo: User) -> None:
    here = browser_of(demo, headers={"user-agent": "Browser A"})
    other = Client(headers={"user-agent": "B"}, REMOTE_ADDR="192.0.2.7")
    other.force_login(demo)
    # The test client signs in without a request that comes from somewhere.
    SignedInSession.objects.all().delete()
    other.get("/user/password")
    listed = {each["current"]: each for each in here.get(SESSIONS).json()}
    assert listed[False]["address"] == "192.0.2.7" and listed[False]["agent"] == "B"
    assert here.delete(f"{SESSIONS}/{listed[False]['id']}").status_code == 204
    assert other.get(SESSIONS).status_code == 401
    assert here.delete(SESSIONS).status_code == 204
    assert here.get(SESSIONS).status_code == 401
    assert not SignedInSession.objects.exists()


def test_an_administrator_ends_the_sessions_of_others(
    demo: User, make_user: Callable[[str], User]
) -> None:
    browser = browser_of(demo)
    administrator = administrator_client(make_user("admin"))
    (listed,) = administrator.get(SESSIONS).json()
    assert administrator.delete(f"{SESSIONS}/{listed['id']}").status_code == 204
    assert browser.get(SESSIONS).status_code == 401


def test_sessions_end_with_the_password_and_the_account(demo: User) -> None:
    browser = browser_of(demo)
    change_password(user=demo, password="another phrase")
    assert browser.get(SESSIONS).status_code == 401 and not SignedInSession.objects.exists()
    browser = browser_of(demo)
    delete_user(user=demo)
    assert browser.get(SESSIONS).status_code == 401 and not SignedInSession.objects.exists()


def test_who_changes_the_password_stays_signed_in_there(demo: User) -> None:
    here, other = browser_of(demo), browser_of(demo)
    form = {"oldpassword": "a pass phrase", "password1": "another one", "password2": "another one"}
    assert here.post("/user/password", form).status_code == 302
    assert other.get(SESSIONS).status_code == 401
    (listed,) = here.get(SESSIONS).json()
    assert listed["current"]


def test_the_use_of_a_session_is_written_now_and_then(demo: User) -> None:
    browser = browser_of(demo)
    browser.get("/user/password")
    row = SignedInSession.objects.get()
    old = row.last_seen_at - timedelta(hours=1)
    SignedInSession.objects.update(last_seen_at=old)
    browser.get("/user/password")
    # This process has noted it less than five minutes ago; another one would do it now.
    assert SignedInSession.objects.get().last_seen_at == old
    note_session(session_key=row.session_id, user=demo, address="192.0.2.9", agent="x" * 999)
    row.refresh_from_db()
    assert row.last_seen_at > old and row.address == "192.0.2.9" and len(row.agent) == 200


def test_the_page_of_sessions(demo: User) -> None:
    here = browser_of(demo, headers={"user-agent": "<b>Browser</b>"})
    here.get("/user/sessions")
    text = here.get("/user/sessions").content.decode()
    assert "this one" in text and "<b>Browser" not in text
    other = browser_of(demo)
    chosen = SignedInSession.objects.get(session_id=other.session.session_key)
    for wrong in ("", "x", str(uuid4())):
        here.post("/user/sessions", {"session": wrong})
    assert other.get(SESSIONS).status_code == 200
    here.post("/user/sessions", {"session": str(chosen.pk)})
    assert other.get(SESSIONS).status_code == 401
    here.post("/user/sessions", {"everywhere": "1"})
    assert here.get(SESSIONS).status_code == 401
    assert here.get("/user/sessions")["Location"].startswith("/signin?next=")
