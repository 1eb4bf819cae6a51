"""Bearer tokens of the site's identity provider, on /v1 and in the byte planes."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import jwt
import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from algoport.accounts import bearer, callers
from algoport.accounts.administration import set_external_id
from algoport.accounts.callers import CallerAuthenticator
from algoport.accounts.models import Membership, User
from algoport.accounts.permissions import Principal, PrincipalKind
from algoport.accounts.services import delete_user
from algoport.errors import ApiError
from algoport.http.asgi import Request
from orgs.services import update_organization
from tests.doubles.identity_provider import IdentityProvider, identity_provider
from tests.factories.identity_provider import AUDIENCE, ISSUER, SigningKey
from tests.factories.organizations import make_organization

pytestmark = pytest.mark.django_db

URL = "/v1/organization/types"


@pytest.fixture(scope="module")
def running() -> Iterator[IdentityProvider]:
    with identity_provider() as provider:
        yield provider


@pytest.fixture
def provider(running: IdentityProvider, settings: Any) -> Iterator[IdentityProvider]:
    settings.JWT_JWKS_URL = running.jwks_url
    settings.JWT_ISSUER, settings.JWT_AUDIENCE = ISSUER, AUDIENCE
    settings.IDENTITY_HOSTS = frozenset({("127.0.0.1", running.port)})
    running.asked.clear()
    bearer._site_keys.cache_clear()
    yield running
    bearer._site_keys.cache_clear()


@pytest.fixture
def key(provider: IdentityProvider) -> SigningKey:
    return provider.keys[0]


@pytest.fixture(autouse=True)
def own_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the planes ask of the database is asked inside the test's transaction."""

    async def here(function: Callable[..., Any], *args: Any) -> Any:
        return await sync_to_async(function)(*args)

    monkeypatch.setattr(callers, "in_database_thread", here)


def ask(token: str) -> Any:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    return client.get(URL)


class StillListener:
    """Nothing changes."""

    generation = 0

    def is_current(self) -> bool:
        return True


def call_plane_authenticator(clock: Callable[[], float] = time.time) -> Callable[[str], Principal]:
    authenticate = CallerAuthenticator(StillListener(), clock)  # type: ignore[arg-type]

    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    def ask_plane(token: str) -> Principal:
        headers = [(b"authorization", f"Bearer {token}".encode())]
        scope = {"type": "http", "method": "GET", "path": "/", "headers": headers}
        return async_to_sync(authenticate)(Request(scope, receive))

    return ask_plane


def test_an_unknown_user_is_made(key: SigningKey) -> None:
    answer = ask(key.token(sub="Guest", email="guest@example.com"))
    assert answer.status_code == 200
    user = User.objects.get()
    assert (user.username, user.external_id, user.email) == ("Guest", "Guest", "guest@example.com")
    assert not user.has_usable_password() and not user.is_staff
    assert ask(key.token(sub="Guest")).status_code == 200
    assert User.objects.count() == 1


@pytest.mark.parametrize(
    ("subject", "name"),
    [("auth0|12", "auth0_12"), ("00u1", "u_00u1"), ("a.b@example.com", "a_b"), ("ü", "u__")],
)
def test_what_cannot_be_a_name_becomes_one(key: SigningKey, subject: str, name: str) -> None:
    assert ask(key.token(sub=subject)).status_code == 200
    assert User.objects.get().username == name


def test_nobody_elses_account_is_taken_over(
    key: SigningKey, make_user: Callable[[str], User]
) -> None:
    demo = make_user("demo")
    assert ask(key.token(sub="demo")).status_code == 200
    demo.refresh_from_db()
    assert demo.external_id is None and User.objects.exclude(pk=demo.pk).count() == 1
    answer = ask(key.token(sub="other", email="DEMO@example.com"))
    assert answer.status_code == 401 and "administrator" in answer.json()["message"]
    assert User.objects.count() == 2
    set_external_id(account=demo, external_id="other")
    assert ask(key.token(sub="other", email="DEMO@example.com")).status_code == 200


def test_a_deleted_user_stays_deleted(key: SigningKey) -> None:
    ask(key.token())
    delete_user(user=User.objects.get())
    answer = ask(key.token())
    assert answer.status_code == 401 and "deleted" in answer.json()["message"]


def test_the_name_is_in_the_claim_that_is_configured(key: SigningKey, settings: Any) -> None:
    settings.JWT_USERNAME_CLAIM, settings.JWT_EMAIL_CLAIM = "login", "mail"
    assert ask(key.token()).status_code == 401
    assert ask(key.token(login="guest", mail="guest@example.com")).status_code == 200
    assert User.objects.get().email == "guest@example.com"


def _unsigned(key: SigningKey) -> str:
    return jwt.encode(_payload(), "", algorithm="none", headers={"kid": key.kid})


def _signed_with_the_public_key(key: SigningKey) -> str:
    header = {"alg": "HS256", "typ": "JWT", "kid": key.kid}
    parts = [_b64(json.dumps(part).encode()) for part in (header, _payload())]
    body = ".".join(parts).encode()
    return f"{body.decode()}.{_b64(hmac.digest(key.public_pem(), body, hashlib.sha256))}"


def _payload() -> dict[str, Any]:
    return {"iss": ISSUER, "aud": AUDIENCE, "sub": "guest", "exp": int(time.time()) + 60}


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _with_header(key: SigningKey, **header: Any) -> str:
    _, _, rest = key.token().partition(".")
    return f"{_b64(json.dumps(header).encode())}.{rest}"


def _with_another_payload(key: SigningKey) -> str:
    head, _, signature = key.token().split(".")
    return f"{head}.{_b64(json.dumps(_payload() | {'sub': 'admin'}).encode())}.{signature}"


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (_unsigned, "not signed with RS256"),
        (_signed_with_the_public_key, "not signed with RS256"),
        (_with_another_payload, "Signature verification failed"),
        (lambda key: SigningKey(key.kid).token(), "Signature verification failed"),
        (lambda key: SigningKey("other").token(), "not one of the identity provider's"),
        (lambda key: _with_header(key, alg="RS256"), "kid"),
        (lambda key: _with_header(key, alg="RS256", kid=7), ""),
        (lambda key: _with_header(key, alg=["RS256"], kid=key.kid), ""),
        (lambda key: key.token(aud="another"), "Audience"),
        (lambda key: key.token(aud=None), "aud"),
        (lambda key: key.token(iss="https://evil.example/"), "issuer"),
        (lambda key: key.token(exp=int(time.time()) - 60), "expired"),
        (lambda key: key.token(exp=None), "exp"),
        (lambda key: key.token(exp="soon"), ""),
        (lambda key: key.token(nbf=int(time.time()) + 60), "not yet valid"),
        (lambda key: key.token(sub=None), "sub"),
        (lambda key: key.token(sub=""), "sub"),
        (lambda key: key.token(sub=7), "sub"),
        (lambda key: key.token(sub="a\x00b"), ""),
        (lambda key: key.token(sub="x" * 256), "sub"),
        (lambda key: key.token(email=7), "email"),
        (lambda key: key.token(filler="x" * 20_000), "more than"),
        (lambda key: "", "not a JWT"),
        (lambda key: "a.b.c", "not a JWT"),
        (lambda key: "é", ""),
    ],
)
def test_what_is_no_good_token(
    key: SigningKey, make: Callable[[SigningKey], str], said: str
) -> None:
    token = make(key)
    answer = ask(token)
    assert (answer.status_code, answer.json()["code"]) == (401, 2002)
    assert said in answer.json()["message"]
    with pytest.raises(ApiError) as refused:
        call_plane_authenticator()(token)
    assert refused.value.status == 401
    assert not User.objects.exists()


def test_small_keys_and_keys_for_other_things_are_none(provider: IdentityProvider) -> None:
    small = SigningKey("small", bits=1024)
    document = {"keys": [small.jwk(), provider.keys[0].jwk() | {"use": "enc"}, {}, 7]}
    assert bearer._public_keys(document) == {}


def test_keys_are_fetched_once_and_again_for_a_new_one(provider: IdentityProvider) -> None:
    first = provider.keys[0]
    try:
        for _ in range(3):
            assert ask(first.token()).status_code == 200
        assert provider.asked == ["/jwks"]
        for _ in range(3):
            assert ask(SigningKey("other").token()).status_code == 401
        assert provider.asked == ["/jwks"]
    finally:
        provider.keys[:] = [first]


def test_rotation_of_the_keys() -> None:
    now = [0.0]
    first, second = SigningKey("first"), SigningKey("second")
    served, fetched = [first], []

    def fetch() -> dict[str, Any]:
        fetched.append(now[0])
        return {"keys": [key.jwk() for key in served]}

    keys = bearer.KeySet(fetch, lambda: now[0])
    keys.find("first")
    served[:] = [second]
    with pytest.raises(ApiError):
        keys.find("second")
    now[0] += bearer.SECONDS_BETWEEN_FETCHES
    keys.find("second")
    with pytest.raises(ApiError):
        keys.find("first")
    assert fetched == [0.0, bearer.SECONDS_BETWEEN_FETCHES]


def test_withdrawn_keys_are_forgotten_though_the_provider_is_silent() -> None:
    now, good = [0.0], [True]
    key = SigningKey("first")

    def fetch() -> dict[str, Any]:
        if not good[0]:
            raise ValueError("nothing")
        return {"keys": [key.jwk()]}

    keys = bearer.KeySet(fetch, lambda: now[0])
    keys.find("first")
    good[0] = False
    now[0] = bearer.KEYS_LAST_SECONDS
    keys.find("first")
    now[0] += bearer.SECONDS_BETWEEN_FETCHES + 1
    with pytest.raises(ApiError) as refused:
        keys.find("first")
    assert (refused.value.status, refused.value.headers()) == (503, {"Retry-After": "30"})


def test_a_provider_that_fails(provider: IdentityProvider) -> None:
    provider.failing = True
    try:
        assert ask(provider.keys[0].token()).status_code == 503
    finally:
        provider.failing = False


def test_the_keys_come_from_public_hosts_only(key: SigningKey, settings: Any) -> None:
    settings.IDENTITY_HOSTS = frozenset()
    assert ask(key.token()).status_code == 503


def test_without_configuration_bearer_is_no_scheme(key: SigningKey, settings: Any) -> None:
    settings.JWT_JWKS_URL = ""
    answer = ask(key.token())
    assert answer.status_code == 401 and "is not supported" in answer.json()["message"]


def test_a_warm_call_asks_nobody(provider: IdentityProvider) -> None:
    now = [time.time()]
    ask_plane = call_plane_authenticator(lambda: now[0])
    token = provider.keys[0].token(exp=int(now[0]) + 3600)
    first = ask_plane(token)
    assert first.kind is PrincipalKind.TOKEN and first.username == "guest"
    provider.asked.clear()
    with CaptureQueriesContext(connection) as queries:
        assert ask_plane(token) is first
    assert not queries.captured_queries and not provider.asked
    now[0] += 301
    assert ask_plane(token) is not first


def test_a_remembered_token_ends_in_its_time(key: SigningKey) -> None:
    ask_plane = call_plane_authenticator()
    # Inside the seconds by which clocks may differ.
    token = key.token(exp=int(time.time()) - 5)
    assert ask_plane(token) is not ask_plane(token)


@pytest.fixture
def groups(settings: Any) -> None:
    settings.JWT_GROUPS_CLAIM, settings.JWT_ADMIN_GROUP = "groups", "superAdmin"


def test_groups_make_administrators(
    key: SigningKey, groups: None, make_user: Callable[[str], User]
) -> None:
    admin = make_user("admin")
    admin.is_staff = True
    admin.save()
    assert ask(key.token(groups=["superAdmin", "other"])).status_code == 200
    assert User.objects.get(username="guest").is_staff
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {key.token(groups='superAdmin')}")
    assert client.get("/v1/users").status_code == 200
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {key.token(groups=[])}")
    assert client.get("/v1/users").status_code == 403
    assert not User.objects.get(username="guest").is_staff


@pytest.mark.parametrize("claim", [None, 7, [7], {"a": 1}, ["a\x00"]])
def test_a_token_without_the_groups_claim_is_refused(
    key: SigningKey, groups: None, claim: Any
) -> None:
    assert ask(key.token(groups=claim)).status_code == 401
    assert not User.objects.exists()


def test_groups_decide_who_is_in_an_organization(
    key: SigningKey, groups: None, make_user: Callable[[str], User]
) -> None:
    from dataclasses import replace

    from orgs.services import Profile

    owner = make_user("owner")
    free, governed = make_organization("Free", owner), make_organization("Governed", owner)
    profile = Profile(label="x", contact_name="x", email="info@example.com")
    update_organization(
        organization=governed,
        profile=replace(profile, external_admin_group=["a1", "a2"], external_member_group=["m"]),
    )

    def roles() -> dict[str, str]:
        rows = Membership.objects.filter(user__username="guest")
        return dict(rows.values_list("organization__username", "role"))

    for tags, wanted in (
        (["other"], {}),
        ("m", {"Governed": "member"}),
        (["m", "a2"], {"Governed": "owner"}),
        (["m"], {"Governed": "member"}),
        ([], {}),
    ):
        assert ask(key.token(groups=tags)).status_code == 200
        assert roles() == wanted
    Membership.objects.create(
        organization=free.account, user=User.objects.get(username="guest"), role="member"
    )
    ask(key.token(groups=["m"]))
    assert roles() == {"Free": "member", "Governed": "member"}
    assert Membership.objects.get(user=owner, organization=governed.account).role == "owner"
