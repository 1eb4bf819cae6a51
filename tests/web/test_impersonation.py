"""An administrator who is a user for a while."""

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from algoport.accounts.administration import (
    deactivate_account,
    make_administrator,
    remove_administrator,
)
from algoport.accounts.models import User
from algoport.accounts.services import create_user
from algoport.audit.models import AuditEntry
from tests.factories.organizations import make_organization

pytestmark = pytest.mark.django_db

STOP = "/impersonation/stop"


def begin(portal: Client, account: User) -> int:
    return portal.post(
        reverse("admin:accounts_user_act", args=[account.pk, "impersonate"])
    ).status_code


def who(portal: Client) -> str | None:
    return portal.session.get("_auth_user_id")


@pytest.fixture
def as_demo(portal: Client, demo: User) -> Client:
    assert begin(portal, demo) == 302 and who(portal) == str(demo.pk)
    return portal


def test_everything_is_swapped_until_it_is_stopped(
    portal: Client, demo: User, administrator: User
) -> None:
    before = portal.session.session_key
    page = portal.get(reverse("admin:accounts_user_act", args=[demo.pk, "impersonate"]))
    assert "until you choose Stop" in page.content.decode()
    assert begin(portal, demo) == 302
    during = portal.session.session_key
    assert during != before and who(portal) == str(demo.pk)
    home = portal.get("/").content.decode()
    assert "You are <strong>demo</strong>" in home and "root" in home and STOP in home
    demo.refresh_from_db()
    assert demo.last_login is None
    # The user's rights, and no others.
    assert portal.get("/admin/").status_code == 302
    assert "You are <strong>demo</strong>" in portal.get("/admin/login/").content.decode()
    assert portal.get(STOP).status_code == 405 and who(portal) == str(demo.pk)
    stopped = portal.post(STOP)
    assert stopped.status_code == 302 and str(demo.pk) in stopped["Location"]
    assert who(portal) == str(administrator.pk)
    assert portal.session.session_key not in (before, during)
    assert portal.get("/admin/").status_code == 200
    assert "impersonation" not in portal.get("/").content.decode()
    assert portal.post(STOP).status_code == 404
    first, last = AuditEntry.objects.filter(actor_kind="session").order_by("number")
    assert (first.action, first.actor_name) == ("user.impersonate", "root")
    assert (last.action, last.actor_name) == ("user.end_impersonation", "demo")
    assert last.impersonator_name == "root"
    assert first.target_name == last.target_name == "demo"


def test_neither_administrators_nor_organizations_nor_the_inactive(
    portal: Client, demo: User, administrator: User, make_user: Callable[[str], User]
) -> None:
    second = create_user(username="second", email="second@example.com", staff=True)
    closed = make_user("closed")
    deactivate_account(account=closed)
    for account in (second, make_organization("makers", demo).account, closed, administrator):
        begin(portal, account)
        assert who(portal) == str(administrator.pk), account
        assert "impersonator" not in portal.session


def test_there_is_no_nesting(as_demo: Client, demo: User, make_user: Callable[[str], User]) -> None:
    guest = make_user("guest")
    begin(as_demo, guest)
    assert who(as_demo) == str(demo.pk)
    # Not even when the user becomes an administrator: that ends it.
    make_administrator(account=demo)
    begin(as_demo, guest)
    assert who(as_demo) is None


@pytest.mark.parametrize("reason", ["no administrator", "inactive", "password", "target inactive"])
def test_it_ends_with_either_right(
    as_demo: Client, demo: User, administrator: User, reason: str
) -> None:
    create_user(username="second", email="second@example.com", staff=True)
    assert "impersonation" in as_demo.get("/").content.decode()
    if reason == "no administrator":
        remove_administrator(account=administrator)
    elif reason == "inactive":
        deactivate_account(account=administrator)
    elif reason == "password":
        administrator.set_password("another")
        administrator.save()
    else:
        deactivate_account(account=demo)
    assert "impersonation" not in as_demo.get("/").content.decode()
    assert who(as_demo) is None
    assert as_demo.post(STOP).status_code == 404


def test_it_ends_with_a_sign_out(as_demo: Client, demo: User) -> None:
    as_demo.logout()
    assert as_demo.post(STOP).status_code == 404
    as_demo.force_login(demo)
    assert "impersonation" not in as_demo.get("/").content.decode()


def test_stopping_needs_the_page_s_token(as_demo: Client, demo: User) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = as_demo.cookies
    assert strict.post(STOP).status_code == 403
    assert who(as_demo) == str(demo.pk)


def test_it_ends_by_itself_and_answers_without_cookies_do_not_vary(as_demo: Client) -> None:
    assert 0 < as_demo.session.get_expiry_age() <= 3600
    assert "Cookie" not in Client().get("/healthz").get("Vary", "")
