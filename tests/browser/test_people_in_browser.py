"""Accounts and organizations in a real browser, by keyboard alone: from a key to a team."""

import re
from collections.abc import Iterator

import pytest
import requests
from playwright.sync_api import Browser

from tests.acceptance.browser import Window, signed_in
from tests.acceptance.platform import SETTINGS, Account, Platform, wait_until
from tests.acceptance.steps import unused
from tests.browser.entrance import PASSWORD
from tests.browser.keyboard import Hands

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("live"), pytest.mark.timeout(180)]

# What differs from run to run is no part of a picture's name.
NAME = re.compile(r"/team\d+")


def look(window: Window, name: str) -> None:
    window.fits()
    window.audit()
    window.picture(f"people-{name}-{window.page.viewport_size['width']}")  # type: ignore[index]


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
def hands(browser: Browser, live: Platform) -> Iterator[Hands]:
    """Of one who has an account, and nothing else yet."""
    founder = live.account(unused("founder"), PASSWORD)
    with signed_in(browser, live, (founder.name, PASSWORD), kind=Hands) as opened:
        yield opened


def test_a_key_is_made_and_revoked(hands: Hands) -> None:
    hands.go("/user/keys")
    look(hands, "keys")
    hands.open("New key")
    assert hands.page.evaluate("document.activeElement.name") == "label"
    hands.audit()
    hands.page.keyboard.press("Enter")
    hands.page.get_by_text("This field is required").wait_for()
    assert hands.page.evaluate("document.activeElement.name") == "label"
    hands.fill("Label", "laptop")
    hands.press("Make the key")
    assert "laptop" in hands.text
    look(hands, "key-made")
    hands.follow("I have kept it")
    hands.open("Revoke laptop")
    look(hands, "key-revoke")
    hands.press("Revoke the key")
    assert "The key “laptop” is revoked." in hands.text
    hands.go("/user/keys/new")
    look(hands, "key-new")
    narrow(hands, "/", "/user/keys", "/user/keys/new")


def test_the_pages_of_ones_own_account(hands: Hands) -> None:
    hands.go("/user/profile")
    hands.fill("Full name", "A newcomer")
    hands.press("Save")
    look(hands, "profile")
    for path in ("sessions", "two-factor/", "password", "source-hosts"):
        hands.go(f"/user/{path}")
        look(hands, path.strip("/"))
    narrow(hands, "/user/profile", "/user/sessions", "/user/two-factor/")


def test_a_team_comes_together(hands: Hands, browser: Browser, live: Platform) -> None:
    name, member = unused("team"), live.account(unused("member"), PASSWORD)
    found_organization(hands, name)
    invite(hands, member.name)
    with signed_in(browser, live, (member.name, PASSWORD), 360, "dark", Hands) as other:
        accept(other, member.name, name)
        publish_for_everybody(member, name)
        other.go(f"/organizations/{name}/approvals")
        assert f"{name}/Shared" in other.text and "Decide" not in other.text
        decide(hands, name)
        other.go(f"/organizations/{name}/approvals?state=approved")
        assert "Well done" in other.text
    for page in ("members", "keys", "reports", "settings"):
        hands.go(f"/organizations/{name}/{page}")
        look(hands, f"organization-{page}")
    base = f"/organizations/{name}"
    narrow(hands, "/organizations", base, f"{base}/members", f"{base}/settings")


def found_organization(hands: Hands, name: str) -> None:
    hands.go("/organizations")
    look(hands, "no-organizations")
    hands.open("New organization")
    hands.fill("Name", name)
    hands.fill("Display name", "The team")
    hands.press("Make the organization")
    assert "and you own it" in hands.text
    look(hands, "organization")


def invite(hands: Hands, member: str) -> None:
    hands.follow("Invitations")
    hands.open("Invite somebody")
    hands.audit()
    hands.fill("User name or e-mail address", "nobody_of_this_name")
    hands.push("Invite")
    hands.page.get_by_text("was not found").first.wait_for()
    hands.fill("User name or e-mail address", member)
    hands.press("Invite")
    assert f"{member} is invited." in hands.text
    look(hands, "organization-invitations")


def accept(hands: Hands, member: str, organization: str) -> None:
    hands.go("/")
    hands.unfold(member)
    hands.follow("Invitations")
    look(hands, "invitation")
    hands.press("Accept")
    assert f"You are in {organization} now." in hands.text
    look(hands, "accepted")


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


def decide(hands: Hands, name: str) -> None:
    hands.go(f"/organizations/{name}/approvals")
    look(hands, "organization-approvals")
    hands.open(f"Decide about {name}/Shared 0.1.0")
    hands.fill("Comment (optional)", "Well done")
    look(hands, "organization-decide")
    hands.press("Approve: open it to everybody")
    assert "is open to everybody" in hands.text
