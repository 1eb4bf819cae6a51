"""From the first page to a published algorithm, as one newcomer goes, and what follows.

Once with a mouse on a wide screen, and once by keyboard alone on a narrow and dark one.
"""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
import requests
from playwright.sync_api import Browser, expect

from tests.acceptance.browser import PICTURES, Scheme, Window, open_window
from tests.acceptance.platform import Account, Platform, wait_until
from tests.acceptance.steps import unused
from tests.browser.entrance import confirm_address, make_invite_code, sign_up
from tests.browser.keyboard import Hands

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("live"), pytest.mark.timeout(180)]

NAME = "Greeter"
SOURCE = """def apply(input):
return {"greeting": "Hello " + input["name"]}
"""
# The page of first steps promises two minutes, of which a reader needs some.
MOST_SECONDS = 60


@dataclass
class Newcomer:
    """One who has just heard of the platform, and the seconds that they have spent on its pages."""

    window: Window
    platform: Platform
    name: str
    code: str
    seconds: float = field(default=0, init=False)
    began: float = field(default_factory=time.monotonic, init=False)

    @property
    def source(self) -> str:
        return f"/algorithms/{self.name}/{NAME}/source"

    @contextmanager
    def paused(self) -> Iterator[None]:
        """For what no newcomer does."""
        self.seconds += time.monotonic() - self.began
        yield
        self.began = time.monotonic()

    def look(self, name: str) -> None:
        with self.paused():
            window, width = self.window, self.window.page.viewport_size["width"]  # type: ignore[index]
            window.fits()
            window.audit()
            window.picture(f"newcomer-{name}-{width}")


@pytest.mark.parametrize(
    ("width", "scheme", "kind"),
    [(1280, "light", Window), (360, "dark", Hands)],
    ids=["wide", "narrow"],
)
def test_a_newcomer_publishes(
    browser: Browser, live: Platform, width: int, scheme: Scheme, kind: type[Window]
) -> None:
    code = make_invite_code(live)
    with open_window(browser, live.url, width, scheme, kind) as window:
        newcomer = Newcomer(window, live, unused("newcomer"), code)
        account = come_in(newcomer)
        make(newcomer)
        sha = edit(newcomer)
        run(newcomer)
        newcomer.seconds += time.monotonic() - newcomer.began
        PICTURES.mkdir(parents=True, exist_ok=True)
        (PICTURES / f"newcomer-{width}.txt").write_text(f"{newcomer.seconds:.1f} s to a call\n")
        assert newcomer.seconds < MOST_SECONDS
        answer = account.client.algo(f"{account.name}/{NAME}/{sha}").pipe({"name": "you"})
        assert answer.result == {"greeting": "Hello you"}
        publish(newcomer)
        answer = account.client.algo(f"{account.name}/{NAME}/0.1.0").pipe({"name": "you"})
        assert answer.result == {"greeting": "Hello you"}
        find_their_desk(newcomer)
        if kind is Window:
            work_on(newcomer, sha)


def come_in(newcomer: Newcomer) -> Account:
    """From the first page to the first key, with which one is let in nowhere before."""
    window, platform = newcomer.window, newcomer.platform
    window.go("/")
    window.follow("Sign up")
    window.fill("Invite code", newcomer.code)
    sign_up(window, newcomer.name)
    newcomer.look("mail-sent")
    key = confirm_address(window, platform, newcomer.name)
    newcomer.look("welcome")
    keys = f"{platform.url}/v1/users/{newcomer.name}/keys"
    (listed,) = requests.get(keys, headers={"Authorization": key}, timeout=10).json()
    assert listed["key_label"] == "default-key"
    window.follow("Go on to a first call")
    newcomer.look("first-steps")
    return Account(platform, newcomer.name, key)


def make(newcomer: Newcomer) -> None:
    window, page = newcomer.window, newcomer.window.page
    window.follow("New algorithm")
    window.fill("Name", "no name")
    page.get_by_text("Begin with a letter; letters").wait_for()
    window.press("Create")
    newcomer.look("new-refused")
    window.fill("Name", NAME)
    page.get_by_text(f"{newcomer.name}/{NAME}", exact=True).wait_for()
    window.fill("Tagline (optional)", "Greets whoever is named.")
    window.press("Create")
    assert f"{newcomer.name}/{NAME} is made" in window.text
    newcomer.look("folder")


def edit(newcomer: Newcomer) -> str:
    """The commit that has been built when this returns."""
    window, page, keyboard = newcomer.window, newcomer.window.page, newcomer.window.page.keyboard
    window.follow("src")
    window.follow(f"{NAME}.py")
    newcomer.look("file")
    window.follow("Edit")
    window.reach("Content")
    keyboard.press("Control+A")
    first, second = SOURCE.splitlines()
    keyboard.type(first)
    keyboard.press("Enter")
    keyboard.type(second)
    assert page.input_value("#id_content") == f"{first}\n    {second}"
    assert page.inner_text(".numbers") == "1\n2"
    keyboard.press("Escape")
    keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "id_message"
    keyboard.type("Greet by name")
    keyboard.press("Control+S")
    page.get_by_text("Saved as").wait_for()
    page.locator("#build-log", has_text="\n").wait_for()
    page.locator("#build-state .good").wait_for(timeout=60_000)
    window.check()
    newcomer.look("built")
    return page.inner_text("#built").rpartition("/")[2]


def run(newcomer: Newcomer) -> None:
    window, page = newcomer.window, newcomer.window.page
    window.follow("Overview")
    window.fill("Input", '{"name": "you"}')
    window.push("Run")
    expect(page.locator("#run-output")).to_contain_text("Hello you")
    newcomer.look("first-answer")


def publish(newcomer: Newcomer) -> None:
    window = newcomer.window
    window.follow("Builds")
    newcomer.look("builds")
    window.follow("Publish")
    newcomer.look("publish-1")
    window.press("Next")
    window.fill("Release notes", "The first.")
    window.fill("Sample input", '{"name": "all"}')
    newcomer.look("publish-2")
    window.press("Next")
    newcomer.look("publish-3")
    window.press("Publish 0.1.0")
    assert "0.1.0 is published." in window.text
    newcomer.look("versions")
    window.follow("Overview")
    sample = window.page.get_by_label("Input", exact=True).input_value()
    assert sample == '{"name": "all"}'


def find_their_desk(newcomer: Newcomer) -> None:
    """The start page goes on from first steps as soon as it knows of the call."""
    window = newcomer.window

    def is_there() -> bool:
        window.go("/")
        return "Your last calls" in window.text

    wait_until(is_there, 20, "the start page knows of the call")
    newcomer.look("desk")


def work_on(newcomer: Newcomer, sha: str) -> None:
    """What an author does with a source besides."""
    window, source = newcomer.window, newcomer.source
    break_and_mend(newcomer)
    window.go(f"{source}/history")
    newcomer.look("history")
    window.page.locator(".commit-link").first.click()
    window.page.locator(".diff").first.wait_for()
    newcomer.look("commit")
    rename(newcomer)
    compare_and_count(newcomer, sha)
    window.page.set_viewport_size({"width": 360, "height": 800})
    for name, path in {
        "readme": f"{source}?path=README.md",
        "history": f"{source}/history",
        "commit": f"{source}/commits/{sha}",
        "usage": f"/algorithms/{newcomer.name}/{NAME}/usage",
    }.items():
        window.go(path)
        window.fits()
        window.picture(f"newcomer-{name}-360")


def break_and_mend(newcomer: Newcomer) -> None:
    window, page = newcomer.window, newcomer.window.page
    window.go(f"{newcomer.source}/edit?path=src/{NAME}.py")
    good = page.input_value("#id_content")
    page.fill("#id_content", "def apply(input:\n")
    page.click("#save")
    page.locator("#build-state .bad").wait_for(timeout=60_000)
    newcomer.look("build-failed")
    page.fill("#id_content", good)
    page.click("#save")
    page.locator("#build-state .good").wait_for(timeout=60_000)
    page.click("#save")
    page.get_by_text("Nothing has changed").wait_for()
    window.check()
    assert page.get_by_role("link", name="Publish").is_visible()


def rename(newcomer: Newcomer) -> None:
    window, page = newcomer.window, newcomer.window.page
    window.go(f"{newcomer.source}?path=README.md")
    window.open("Rename").get_by_role("heading", name="Rename README.md").wait_for()
    newcomer.look("rename")
    page.fill("#modal-body #id_to", "src")
    window.push("Rename and build")
    page.get_by_text("There is something at src already.").first.wait_for()
    page.keyboard.press("Escape")
    window.open("Delete").get_by_role("heading", name="Delete README.md?").wait_for()
    window.go(f"{newcomer.source}/new?folder=docs")
    window.fill("Path", "docs/about.md")
    page.fill("#id_content", "# About\n")
    window.press("Save and build")
    assert "Edit docs/about.md" in window.text


def compare_and_count(newcomer: Newcomer, sha: str) -> None:
    """What changed since a commit, and the call of it that was made at the beginning."""
    window, one = newcomer.window, f"/algorithms/{newcomer.name}/{NAME}"
    window.go(f"{one}/diff?from={sha}")
    window.page.get_by_role("heading", name="docs/about.md").wait_for()
    newcomer.look("diff")
    window.go(f"{one}/usage")
    assert re.search("Calls of the last 24 hours", window.text)
    window.page.get_by_text("The numbers of these charts").click()
    newcomer.look("usage")
