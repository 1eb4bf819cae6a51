"""Second factors, and the one way into the admin."""

from collections.abc import Callable
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import (
    format_hotp_value,
    hotp_value,
    yield_hotp_counters_from_time,
)
from django.test import Client

from algoport.accounts.models import SignedInSession, User
from algoport.accounts.second_factors import encrypt_second_factors_again, remove_second_factors
from algoport.encryption import decrypt

pytestmark = pytest.mark.django_db

FORM = {"login": "demo", "password": "a pass phrase"}
HOME = "/user/two-factor/"


@pytest.fixture(autouse=True)
def own_limits(settings: Any) -> None:
    settings.CACHES = {
        "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "mfa"}
    }


def code_of(secret: str) -> str:
    counter = next(iter(yield_hotp_counters_from_time()))
    return str(format_hotp_value(hotp_value(secret, counter)))


@pytest.fixture
def secret(demo: User) -> str:
    """Of an authenticator that demo has set up."""
    browser = Client()
    assert browser.post("/signin", FORM).status_code == 302
    again = browser.post("/signin/again", {"password": FORM["password"]})
    assert again.status_code == 302
    page = browser.get(f"{HOME}totp/activate/")
    assert page.status_code == 200 and 'src="data:image/svg+xml' in page.content.decode()
    made: str = page.context["form"].secret
    answer = browser.post(f"{HOME}totp/activate/", {"code": code_of(made)})
    assert answer.status_code == 302
    return made


def test_a_password_is_half_of_it(demo: User, secret: str) -> None:
    browser = Client()
    answer = browser.post("/signin", FORM)
    assert answer["Location"].startswith(f"{HOME}authenticate/")
    assert browser.get("/user/sessions").status_code == 302
    assert browser.get("/v1/users/demo/keys").status_code == 401
    wrong = browser.post(answer["Location"], {"code": "000000"})
    assert wrong.status_code == 200 and browser.get("/user/sessions").status_code == 302
    # The code that was used for the set-up is not taken again.
    again = browser.post(answer["Location"], {"code": code_of(secret)})
    assert again.status_code in (200, 302)


def test_recovery_codes_work_once(demo: User, secret: str) -> None:
    row = Authenticator.objects.get(user=demo, type=Authenticator.Type.RECOVERY_CODES)
    code = row.wrap().get_unused_codes()[0]
    for status in (302, 200):
        browser = Client()
        where = browser.post("/signin", FORM)["Location"]
        assert browser.post(where, {"code": code}).status_code == status
        assert browser.get("/user/sessions").status_code == (200 if status == 302 else 302)


def test_secrets_are_stored_encrypted(demo: User, secret: str) -> None:
    row = Authenticator.objects.get(user=demo, type=Authenticator.Type.TOTP)
    assert secret not in str(row.data) and decrypt(row.data["secret"]) == secret
    before = row.data["secret"]
    assert encrypt_second_factors_again().done == 2
    row.refresh_from_db()
    assert row.data["secret"] != before and decrypt(row.data["secret"]) == secret


def test_an_administrator_removes_what_was_lost(demo: User, secret: str) -> None:
    remove_second_factors(user=demo)
    assert not Authenticator.objects.exists() and not SignedInSession.objects.exists()
    assert Client().post("/signin", FORM)["Location"] != f"{HOME}authenticate/"


@pytest.mark.parametrize("path", ["totp/activate/", "webauthn/add/", "recovery-codes/generate/"])
def test_pages_of_second_factors(demo: User, secret: str, path: str) -> None:
    browser = Client()
    browser.force_login(demo)
    answer = browser.get(f"{HOME}{path}", follow=True)
    assert answer.status_code == 200
    # A session that is not fresh proves itself first.
    assert "/again" in answer.redirect_chain[-1][0] or "reauth" in answer.redirect_chain[-1][0]


def test_passkeys_are_offered(client: Client) -> None:
    page = client.get("/signin").content.decode()
    assert "passkey" in page and "/static/mfa/js/webauthn.js" in page
    options = client.get(f"{HOME}webauthn/login/", headers={"accept": "application/json"})
    assert options.json()["request_options"]["publicKey"]["challenge"]


def test_the_admin_is_entered_by_the_same_door(
    client: Client, make_user: Callable[[str], User]
) -> None:
    for page in ("/admin/", "/admin/login/"):
        assert client.get(page, follow=True).redirect_chain[-1][0].startswith("/signin?next=")
    make_user("demo")
    client.post("/signin", FORM)
    assert client.get("/admin/", follow=True).status_code == 403
    User.objects.update(is_staff=True, is_superuser=True)
    answer = client.get("/admin/")
    assert answer.status_code == 200
    assert client.get("/admin/password_change/")["Location"] == "/user/password"
    assert "script-src 'self'" in answer["Content-Security-Policy"]
