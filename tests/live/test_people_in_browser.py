"""Accounts and organizations in a real browser: from a sign-up to a team that works together."""

import re
from collections.abc import Iterator

import pytest
import requests
from playwright.sync_api import Browser

from tests.acceptance.browser import Window, chromium, open_window
from tests.acceptance.platform import SETTINGS, Account, Platform, wait_until
from tests.acceptance.steps import unused
from tests.live.test_sign_in_in_browser import sign_up

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("live"), pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


# What differs from run to run is no part of a picture's name.
NAME = re.compile(r"/team\d+")


def look(window: Window, name: str) -> None:
    window.fits()
    window.audit()
    window.picture(f"people-{name}-1280")


def narrow(window: Window, *pages: str) -> None:
    """How the pages look on a telephone."""
    window.page.set_viewport_size({"width": 360, "height": 800})
    for path in pages:
        window.go(path)
        window.fits()
        name = NAME.sub("/one", path).strip("/").replace("/", "-") or "start"
        window.picture(f"people-{name}-360")
    window.page.set_viewport_size({"width": 1280, "height": 900})


@pytest.fixture(scope="module")
def newcomer(browser: Browser, live: Platform) -> Iterator[Window]:
    """The window of one who has just signed up."""
    with open_window(browser, live.url) as window:
        sign_up(window, live, unused("newcomer"))
        yield window


def test_a_newcomer_makes_keys(newcomer: Window) -> None:
    window = newcomer
    look(window, "welcome")
    window.follow("Go on to a first call")
    look(window, "first-steps")
    window.go("/user/keys")
    look(window, "keys")
    make_key_by_keyboard(window)
    look(window, "key-made")
    window.follow("I have kept it")
    window.page.get_by_role("link", name="Revoke laptop").click()
    window.press("Revoke the key")
    assert "The key “laptop” is revoked." in window.text
    window.go("/user/keys/new")
    look(window, "key-new")
    narrow(window, "/", "/user/keys", "/user/keys/new")


def test_the_pages_of_ones_own_account(newcomer: Window) -> None:
    newcomer.go("/user/profile")
    newcomer.fill("Full name", "A newcomer")
    newcomer.press("Save")
    look(newcomer, "profile")
    for path in ("sessions", "two-factor/", "password", "source-hosts"):
        newcomer.go(f"/user/{path}")
        look(newcomer, path.strip("/"))
    narrow(newcomer, "/user/profile", "/user/sessions", "/user/two-factor/")


def test_a_team_comes_together(newcomer: Window, browser: Browser, live: Platform) -> None:
    window, name, member = newcomer, unused("team"), unused("member")
    found_organization(window, name)
    with open_window(browser, live.url) as other:
        key = sign_up(other, live, member)
        invite(window, member)
        other.go("/user/invitations")
        look(other, "invitation")
        other.press("Accept")
        assert f"You are in {name} now." in other.text
        publish_for_everybody(Account(live, member, key), name)
        other.go(f"/organizations/{name}/approvals")
        assert f"{name}/Shared" in other.text and "Decide" not in other.text
        decide(window, name)
        other.go(f"/organizations/{name}/approvals?state=approved")
        assert "Well done" in other.text
    for page in ("members", "keys", "reports", "settings"):
        window.go(f"/organizations/{name}/{page}")
        look(window, f"organization-{page}")
    base = f"/organizations/{name}"
    narrow(window, "/organizations", base, f"{base}/members", f"{base}/settings")


def found_organization(window: Window, name: str) -> None:
    window.go("/organizations")
    look(window, "no-organizations")
    window.page.get_by_role("link", name="New organization").click()
    window.page.get_by_role("heading", name="New organization").wait_for()
    window.fill("Name", name)
    window.fill("Display name", "The team")
    window.press("Make the organization")
    assert "and you own it" in window.text
    look(window, "organization")


def invite(window: Window, member: str) -> None:
    window.follow("Invitations")
    window.page.get_by_role("link", name="Invite somebody").click()
    window.page.get_by_role("heading", name="Invite to").wait_for()
    window.audit()
    window.fill("User name or e-mail address", "nobody_of_this_name")
    window.page.get_by_role("button", name="Invite", exact=True).click()
    window.page.get_by_text("was not found").first.wait_for()
    window.fill("User name or e-mail address", member)
    window.press("Invite")
    assert f"{member} is invited." in window.text
    look(window, "organization-invitations")


def publish_for_everybody(member: Account, organization: str) -> None:
    headers = {"Authorization": member.key}
    base = f"{member.platform.url}/v1/algorithms/{organization}"
    body = {"name": "Shared", "details": {"label": "Shared"}, "settings": SETTINGS}
    asked = requests.post(base, json=body, headers=headers, timeout=30)
    assert asked.status_code == 201, asked.text
    asked = requests.post(f"{base}/Shared/compile", headers=headers, timeout=30)
    assert asked.status_code < 300, asked.text
    body = {"settings": {"algorithm_callability": "public"}}

    def published() -> bool:
        answer = requests.post(f"{base}/Shared/versions", json=body, headers=headers, timeout=30)
        return answer.status_code < 300

    wait_until(published, 90, "the version is published")


def decide(window: Window, name: str) -> None:
    window.go(f"/organizations/{name}/approvals")
    look(window, "organization-approvals")
    window.page.get_by_role("link", name="Decide about").click()
    window.page.get_by_label("Comment (optional)").fill("Well done")
    window.audit()
    window.press("Approve: open it to everybody")
    assert "is open to everybody" in window.text


def make_key_by_keyboard(window: Window) -> None:
    keyboard = window.page.keyboard
    window.page.get_by_role("link", name="New key").focus()
    keyboard.press("Enter")
    window.page.get_by_role("heading", name="New key").wait_for()
    assert window.page.evaluate("document.activeElement.name") == "label"
    window.audit()
    keyboard.press("Enter")
    window.page.get_by_text("This field is required").wait_for()
    assert window.page.evaluate("document.activeElement.name") == "label"
    keyboard.type("laptop")
    with window.page.expect_navigation():
        keyboard.press("Enter")
    assert "laptop" in window.text
