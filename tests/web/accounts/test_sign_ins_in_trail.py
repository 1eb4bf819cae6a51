"""What the audit trail tells of people who sign in, fail to and sign out, and of how they do it."""

import base64
import re
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from allauth.mfa.totp.internal.auth import (
    format_hotp_value,
    hotp_value,
    yield_hotp_counters_from_time,
)
from allauth.socialaccount.models import SocialAccount, SocialLogin
from allauth.socialaccount.signals import social_account_added, social_account_removed
from django.core import mail
from django.core.cache import caches
from django.db import transaction
from django.test import Client
from django.urls import reverse

from algoport.accounts import guesses, sign_ins
from algoport.accounts.basic import authenticate_basic
from algoport.accounts.models import User
from algoport.audit.models import AuditEntry
from algoport.errors import NotAuthenticated
from tests.audit_trail import verify

pytestmark = pytest.mark.django_db

PASSWORD = "a pass phrase"
NEW_PASSWORD = "another long phrase"
FORM = {"login": "demo", "password": PASSWORD}


@pytest.fixture(autouse=True)
def own_limits(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Limits and counts that only this test has used up."""
    settings.CACHES = {
        "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "told"}
    }
    window = uuid4().hex
    monkeypatch.setattr(guesses, "_window", lambda: window)
    yield
    caches["default"].clear()


@pytest.fixture(autouse=True)
def whole_trail_without_secrets() -> Iterator[None]:
    yield
    assert verify() == []
    told = " ".join(str(each) for each in AuditEntry.objects.values_list("changes", flat=True))
    assert not any(secret in told for secret in (PASSWORD, NEW_PASSWORD, "hunter2"))


def told(since: int = 0) -> list[str]:
    """The actions of the entries behind the first `since`, oldest first."""
    rows = AuditEntry.objects.order_by("number")
    return list(rows.values_list("action", flat=True))[since:]


def last() -> AuditEntry:
    entry = AuditEntry.objects.order_by("-number").first()
    assert entry is not None
    return entry


def notes() -> dict[str, Any]:
    found: dict[str, Any] = last().changes["notes"]
    return found


def code_of(secret: str) -> str:
    counter = next(iter(yield_hotp_counters_from_time()))
    return str(format_hotp_value(hotp_value(secret, counter)))


def test_who_comes_and_goes(demo: User, client: Client) -> None:
    client.post("/signin", FORM, headers={"user-agent": "A browser"}, REMOTE_ADDR="192.0.2.7")
    entry = last()
    assert (entry.action, entry.target_id, entry.owner_id) == (
        "user.sign_in",
        str(demo.pk),
        demo.pk,
    )
    assert (entry.actor_id, entry.via) == (demo.pk, "web")
    assert notes() == {"by": ["password"], "address": "192.0.2.7", "agent": "A browser"}
    before = AuditEntry.objects.count()
    client.post("/signout")
    assert told(before) == ["user.sign_out"]
    assert (last().actor_id, last().target_name) == (demo.pk, "demo")
    # Nobody goes twice.
    client.post("/signout")
    assert told(before) == ["user.sign_out"]


@pytest.mark.parametrize("login", ["demo", "DEMO", "demo@example.com"])
def test_a_wrong_password(demo: User, client: Client, login: str) -> None:
    client.post("/signin", {"login": login, "password": "hunter2"}, REMOTE_ADDR="192.0.2.7")
    entry = last()
    assert (entry.action, entry.target_name) == ("user.fail_sign_in", "demo")
    assert (entry.actor_kind, entry.actor_name, entry.via) == ("anonymous", "", "web")
    assert notes() == {"by": "password", "address": "192.0.2.7"}


@pytest.mark.parametrize("login", ["hunter2", "hunter2@example.com"])
def test_what_was_typed_as_a_name_may_be_a_password(db: None, client: Client, login: str) -> None:
    client.post("/signin", {"login": login, "password": "x"})
    entry = last()
    assert (entry.action, entry.target_kind, entry.target_name) == ("user.fail_sign_in", "", "")


def test_a_wrong_password_of_git(demo: User) -> None:
    header = "Basic " + base64.b64encode(b"demo:hunter2").decode()
    with pytest.raises(NotAuthenticated):
        authenticate_basic(header, "192.0.2.7")
    assert (last().action, last().target_name, last().via) == ("user.fail_sign_in", "demo", "git")


def test_nobody_fills_the_trail(demo: User) -> None:
    def fail(user: User | None) -> None:
        sign_ins.record_failed_sign_in(user=user, by="password", address="192.0.2.7")

    before = AuditEntry.objects.count()
    for _ in range(40):
        fail(demo)
    # Those that are told, and the one that says that further ones are not.
    assert len(told(before)) == sign_ins.MOST_TOLD_OF_ACCOUNT + 1
    assert notes()["further_ones_are_not_told_for_seconds"] == guesses.WINDOW_SECONDS
    for _ in range(40):
        fail(None)
    own = sign_ins.MOST_TOLD_OF_ACCOUNT + sign_ins.MOST_TOLD_OF_UNKNOWN + 2
    assert len(told(before)) <= min(own, sign_ins.MOST_TOLD_IN_ALL + 1)
    for number in range(sign_ins.MOST_TOLD_IN_ALL):
        fail(User(username=f"other{number}"))
    assert len(told(before)) <= sign_ins.MOST_TOLD_IN_ALL + 1


def test_second_factors(demo: User, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    # The transaction that a test is in has no end.
    monkeypatch.setattr(transaction, "on_commit", lambda function: function())
    client.post("/signin", FORM)
    client.post("/signin/again", {"password": PASSWORD})
    secret: str = client.get("/user/two-factor/totp/activate/").context["form"].secret
    before = AuditEntry.objects.count()
    client.post("/user/two-factor/totp/activate/", {"code": code_of(secret)})
    assert sorted(told(before)) == ["user.add_second_factor"] * 2
    rows = AuditEntry.objects.order_by("-number")[:2]
    assert {each.changes["notes"]["factor"] for each in rows} == {"totp", "recovery_codes"}
    assert {each.actor_id for each in rows} == {demo.pk}
    assert not any(secret in str(each.changes) for each in rows)

    other = Client()
    where = other.post("/signin", FORM)["Location"]
    before = AuditEntry.objects.count()
    other.post(where, {"code": "000000"})
    assert told(before) == ["user.fail_sign_in"] and notes()["by"] == "totp"
    codes = demo.authenticator_set.get(type="recovery_codes").wrap().get_unused_codes()
    other.post(where, {"code": codes[0]})
    assert last().action == "user.sign_in" and notes()["by"] == ["password", "mfa"]
    other.post("/signin/again", {"password": PASSWORD})
    other.post("/user/two-factor/recovery-codes/generate/")
    assert last().action == "user.replace_second_factor"

    before = AuditEntry.objects.count()
    other.post("/user/two-factor/totp/deactivate/")
    assert told(before) == ["user.remove_second_factor"] * 2
    assert not any(code in str(each.changes) for code in codes for each in AuditEntry.objects.all())


def test_a_password_that_is_changed_and_one_that_is_reset(demo: User, client: Client) -> None:
    client.post("/signin", FORM)
    before = AuditEntry.objects.count()
    form = {"oldpassword": PASSWORD, "password1": NEW_PASSWORD, "password2": NEW_PASSWORD}
    client.post("/user/password", form)
    assert told(before) == ["user.change_password"] and last().actor_id == demo.pk
    assert [each["action"] for each in last().changes["parts"]] == ["user.end_sessions"]

    stranger = Client()
    stranger.post("/signin/reset", {"email": "demo@example.com"})
    link = re.search(r"http://\S+?(/signin/reset/\S+)", mail.outbox[-1].body)
    assert link is not None
    where = stranger.get(link[1])["Location"]
    before = AuditEntry.objects.count()
    stranger.post(where, {"password1": PASSWORD, "password2": PASSWORD})
    assert told(before) == ["user.change_password"]
    assert (last().actor_kind, last().target_name) == ("anonymous", "demo")


def test_sessions_that_are_ended(demo: User, client: Client) -> None:
    client.post("/signin", FORM)
    other = Client()
    other.post("/signin", FORM)
    here = client.get(reverse("sessions")).context
    row = next(each for each in here["sessions"] if each.session_id != here["current"])
    before = AuditEntry.objects.count()
    client.post(reverse("sessions"), {"session": str(row.pk)})
    client.post(reverse("sessions"), {"everywhere": "yes"})
    assert told(before) == ["user.end_session", "user.end_sessions"]


def test_providers_that_are_connected(demo: User) -> None:
    account = SocialAccount(user=demo, provider="github", uid="7")
    login = SocialLogin(user=demo, account=account)
    before = AuditEntry.objects.count()
    social_account_added.send(sender=SocialLogin, request=None, sociallogin=login)
    social_account_removed.send(sender=SocialAccount, request=None, socialaccount=account)
    assert told(before) == ["user.add_provider", "user.remove_provider"]
    assert notes() == {"provider": "github"}
