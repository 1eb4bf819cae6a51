"""An owner and their algorithm in a real browser: found, run, built and set up."""

import re
import threading
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.acceptance.browser import Window, signed_in
from tests.acceptance.platform import Account, Platform, create, wait_until, working_copy
from tests.acceptance.steps import unused

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("live"), pytest.mark.timeout(240)]

GREETS = """
def apply(input):
    print("somebody came")
    if input == 0:
        raise ValueError("nobody")
    if input == "bytes":
        return bytearray(b"\\x00\\x01\\x02")
    return {"hello": input, "others": [1, 2, 3]}
"""
SLOW = """
import time

for second in range(3):
    print(f"warming up: {second}", flush=True)
    time.sleep(1)


def apply(input):
    return input
"""
README = (
    "# Greets\n\nSays **hello** to whom it is given.\n\n| input | output |\n|:-|-:|\n| a | b |\n"
)


@pytest.fixture
def window(browser: Browser, live: Platform) -> Iterator[Window]:
    """A window in which demo has signed in."""
    first = live.first_run
    with signed_in(browser, live, (first["username"], first["password"])) as opened:
        yield opened


def look(window: Window, name: str) -> None:
    window.check()
    window.fits()
    window.audit()
    window.picture(f"algorithms-{name}-1280")


def test_an_owner_and_their_algorithm(window: Window, live: Platform) -> None:
    name = unused("Greets")
    with working_copy(live.demo, create(live.demo, name)) as copy:
        copy.write(f"src/{name}.py", GREETS)
        copy.write("README.md", README)
        assert copy.push().ok
    live.demo.client.algo(f"demo/{name}").publish(
        settings={"algorithm_callability": "private"}, version_info={"version_type": "minor"}
    )
    path = f"/algorithms/demo/{name}"
    find_by_keyboard(window, name)
    run_examples(window)
    window.follow("Docs")
    look(window, "docs")
    change_settings(window, name)
    keep_a_secret(window)
    window.follow("Errors")
    look(window, "errors")
    follow_a_build(window, live.demo, path)
    narrow(window, path)


def find_by_keyboard(window: Window, name: str) -> None:
    keyboard = window.page.keyboard
    window.go("/algorithms")
    look(window, "catalogue")
    window.page.get_by_label("Whose").select_option("mine")
    expect(window.page).to_have_url(re.compile(r"[?&]whose=mine(&|$)"))
    window.page.get_by_label("Search").focus()
    keyboard.type(name.lower())
    expect(window.page.locator(".algorithm-card")).to_have_count(1)
    expect(window.page).to_have_url(re.compile(rf"\?q={name.lower()}(&|$)"))
    link = window.page.get_by_role("link", name=f"demo/{name}")
    for _ in range(8):
        keyboard.press("Tab")
        if link.evaluate("each => each === document.activeElement"):
            break
    with window.page.expect_navigation():
        keyboard.press("Enter")
    assert window.page.get_by_role("heading", name=name, exact=True).is_visible()


def run_examples(window: Window) -> None:
    page = window.page
    page.get_by_label("Input", exact=True).fill('{"not json')
    page.get_by_role("button", name="Run").click()
    expect(page.locator("#run-problem")).to_contain_text("This is not JSON")
    page.get_by_label("Input", exact=True).fill('"you"')
    page.get_by_role("button", name="Run").click()
    expect(page.locator("#run-output")).to_contain_text('"hello": "you"')
    expect(page.get_by_role("button", name="Run")).to_be_enabled()
    page.get_by_text("Printed by the algorithm").click()
    expect(page.locator("#run-stdout pre")).to_contain_text("somebody came")
    page.get_by_text("Where the time went").click()
    assert page.locator("#run-times rect").count() == 7
    look(window, "overview")
    page.get_by_label("Input", exact=True).fill("0")
    page.get_by_role("button", name="Run").click()
    expect(page.locator("#run-error")).to_contain_text("nobody")
    page.get_by_text("Stack trace").click()
    expect(page.locator("#run-trace pre")).to_contain_text("ValueError")
    look(window, "overview-failed")
    page.get_by_label("Input", exact=True).fill('"bytes"')
    page.get_by_role("button", name="Run").click()
    expect(page.locator("#run-output")).to_contain_text("3 bytes")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    assert download.value.path().read_bytes() == b"\x00\x01\x02"
    refuse_other_sites(window)
    page.get_by_role("link", name="Python").click()
    expect(page.locator("#snippet-text")).to_contain_text("import Algorithmia")


def refuse_other_sites(window: Window) -> None:
    """A session alone is what a page of another site could send: it calls nothing."""
    url = window.url + str(window.page.locator("#run").get_attribute("data-url"))
    asked = window.page.context.request.post(url, data="0", headers={"Content-Type": "text/plain"})
    assert asked.status == 403 and "CSRF" in asked.text()


def change_settings(window: Window, name: str) -> None:
    page = window.page
    window.follow("Settings")
    look(window, "settings")
    window.fill("Label", "")
    window.press("Save")
    assert "This could not be done yet" in window.text
    look(window, "settings-refused")
    window.fill("Label", "Greets people")
    window.fill("Tagline", "Says hello to whomever it is given.")
    window.press("Save")
    assert "The settings are saved." in window.text
    expect(window.open("Delete the algorithm")).to_contain_text(f"Delete demo/{name}?")
    window.audit()
    window.picture("algorithms-delete-1280")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()


def keep_a_secret(window: Window) -> None:
    page = window.page
    window.follow("Secrets")
    window.open("Add a secret")
    expect(page.get_by_label("Name", exact=True)).to_be_focused()
    window.audit()
    page.keyboard.type("Token of the weather service")
    window.fill("Environment variable", "WEATHER_TOKEN")
    window.fill("Value", "sunny-and-secret")
    window.picture("algorithms-secret-1280")
    page.keyboard.press("Tab")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert "WEATHER_TOKEN is set." in window.text
    assert "sunny-and-secret" not in page.content()
    look(window, "secrets")


def follow_a_build(window: Window, account: Account, path: str) -> None:
    """The page of a build that is under way: its log grows, and it tells how it ended."""
    page = window.page
    with working_copy(account, path.removeprefix("/algorithms/")) as copy:
        copy.write(f"src/{path.rpartition('/')[2]}.py", SLOW)
        pushing = threading.Thread(target=copy.push)
        pushing.start()
        try:
            wait_until(lambda: is_building(window, path), 20, "a build in progress")
            window.page.locator("tbody th a").first.click()
            expect(page.locator("#build-facts")).to_contain_text("In progress")
            look(window, "build-in-progress")
            expect(page.locator("#build-facts")).to_contain_text("Succeeded", timeout=30_000)
        finally:
            pushing.join()
    assert "Publish" in window.text
    with page.expect_download() as download:
        page.get_by_role("link", name="Download the log").click()
    assert download.value.path().read_text() == page.locator("#log").text_content() != ""
    look(window, "build")


def is_building(window: Window, path: str) -> bool:
    window.go(f"{path}/builds?status=in-progress")
    return window.page.locator("tbody th a").count() > 0


def narrow(window: Window, path: str) -> None:
    """All of it on a telephone."""
    window.page.set_viewport_size({"width": 360, "height": 800})
    tabs = ("", "/docs", "/builds", "/versions", "/versions/publish", "/errors", "/settings")
    for below in (*tabs, "/secrets", "/secrets/new"):
        window.go(f"{path}{below}")
        window.fits()
        window.picture(f"algorithms{below.replace('/', '-') or '-overview'}-360")
    window.go("/algorithms")
    window.fits()
    window.picture("algorithms-catalogue-360")
