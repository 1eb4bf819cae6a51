"""Signing in by way of another site, against one that is played here."""

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from allauth.socialaccount.models import SocialAccount
from django.core import mail
from django.test import Client

from algoport.accounts.constants import SignUpMode
from algoport.accounts.invite_codes import create_code
from algoport.accounts.models import SignInProvider, User
from algoport.accounts.providers import encrypt_secrets_again, save_provider
from algoport.accounts.sign_up import set_sign_up_mode
from tests.doubles.identity_provider import (
    CLIENT_ID,
    CLIENT_SECRET,
    IdentityProvider,
    identity_provider,
)

pytestmark = pytest.mark.django_db

LOGIN = "/signin/with/oidc/company/login/"


@pytest.fixture
def provider(settings: Any) -> Iterator[IdentityProvider]:
    settings.CACHES = {
        "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "idp"}
    }
    with identity_provider() as running:
        settings.IDENTITY_HOSTS = frozenset({("127.0.0.1", running.port)})
        yield running


@pytest.fixture
def row(provider: IdentityProvider) -> SignInProvider:
    made = SignInProvider(
        name="Company", slug="company", server_url=provider.url, client_id=CLIENT_ID
    )
    save_provider(provider=made, secret=CLIENT_SECRET)
    return made


def sign_in(browser: Client, login: str = LOGIN) -> Any:
    """Go to the provider and come back, as a browser does."""
    there = browser.post(login)
    assert there.status_code == 302, there.content
    back = requests.get(there["Location"], allow_redirects=False, timeout=10).headers["Location"]
    parts = urlsplit(back)
    return browser.get(f"{parts.path}?{parts.query}")


def is_signed_in(browser: Client) -> bool:
    return browser.get("/user/sessions").status_code == 200


def test_a_new_user_signs_in(row: SignInProvider, client: Client) -> None:
    set_sign_up_mode(SignUpMode.OPEN)
    assert f'href="{LOGIN}' in client.get("/signin").content.decode()
    answer = sign_in(client)
    assert (answer.status_code, answer["Location"]) == (302, "/welcome")
    user = User.objects.get()
    assert (user.username, user.email, user.fullname) == ("guest", "guest@example.com", "A guest")
    assert not user.has_usable_password() and is_signed_in(client)
    other = Client()
    sign_in(other)
    assert is_signed_in(other) and User.objects.count() == 1


def test_the_form_may_lead_to_the_provider(row: SignInProvider, client: Client) -> None:
    page = client.get(LOGIN)
    assert (
        page.status_code == 200
        and "form-action 'self' https: http:" in page["Content-Security-Policy"]
    )


def test_a_provider_that_does_not_admit_needs_a_code(
    row: SignInProvider, client: Client, make_user: Callable[[str], User]
) -> None:
    create_code(code="come-in", creator=make_user("admin"))
    answer = sign_in(client)
    assert answer["Location"] == "/signin/with/signup/" and not is_signed_in(client)
    form = {"username": "guest", "email": "guest@example.com", "fullname": "", "invite_code": "x"}
    assert "not valid" in client.post(answer["Location"], form).content.decode()
    client.post(answer["Location"], form | {"invite_code": "come-in"})
    assert User.objects.filter(username="guest").exists() and is_signed_in(client)


def test_a_provider_that_admits(row: SignInProvider, client: Client) -> None:
    row.admits = True
    save_provider(provider=row, secret="")
    sign_in(client)
    assert is_signed_in(client) and User.objects.get().username == "guest"


def test_closed_is_closed(row: SignInProvider, client: Client) -> None:
    set_sign_up_mode(SignUpMode.CLOSED)
    row.admits = True
    save_provider(provider=row, secret="")
    assert "closed" in sign_in(client).content.decode()
    assert not User.objects.exists()


def test_a_provider_does_not_take_over_accounts(
    row: SignInProvider,
    provider: IdentityProvider,
    client: Client,
    make_user: Callable[[str], User],
) -> None:
    set_sign_up_mode(SignUpMode.OPEN)
    make_user("guest")
    sign_in(client)
    assert not is_signed_in(client) and not SocialAccount.objects.exists()
    assert "already" in mail.outbox[0].body
    provider.user |= {"email": "other@example.com"}
    sign_in(client)
    assert is_signed_in(client)
    assert SocialAccount.objects.get().user.username != "guest"


def test_a_user_connects_their_account_there(
    row: SignInProvider, client: Client, make_user: Callable[[str], User]
) -> None:
    client.force_login(make_user("demo"))
    page = client.get("/signin/with/")
    assert page.status_code == 200 and "Company" in page.content.decode()
    sign_in(client, f"{LOGIN}?process=connect")
    # Not before the user has shown the password again.
    assert not SocialAccount.objects.exists()
    client.post("/signin/again", {"password": "a pass phrase"})
    sign_in(client, f"{LOGIN}?process=connect")
    assert SocialAccount.objects.get().user.username == "demo"
    other = Client()
    sign_in(other)
    assert is_signed_in(other) and User.objects.count() == 1


def test_an_address_that_the_provider_has_not_verified(
    row: SignInProvider, provider: IdentityProvider, client: Client
) -> None:
    set_sign_up_mode(SignUpMode.OPEN)
    provider.user |= {"email_verified": False}
    assert sign_in(client)["Location"] == "/signup/verify"
    assert not is_signed_in(client)


def test_a_disabled_provider_is_none(row: SignInProvider, client: Client) -> None:
    row.is_enabled = False
    save_provider(provider=row, secret="")
    assert client.post(LOGIN).status_code == 404
    assert "Company" not in client.get("/signin").content.decode()


def test_a_state_that_we_did_not_give(row: SignInProvider, client: Client) -> None:
    answer = client.get(f"{LOGIN}callback/?code=code-0&state=forged")
    assert not is_signed_in(client) and not User.objects.exists()
    assert answer.status_code in (200, 401, 403)


def test_a_provider_that_fails(
    row: SignInProvider, provider: IdentityProvider, client: Client
) -> None:
    provider.failing = True
    answer = client.post(LOGIN)
    assert answer.status_code == 503 and "does not answer" in answer.content.decode()
    assert not is_signed_in(client)


def test_providers_are_on_public_hosts(
    row: SignInProvider, provider: IdentityProvider, client: Client, settings: Any
) -> None:
    settings.IDENTITY_HOSTS = frozenset()
    assert client.post(LOGIN).status_code == 503
    assert not provider.asked


def test_secrets_are_stored_encrypted(
    row: SignInProvider, make_user: Callable[[str], User], client: Client
) -> None:
    before = row.secret
    assert CLIENT_SECRET not in before and encrypt_secrets_again().done == 1
    admin = make_user("admin")
    User.objects.update(is_staff=True, is_superuser=True)
    client.force_login(admin)
    page = f"/admin/accounts/signinprovider/{row.pk}/change/"
    text = client.get(page).content.decode()
    assert CLIENT_SECRET not in text and before not in text
    form = {"kind": "openid_connect", "name": "Other", "slug": "company", "client_id": CLIENT_ID}
    assert "issuer" in client.post(page, form).content.decode()
    form |= {"server_url": "https://idp.example.com", "is_enabled": "on"}
    assert client.post(page, form).status_code == 302
    row.refresh_from_db()
    assert row.name == "Other" and row.secret
