"""What people come for, done by keyboard alone: no test here has a mouse."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from playwright.sync_api import expect

from tests.acceptance.browser import Window, chromium, open_window
from tests.acceptance.platform import Account, Platform
from tests.acceptance.steps import unused
from tests.live.test_people_in_browser import publish_for_everybody

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("live"), pytest.mark.timeout(240)]

PASSWORD = "a long pass phrase"
MOST_TABS = 150
_FOCUSED = """() => {
    const one = document.activeElement, style = getComputedStyle(one);
    const labels = [...(one.labels ?? [])].map(each => each.textContent).join(" ");
    const name = one.getAttribute("aria-label") || labels || one.textContent || one.value || "";
    const seen = style.outlineStyle !== "none" || style.boxShadow !== "none";
    return [name.replace(/\\s+/g, " ").trim().replace(/:$/, ""), seen];
}"""


class Hands:
    """On the keyboard of a window."""

    def __init__(self, window: Window) -> None:
        self.window = window
        self.keyboard = window.page.keyboard

    def reach(self, name: str) -> None:
        """Go on by Tab until what has this name has the focus, and shows it."""
        passed = []
        for _ in range(MOST_TABS):
            focused, is_seen = self.window.page.evaluate(_FOCUSED)
            if focused == name:
                assert is_seen, f"nobody sees that {name} has the focus"
                return
            passed.append(focused[:40])
            self.keyboard.press("Tab")
        raise AssertionError(f"{self.window.page.url}: no {name} among {passed}")

    def enter(self, name: str) -> None:
        """Reach a link or a button that leads to another page, and press it."""
        self.reach(name)
        with self.window.page.expect_navigation():
            self.keyboard.press("Enter")
        self.window.check()

    def press(self, name: str) -> None:
        """Reach a button, and press it."""
        self.reach(name)
        self.keyboard.press("Enter")

    def write(self, name: str, text: str) -> None:
        """Reach a field, and write it anew."""
        self.reach(name)
        self.keyboard.press("Control+A")
        self.keyboard.type(text)

    def go(self, path: str) -> None:
        """By the address bar."""
        self.window.go(path)


@pytest.fixture(scope="module")
def account(live: Platform) -> Account:
    name = unused("keys")
    output = live.manage(
        "create_user", name, "--email", f"{name}@example.com", "--password", PASSWORD
    )
    return Account(live, name, output.strip().splitlines()[-1])


@pytest.fixture(scope="module")
def hands(live: Platform, account: Account) -> Iterator[Hands]:
    """Of the account's owner, who has signed in."""
    with chromium() as browser, open_window(browser, live.url) as window:
        made = Hands(window)
        made.go("/signin")
        made.write("User name or address", account.name)
        made.write("Password", PASSWORD)
        made.enter("Sign In")
        yield made


def test_a_key_is_made_and_revoked(hands: Hands) -> None:
    hands.go("/user/keys")
    hands.press("New key")
    hands.window.page.get_by_role("dialog").wait_for()
    hands.write("Label", "laptop")
    hands.enter("Make the key")
    hands.enter("I have kept it")
    hands.press("Revoke laptop")
    hands.window.page.get_by_role("dialog").wait_for()
    hands.enter("Revoke the key")
    assert "The key “laptop” is revoked." in hands.window.text


def test_an_algorithm_is_made_run_and_published(hands: Hands, account: Account) -> None:
    page = hands.window.page
    hands.go("/algorithms")
    hands.enter("New algorithm")
    hands.write("Name", "Greets")
    hands.enter("Create")
    answer = requests.post(
        f"{hands.window.url}/v1/algorithms/{account.name}/Greets/compile",
        headers={"Authorization": account.key},
        timeout=60,
    )
    assert answer.status_code == 200, answer.text
    hands.go(f"/algorithms/{account.name}/Greets")
    hands.write("Input", '"you"')
    hands.press("Run")
    expect(page.locator("#run-output")).to_contain_text("you")
    hands.enter("Builds")
    hands.enter("Publish")
    hands.enter("Next")
    hands.write("Release notes", "The first.")
    hands.enter("Next")
    hands.enter("Publish 0.1.0")
    assert "0.1.0 is published." in hands.window.text


def test_a_file_is_put_into_a_collection(hands: Hands, tmp_path: Path) -> None:
    page = hands.window.page
    hands.go("/data")
    hands.press("New Data Source")
    hands.press("Hosted Data Collection")
    page.get_by_role("dialog").wait_for()
    hands.write("Collection name", "Notes")
    hands.enter("Create Collection")
    file = tmp_path / "note.txt"
    file.write_text("a note")
    hands.reach("Upload Files")
    with page.expect_file_chooser() as choosing:
        hands.keyboard.press("Enter")
    choosing.value.set_files(file)
    expect(page.locator(".entries tbody tr")).to_have_text([re.compile("note.txt")])


def test_a_bucket_is_connected(hands: Hands) -> None:
    page = hands.window.page
    hands.go("/data")
    hands.press("New Data Source")
    hands.press("Amazon S3")
    page.get_by_role("dialog").wait_for()
    hands.write("Label", "lab")
    hands.write("AWS Access Key ID", "id")
    hands.write("AWS Secret Access Key", "secret")
    hands.write("Path Restriction", "reports/*")
    expect(page.locator("#path-preview code").first).to_have_text("s3+lab://reports/*")
    hands.enter("Connect Amazon S3")
    assert "is connected as s3+lab" in hands.window.text


def test_a_team_invites_and_approves(hands: Hands, account: Account, live: Platform) -> None:
    page, team, member = hands.window.page, unused("crew"), live.account(unused("mate"))
    hands.go("/organizations")
    hands.press("New organization")
    page.get_by_role("dialog").wait_for()
    hands.write("Name", team)
    hands.write("Display name", "The crew")
    hands.enter("Make the organization")
    hands.enter("Invitations")
    hands.press("Invite somebody")
    page.get_by_role("dialog").wait_for()
    hands.write("User name or e-mail address", member.name)
    hands.enter("Invite")
    assert f"{member.name} is invited." in hands.window.text
    put = requests.put(
        f"{live.url}/v1/organizations/{team}/members/{member.name}",
        headers={"Authorization": account.key},
        timeout=30,
    )
    assert put.status_code < 300, put.text
    publish_for_everybody(member, team)
    hands.go(f"/organizations/{team}/approvals")
    hands.press(f"Decide about {team}/Shared 0.1.0")
    page.get_by_role("dialog").wait_for()
    hands.enter("Approve: open it to everybody")
    assert "is open to everybody" in hands.window.text
