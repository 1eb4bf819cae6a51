"""From nothing to a call in a real browser: make an algorithm, edit it, see it built."""

import pytest

from tests.acceptance.browser import Window, chromium, open_window, sign_in
from tests.acceptance.platform import Platform
from tests.acceptance.steps import unused

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("live"), pytest.mark.timeout(180)]

SOURCE = """def apply(input):
return {"greeting": "Hello " + input["name"]}
"""


def look(window: Window, name: str) -> None:
    window.fits()
    window.audit()
    window.picture(f"source-{name}-1280")


def narrow(window: Window, **pages: str) -> None:
    """How the pages look on a telephone."""
    window.page.set_viewport_size({"width": 360, "height": 800})
    for name, path in pages.items():
        window.go(path)
        window.fits()
        window.picture(f"source-{name}-360")


def test_an_algorithm_is_made_edited_and_called(live: Platform) -> None:
    first = live.first_run
    with chromium() as browser, open_window(browser, live.url) as window:
        sign_in(window, first["username"], first["password"], "/algorithms")
        name, owner = unused("Greeter"), first["username"]
        make(window, owner, name)
        source = f"/algorithms/{owner}/{name}/source"
        window.go(f"{source}?path=src/{name}.py")
        look(window, "file")
        window.follow("Edit")
        sha = edit_by_keyboard(window)
        look(window, "built")
        answer = live.demo.client.algo(f"{owner}/{name}/{sha}").pipe({"name": "you"})
        assert answer.result == {"greeting": "Hello you"}
        break_and_mend(window)
        assert window.page.get_by_role("link", name="Publish").is_visible()
        window.go(f"{source}/history")
        look(window, "history")
        window.page.locator(".commit-link").first.click()
        window.page.locator(".diff").first.wait_for()
        look(window, "commit")
        rename(window, source)
        compare_and_count(window, f"/algorithms/{owner}/{name}", sha)
        narrow(
            window,
            new="/algorithms/new",
            folder=source,
            file=f"{source}?path=README.md",
            editor=f"{source}/edit?path=README.md",
            history=f"{source}/history",
            commit=f"{source}/commits/{sha}",
            usage=f"/algorithms/{owner}/{name}/usage",
        )


def make(window: Window, owner: str, name: str) -> None:
    window.follow("New algorithm")
    window.fill("Name", "no name")
    window.page.get_by_text("Begin with a letter; letters").wait_for()
    window.press("Create")
    look(window, "new-refused")
    window.fill("Name", name)
    window.page.get_by_text(f"{owner}/{name}", exact=True).wait_for()
    window.fill("Tagline (optional)", "Greets whoever is named.")
    window.press("Create")
    assert f"{owner}/{name} is made" in window.text
    look(window, "folder")


def edit_by_keyboard(window: Window) -> str:
    """The commit that has been built when this returns."""
    page, keyboard = window.page, window.page.keyboard
    page.get_by_label("Content").focus()
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
    return page.inner_text("#built").rpartition("/")[2]


def break_and_mend(window: Window) -> None:
    page = window.page
    good = page.input_value("#id_content")
    page.fill("#id_content", "def apply(input:\n")
    page.click("#save")
    page.locator("#build-state .bad").wait_for(timeout=60_000)
    page.fill("#id_content", good)
    page.click("#save")
    page.locator("#build-state .good").wait_for(timeout=60_000)
    page.click("#save")
    page.get_by_text("Nothing has changed").wait_for()
    window.check()


def rename(window: Window, source: str) -> None:
    window.go(f"{source}?path=README.md")
    window.page.get_by_role("link", name="Rename").click()
    window.page.get_by_role("heading", name="Rename README.md").wait_for()
    look(window, "rename")
    window.page.fill("#modal-body #id_to", "src")
    window.page.get_by_role("button", name="Rename and build").click()
    window.page.get_by_text("There is something at src already.").first.wait_for()
    window.page.keyboard.press("Escape")
    window.page.get_by_role("link", name="Delete").click()
    window.page.get_by_role("heading", name="Delete README.md?").wait_for()
    window.go(f"{source}/new?folder=docs")
    window.fill("Path", "docs/about.md")
    window.page.fill("#id_content", "# About\n")
    window.press("Save and build")
    assert "Edit docs/about.md" in window.text


def compare_and_count(window: Window, one: str, sha: str) -> None:
    """What changed since a commit, and the call of it that was made at the beginning."""
    window.go(f"{one}/diff?from={sha}")
    window.page.get_by_role("heading", name="docs/about.md").wait_for()
    look(window, "diff")
    window.go(f"{one}/usage")
    assert "Calls of the last 24 hours" in window.text
    window.page.get_by_text("The numbers of these charts").click()
    look(window, "usage")
