"""Accounts and organizations in a real browser: from a sign-up to a team that works together."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.acceptance.browser import Window, chromium, open_window
from tests.acceptance.platform import Platform
from tests.acceptance.steps import unused
from tests.live.test_sign_in_in_browser import sign_up

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("live"), pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


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
        window.picture(f"people-{path.strip('/').replace('/', '-') or 'start'}-360")
    window.page.set_viewport_size({"width": 1280, "height": 900})


def test_a_newcomer_makes_keys(browser: Browser, live: Platform) -> None:
    with open_window(browser, live.url) as window:
        sign_up(window, live, unused("newcomer"))
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
