"""Guessing passwords and keys: failures are counted by address, for all processes."""

import base64
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
import redis
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.test import Client
from rest_framework.test import APIClient

from algoport.accounts import guesses
from algoport.accounts.basic import authenticate_basic
from algoport.accounts.guesses import TooManyFailures
from algoport.accounts.models import User
from algoport.accounts.permissions import EVERYTHING
from algoport.accounts.services import create_key
from algoport.errors import NotAuthenticated, NotAuthorized
from algoport.http.clients import client_address

pytestmark = pytest.mark.django_db

URL = "/v1/organization/types"


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guesses, "MOST_FAILURES_OF_ADDRESS", 3)
    monkeypatch.setattr(guesses, "MOST_FAILURES_OF_ACCOUNT", 2)
    # One that no other test counts in, and that does not end meanwhile.
    window = uuid4().hex
    monkeypatch.setattr(guesses, "_window", lambda: window)


@pytest.fixture
def address() -> str:
    """One from which nobody else comes."""
    digits = uuid4().hex
    return ":".join(digits[i : i + 4] for i in range(0, 32, 4))


@pytest.fixture
def no_valkey() -> Iterator[None]:
    guesses._valkey.cache_clear()
    guesses._own.counts.clear()
    yield
    guesses._valkey.cache_clear()


def basic(name: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


def guess(address: str, key: str = "simWrong") -> Any:
    return APIClient().get(URL, HTTP_AUTHORIZATION=f"Simple {key}", REMOTE_ADDR=address)


def test_guessing_keys_is_told_to_wait(demo: User, address: str) -> None:
    assert [guess(address).status_code for _ in range(5)] == [401, 401, 401, 429, 429]
    answer = guess(address)
    assert 0 < int(answer.headers["Retry-After"]) <= 300 and answer.json()["code"] == 2002
    good = create_key(owner=demo, label="x", scopes=EVERYTHING).secret
    assert guess(address, good).status_code == 200


def test_no_header_is_no_guess(address: str) -> None:
    answers = {APIClient().get(URL, REMOTE_ADDR=address).status_code for _ in range(5)}
    assert answers == {401}


def test_addresses_are_those_that_trusted_proxies_tell(address: str, settings: Any) -> None:
    def ask(forwarded: str) -> int:
        headers = {"HTTP_AUTHORIZATION": "Simple simWrong", "HTTP_X_FORWARDED_FOR": forwarded}
        return APIClient().get(URL, REMOTE_ADDR=address, **headers).status_code

    statuses = [ask(f"192.0.2.{number}") for number in range(4)]
    assert statuses == [401, 401, 401, 429]
    settings.TRUSTED_PROXIES = 1
    other = f"2001:db8:{address[:20].rstrip(':')}::1"
    assert ask(f"192.0.2.1, {other}") == 401


@pytest.mark.parametrize(
    ("peer", "header", "proxies", "address"),
    [
        ("192.0.2.1", "198.51.100.1", 0, "192.0.2.1"),
        ("192.0.2.1", None, 1, "192.0.2.1"),
        ("192.0.2.1", "198.51.100.1", 1, "198.51.100.1"),
        ("192.0.2.1", "6.6.6.6, 198.51.100.1", 1, "198.51.100.1"),
        ("192.0.2.1", "6.6.6.6, 198.51.100.1, 10.0.0.1", 2, "198.51.100.1"),
        ("192.0.2.1", "198.51.100.1", 2, "192.0.2.1"),
        ("192.0.2.1", "198.51.100.1:443", 1, "198.51.100.1"),
        ("192.0.2.1", "[2001:db8::1]:443", 1, "2001:db8::1"),
        ("::ffff:192.0.2.1", None, 0, "192.0.2.1"),
        ("192.0.2.1", "nonsense", 1, "unknown"),
        ("", None, 0, "unknown"),
    ],
)
def test_where_a_client_is(peer: str, header: str | None, proxies: int, address: str) -> None:
    assert client_address(peer, header, proxies) == address


def test_guessing_a_password_by_git(demo: User, address: str) -> None:
    good = basic("demo", "a pass phrase")
    assert authenticate_basic(good, address).username == "demo"
    for _ in range(2):
        with pytest.raises(NotAuthenticated):
            authenticate_basic(basic("DEMO", "x"), address)
    # Nor from elsewhere, nor with the right one: whoever has guessed it must not see that.
    for place in (address, address[::-1]):
        with pytest.raises(TooManyFailures):
            authenticate_basic(good, place)
    key = create_key(owner=demo, label="x", scopes=EVERYTHING).secret
    assert authenticate_basic(basic("demo", key), address).username == "demo"


def test_guessing_many_names_from_one_address(address: str) -> None:
    for number in range(3):
        with pytest.raises(NotAuthenticated):
            authenticate_basic(basic(f"{number}{address[-4:]}", "x"), address)
    with pytest.raises(TooManyFailures):
        authenticate_basic(basic(f"9{address[-4:]}", "x"), address)


def test_a_password_alone_is_not_enough_with_a_second_factor(demo: User, address: str) -> None:
    Authenticator.objects.create(user=demo, type=Authenticator.Type.TOTP, data={"secret": "x"})
    with pytest.raises(NotAuthorized, match="API key"):
        authenticate_basic(basic("demo", "a pass phrase"), address)
    with pytest.raises(NotAuthenticated):
        authenticate_basic(basic("demo", "wrong"), address)
    key = create_key(owner=demo, label="x", scopes=EVERYTHING).secret
    assert authenticate_basic(basic("demo", key), address).username == "demo"


def test_a_password_of_an_unverified_account_is_not_enough(demo: User, address: str) -> None:
    EmailAddress.objects.update(verified=False)
    with pytest.raises(NotAuthorized, match="mail"):
        authenticate_basic(basic("demo", "a pass phrase"), address)


def test_without_valkey_each_process_counts(
    demo: User, address: str, settings: Any, no_valkey: None
) -> None:
    settings.REDIS_URL = "unix:///nowhere/valkey.sock"
    with pytest.raises(redis.ConnectionError):
        guesses._valkey().ping()
    assert authenticate_basic(basic("demo", "a pass phrase"), address).username == "demo"
    assert [guess(address).status_code for _ in range(4)] == [401, 401, 401, 429]


def test_people_sign_in_without_valkey(
    make_user: Callable[[str], User], settings: Any, client: Client
) -> None:
    make_user("demo")
    cache = dict(settings.CACHES["default"], LOCATION="unix:///nowhere/valkey.sock")
    settings.CACHES = {"default": cache}
    form = {"login": "demo", "password": "a pass phrase"}
    assert client.post("/signin", form).status_code == 302
    assert client.get("/user/password").status_code == 200
