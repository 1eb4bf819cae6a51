"""The page on which people say that another address is theirs, and the link that proves it."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.core.cache import caches
from django.test import Client

from algoport.accounts.addresses import change_address
from algoport.accounts.errors import EmailAddressHasBeenTaken
from algoport.accounts.models import User
from algoport.accounts.services import delete_user
from algoport.audit.models import AuditEntry
from algoport.errors import InputValidationError

pytestmark = pytest.mark.django_db

PASSWORD = "a pass phrase"
NEW = "other@example.com"
PAGE = "/user/address"


@pytest.fixture(autouse=True)
def own_limits(settings: Any) -> Iterator[None]:
    settings.CACHES = {
        "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "post"}
    }
    yield
    caches["default"].clear()


def sign_in(login: str = "demo") -> Client:
    browser = Client()
    browser.post("/signin", {"login": login, "password": PASSWORD})
    return browser


@pytest.fixture
def browser(demo: User) -> Client:
    """Somebody who has just shown that they know the password."""
    made = sign_in()
    made.post("/signin/again", {"password": PASSWORD})
    return made


def link() -> str:
    found = re.search(r"http://127.0.0.1:8080(/signup/verify/\S+)", mail.outbox[-1].body)
    assert found is not None, mail.outbox[-1].body
    return found[1]


def address_of(user: User) -> str:
    return User.objects.get(pk=user.pk).email


def rows_of(user: User) -> list[tuple[str, bool, bool]]:
    rows = EmailAddress.objects.filter(user=user).order_by("pk")
    return list(rows.values_list("email", "verified", "primary"))


def test_an_address_changes_when_its_link_is_opened(browser: Client, demo: User) -> None:
    assert browser.post(PAGE, {"email": NEW.upper()}).status_code == 302
    assert mail.outbox[-1].to == [NEW] and address_of(demo) == "demo@example.com"
    assert NEW in browser.get(PAGE).content.decode()
    # Until then the old one is what they sign in with.
    assert sign_in(NEW).get(PAGE)["Location"].startswith("/signin?")
    before = AuditEntry.objects.count()
    browser.post(link())
    assert address_of(demo) == NEW and rows_of(demo) == [(NEW, True, True)]
    (entry,) = AuditEntry.objects.order_by("number")[before:]
    assert (entry.action, entry.actor_name, entry.target_name) == (
        "user.change_address",
        "demo",
        "demo",
    )
    assert entry.changes["fields"] == {"email": {"before": "demo@example.com", "after": NEW}}
    assert mail.outbox[-1].to == ["demo@example.com"] and NEW in mail.outbox[-1].body
    assert sign_in(NEW).get("/user/profile").status_code == 200
    assert sign_in("demo@example.com").get("/user/profile").status_code == 302


def test_a_link_is_good_once_and_only_the_last_one(browser: Client, demo: User) -> None:
    browser.post(PAGE, {"email": "first@example.com"})
    first = link()
    browser.post(PAGE, {"email": NEW})
    assert browser.post(first).status_code == 404 and address_of(demo) == "demo@example.com"
    second = link()
    browser.post(second)
    assert address_of(demo) == NEW
    assert browser.post(second).status_code == 404


def test_a_change_is_called_off(browser: Client, demo: User) -> None:
    browser.post(PAGE, {"email": NEW})
    browser.post(PAGE, {"cancel": "yes"})
    assert rows_of(demo) == [("demo@example.com", True, True)]
    assert browser.post(link()).status_code == 404 and address_of(demo) == "demo@example.com"


@pytest.mark.parametrize("gone", [False, True])
def test_whose_address_it_is_is_told_to_its_mailbox_only(
    browser: Client, demo: User, make_user: Callable[[str], User], gone: bool
) -> None:
    other = make_user("other")
    if gone:
        delete_user(user=other)
    answer = browser.post(PAGE, {"email": NEW})
    assert (answer.status_code, answer["Location"]) == (302, PAGE)
    before = AuditEntry.objects.count()
    browser.post(link())
    assert address_of(demo) == "demo@example.com" and address_of(other) == NEW
    assert AuditEntry.objects.count() == before


@pytest.mark.parametrize(
    ("email", "told"),
    [
        ("Demo@example.com", "already"),
        ("nothing", "valid"),
        ("", "required"),
        ("a@example.photography", "not an e-mail address"),
        ("x" * 100 + "@example.com", "at most 100"),
        ("a\x00b@example.com", "Null characters"),
    ],
)
def test_what_is_no_new_address(browser: Client, demo: User, email: str, told: str) -> None:
    answer = browser.post(PAGE, {"email": email})
    assert answer.status_code == 422 and told in answer.content.decode()
    assert mail.outbox == [] and len(rows_of(demo)) == 1


def test_it_is_for_who_has_shown_the_password_just_now(demo: User) -> None:
    assert Client().get(PAGE)["Location"].startswith("/signin?")
    stale = Client()
    stale.force_login(demo)
    for answer in (stale.get(PAGE), stale.post(PAGE, {"email": NEW})):
        assert answer["Location"].startswith("/signin/again")
    assert mail.outbox == []


def test_nobody_mails_without_end(browser: Client) -> None:
    answers = [browser.post(PAGE, {"email": f"x{number}@example.com"}) for number in range(12)]
    assert {each.status_code for each in answers} == {302, 429}


def test_it_is_a_service(demo: User, make_user: Callable[[str], User]) -> None:
    make_user("other")
    assert change_address(user=demo, email="Third@Example.com") == "demo@example.com"
    assert demo.email == "Third@Example.com" and rows_of(demo) == [
        ("third@example.com", True, True)
    ]
    for email, error in ((NEW, EmailAddressHasBeenTaken), ("nothing", InputValidationError)):
        with pytest.raises(error):
            change_address(user=demo, email=email)
    assert address_of(demo) == "Third@Example.com"
