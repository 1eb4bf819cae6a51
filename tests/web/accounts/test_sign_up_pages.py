"""Signing up, in and out, by the pages."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core import mail
from django.core.cache import caches
from django.core.cache.backends.locmem import LocMemCache
from django.test import Client
from rest_framework.test import APIClient

from algoport.accounts.constants import SignUpMode
from algoport.accounts.invite_codes import create_code
from algoport.accounts.models import ApiKey, InviteCode, User
from algoport.accounts.selectors import get_user
from algoport.accounts.services import delete_user
from algoport.accounts.sign_up import set_sign_up_mode

pytestmark = pytest.mark.django_db

PASSWORD = "a long pass phrase"
FORM = {
    "username": "Guest",
    "email": "guest@example.com",
    "fullname": "A guest",
    "password1": PASSWORD,
    "password2": PASSWORD,
}


@pytest.fixture(autouse=True)
def own_limits(settings: Any) -> Iterator[None]:
    """Limits that only this test has used up."""
    settings.CACHES = {
        "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "test"}
    }
    yield
    caches["default"].clear()


@pytest.fixture
def opened(db: None) -> None:
    set_sign_up_mode(SignUpMode.OPEN)


def link_in(message: Any) -> str:
    found = re.search(r"http://127.0.0.1:8080(/\S+)", message.body)
    assert found is not None, message.body
    return found[1]


def sign_in(client: Client, login: str = "guest", password: str = PASSWORD) -> Any:
    return client.post("/signin", {"login": login, "password": password})


def is_signed_in(client: Client) -> bool:
    return client.get("/user/password").status_code == 200


def test_from_sign_up_to_a_call_of_the_api(opened: None, client: Client) -> None:
    page = client.get("/signup")
    assert page.status_code == 200 and "invite" not in page.content.decode().lower()
    answer = client.post("/signup", FORM)
    assert (answer.status_code, answer["Location"]) == (302, "/signup/verify")
    user = get_user("guest")
    assert (user.username, user.fullname, user.is_staff) == ("Guest", "A guest", False)
    assert not is_signed_in(client) and not ApiKey.objects.exists()

    link = link_in(mail.outbox[0])
    assert client.get(link).status_code == 200
    answer = client.post(link, follow=True)
    assert answer.redirect_chain[-1][0] == "/welcome"
    found = re.search(r"sim[A-Za-z0-9+/]{25}", answer.content.decode())
    assert found is not None
    api = APIClient()
    api.credentials(HTTP_AUTHORIZATION=f"Simple {found[0]}")
    assert api.get("/v1/organization/types").status_code == 200
    assert client.get("/welcome")["Location"] == "/"


def test_nobody_signs_in_before_the_address_is_verified(opened: None, client: Client) -> None:
    client.post("/signup", FORM)
    other = Client()
    assert sign_in(other)["Location"] == "/signup/verify"
    assert not is_signed_in(other)
    # Who opens the link elsewhere has shown no password.
    stranger = Client()
    stranger.post(link_in(mail.outbox[0]))
    assert not is_signed_in(stranger)
    other = Client()
    assert sign_in(other)["Location"] == "/welcome"


def test_signing_in_and_out(make_user: Callable[[str], User], client: Client) -> None:
    make_user("demo")
    assert "correct" in sign_in(client, "demo", "wrong").content.decode()
    assert sign_in(client, "DEMO", "a pass phrase").status_code == 302
    assert is_signed_in(client)
    assert client.get("/signout").status_code == 200 and is_signed_in(client)
    client.post("/signout")
    assert not is_signed_in(client)
    assert sign_in(client, "demo@example.com", "a pass phrase").status_code == 302
    assert is_signed_in(client)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"username": "no spaces"}, "starts with a letter"),
        ({"username": "1st"}, "starts with a letter"),
        ({"username": "DEMO"}, "There is, or was, an account"),
        ({"username": "Gone"}, "There is, or was, an account"),
        ({"email": "nobody"}, "valid email"),
        ({"email": "x" * 95 + "@example.com"}, "at most"),
        ({"password1": "password", "password2": "password"}, "too common"),
        ({"password2": "another"}, "same password"),
        ({"fullname": "x" * 101}, "at most 100"),
        ({"username": "a\x00b"}, "Null characters"),
    ],
)
def test_what_the_form_does_not_take(
    opened: None,
    client: Client,
    make_user: Callable[[str], User],
    changes: dict[str, str],
    said: str,
) -> None:
    make_user("demo")
    delete_user(user=make_user("gone"))
    answer = client.post("/signup", FORM | changes)
    assert answer.status_code == 200 and said in answer.content.decode()
    assert 'role="alert"' in answer.content.decode()
    assert not User.objects.filter(username="Guest").exists() and not mail.outbox


def test_a_taken_address_is_told_to_its_mailbox_only(
    opened: None, client: Client, make_user: Callable[[str], User]
) -> None:
    make_user("demo")
    delete_user(user=make_user("gone"))
    for name in ("demo", "gone"):
        answer = client.post("/signup", FORM | {"email": f"{name.upper()}@example.com"})
        assert (answer.status_code, answer["Location"]) == (302, "/signup/verify")
    assert "already" in mail.outbox[0].body
    assert not User.objects.filter(username="Guest").exists()
    assert client.post("/signup", FORM)["Location"] == "/signup/verify"


def test_an_organizations_address_may_be_a_users_too(
    opened: None, client: Client, make_user: Callable[[str], User]
) -> None:
    from tests.factories.organizations import make_organization

    organization = make_organization("Makers", make_user("demo"))
    organization.account.email = FORM["email"]
    organization.account.save()
    client.post("/signup", FORM)
    assert User.objects.filter(username="Guest").exists()
    client.post("/signin/reset", {"email": FORM["email"]})
    assert "Makers" not in "".join(message.body for message in mail.outbox)


def test_by_invite_code(client: Client, make_user: Callable[[str], User]) -> None:
    admin = make_user("admin")
    create_code(code="come-in", creator=admin, max_uses=1)
    assert 'value="come-in"' in client.get("/signup?code=come-in").content.decode()
    for wrong in ("", "Come-In", "x" * 101, "\x00"):
        answer = client.post("/signup", FORM | {"invite_code": wrong})
        assert answer.status_code == 200 and not User.objects.filter(username="Guest").exists()
    client.post("/signup", FORM | {"invite_code": "come-in"})
    assert User.objects.filter(username="Guest").exists()
    assert InviteCode.objects.get().uses == 1
    other = FORM | {"username": "other", "email": "other@example.com", "invite_code": "come-in"}
    answer = Client().post("/signup", other)
    assert "not valid" in answer.content.decode()
    assert not User.objects.filter(username="other").exists()


def test_closed(client: Client) -> None:
    set_sign_up_mode(SignUpMode.CLOSED)
    assert "closed" in client.get("/signup").content.decode()
    assert "closed" in client.post("/signup", FORM).content.decode()
    assert not User.objects.exists()


def test_a_forgotten_password(client: Client, make_user: Callable[[str], User]) -> None:
    make_user("demo")
    known = client.post("/signin/reset", {"email": "demo@example.com"})
    unknown = client.post("/signin/reset", {"email": "nobody@example.com"})
    assert (known.status_code, known["Location"]) == (unknown.status_code, unknown["Location"])
    assert [message.to for message in mail.outbox] == [["demo@example.com"], ["nobody@example.com"]]
    form = client.get(link_in(mail.outbox[0]), follow=True)
    where = form.redirect_chain[-1][0]
    client.post(where, {"password1": "another phrase", "password2": "another phrase"})
    assert "correct" in sign_in(client, "demo", "a pass phrase").content.decode()
    assert sign_in(client, "demo", "another phrase").status_code == 302
    used = Client().get(link_in(mail.outbox[0]), follow=True).content.decode()
    assert "password1" not in used


def test_links_lead_home_whatever_the_host_header_says(
    client: Client, make_user: Callable[[str], User]
) -> None:
    make_user("demo")
    client.post("/signin/reset", {"email": "demo@example.com"}, headers={"host": "evil.example"})
    assert "evil" not in mail.outbox[0].body + mail.outbox[0].subject


def test_a_mail_server_that_does_not_answer(opened: None, client: Client, settings: Any) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_TIMEOUT = "127.0.0.1", 1, 1
    answer = client.post("/signup", FORM)
    assert answer.status_code == 503 and "could not be sent" in answer.content.decode()
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    # The limit of one mail in three minutes holds for those that went out.
    caches["default"].clear()
    assert sign_in(Client())["Location"] == "/signup/verify"
    assert len(mail.outbox) == 1


@pytest.mark.parametrize("account", ["demo", "nobody"])
def test_guessing_a_password_ends(
    client: Client, make_user: Callable[[str], User], account: str
) -> None:
    make_user("demo")
    for attempt in range(5):
        headers = {"host": f"h{attempt}.example"}
        answer = client.post("/signin", {"login": account, "password": "x"}, headers=headers)
        assert "correct" in answer.content.decode()
    assert "Too many" in sign_in(client, account, "a pass phrase").content.decode()
    assert not is_signed_in(client)


def test_sign_ups_of_an_address_are_limited(opened: None, client: Client) -> None:
    answers = [client.post("/signup", {}) for _ in range(21)]
    assert [answer.status_code for answer in answers] == [200] * 20 + [429]
    assert answers[-1]["Retry-After"] == "60" and "Too many" in answers[-1].content.decode()


def test_deleted_accounts_and_organizations_do_not_sign_in(
    client: Client, make_user: Callable[[str], User]
) -> None:
    from tests.factories.organizations import make_organization

    demo = make_user("demo")
    organization = make_organization("Makers", demo)
    organization.account.set_password(PASSWORD)
    organization.account.save()
    sign_in(client, "Makers")
    assert not is_signed_in(client)
    make_user("gone")
    sign_in(client, "gone", "a pass phrase")
    assert is_signed_in(client)
    delete_user(user=get_user("gone"))
    assert not is_signed_in(client)
    sign_in(client, "gone", "a pass phrase")
    assert not is_signed_in(client)


@pytest.mark.parametrize("path", ["/signin", "/signup", "/signin/reset", "/user/two-factor/"])
def test_pages_run_no_script_of_their_own(
    client: Client, make_user: Callable[[str], User], path: str
) -> None:
    if path.startswith("/user"):
        client.force_login(make_user("demo"))
    page = client.get(path, follow=True)
    text = page.content.decode()
    assert page.status_code == 200 and "script-src 'self'" in page["Content-Security-Policy"]
    for attributes in re.findall(r"<script([^>]*)>", text):
        assert "src=" in attributes or "application/json" in attributes
    assert not re.search(r"\son\w+=|style=", text)
    labelled = set(re.findall(r'<label[^>]* for="([^"]+)"', text))
    fields = re.findall(r'<input type="(?:text|password|email)"[^>]* id="([^"]+)"', text)
    assert set(fields) <= labelled


def test_the_cache_of_the_limits_does_without_valkey() -> None:
    from algoport.caching import SharedCache

    cache = SharedCache("unix:///nowhere.sock", {"KEY_PREFIX": "test"})
    assert cache.add("one", 1) and not cache.add("one", 2) and cache.get("one") == 1
    assert isinstance(cache._own, LocMemCache)
