"""Pages that everybody meets, in a real browser: what they look like and whom they keep out."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.acceptance.browser import Window, open_window
from tests.acceptance.platform import Platform

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("live"), pytest.mark.timeout(180)]


@pytest.fixture(params=[1280, 360])
def window(browser: Browser, live: Platform, request: pytest.FixtureRequest) -> Iterator[Window]:
    with open_window(browser, live.url, request.param) as opened:
        yield opened


def test_pages_before_one_has_signed_in(window: Window) -> None:
    width = window.page.viewport_size["width"]  # type: ignore[index]
    for path in ("/", "/signin", "/signup", "/signin/reset"):
        window.go(path)
        window.fits()
        window.audit()
        window.picture(f"{path.strip('/').replace('/', '-') or 'home'}-{width}")


def test_the_colours_that_a_reader_chooses(window: Window) -> None:
    window.go("/")
    window.page.get_by_label("Colours").select_option("dark")
    window.press("Set")
    ground = window.page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ground == "rgb(22, 25, 29)"


def test_the_keyboard_alone(window: Window) -> None:
    window.go("/")
    window.page.keyboard.press("Tab")
    assert window.page.evaluate("document.activeElement.textContent") == "Skip to the content"
    window.page.keyboard.press("Enter")
    assert window.page.evaluate("document.activeElement.id") == "main"


@pytest.mark.parametrize(
    ("made", "complaint"),
    [
        ("img = new Image(); img.src = '/static/nothing.png'", "404"),
        ("document.body.setAttribute('style', 'color: red')", "Content Security Policy"),
        (
            "document.head.append(Object.assign(new Image(), {src: 'http://127.0.0.2:9/'}))",
            "Policy",
        ),
        ("console.error('this went wrong')", "this went wrong"),
        ("setTimeout(() => nobody.knows)", "nobody is not defined"),
    ],
)
def test_a_window_notices(browser: Browser, live: Platform, made: str, complaint: str) -> None:
    """What no flow of these tests may have."""
    with pytest.raises(AssertionError, match=complaint), open_window(browser, live.url) as window:
        window.go("/")
        with window.page.expect_event("pageerror" if "nobody" in made else "console"):
            window.page.evaluate(made)
