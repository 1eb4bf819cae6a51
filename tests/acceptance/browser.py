"""Chromium on the pages of a running platform, which must do with a strict policy of content."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeVar

import pytest
from playwright.sync_api import Browser, Locator, Page, sync_playwright

from tests.acceptance.platform import Platform
from tests.acceptance.portal import sign_in

Scheme = Literal["light", "dark"]

PICTURES = Path(__file__).parents[2] / "var" / "pictures"
CHROMIUM = shutil.which("chromium")
_UNLABELLED = """() => [...document.querySelectorAll("input, select, textarea")]
    .filter(each => !["hidden", "submit", "button"].includes(each.type))
    .filter(each => !each.labels?.length && !each.getAttribute("aria-label")
        && !each.getAttribute("aria-labelledby") && !each.title)
    .map(each => each.outerHTML)"""

_AXE = Path(__file__).parents[1] / "vendor" / "axe-core-4.14.1.min.js"
_RUN_AXE = """async rules => {
    const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
    const { violations } = await axe.run(document, { runOnly: rules ?? tags });
    const told = node => [node.target.join(" "), node.failureSummary];
    return violations.map(each => [each.id, each.nodes.map(told)]);
}"""

# All that can differ between one page in light and in dark.
_ABOUT_COLOURS = ["color-contrast", "link-in-text-block"]
_STYLED = "Applying inline style violates"


@dataclass
class Window:
    """A window of a browser, and what went wrong in it."""

    url: str
    page: Page
    scheme: Scheme = "light"
    complaints: list[str] = field(default_factory=list)

    def go(self, path: str) -> None:
        answer = self.page.goto(f"{self.url}{path}")
        assert answer is not None and answer.ok, (path, answer and answer.status)
        policy = answer.headers["content-security-policy"]
        assert "script-src 'self';" in policy and "unsafe" not in policy
        assert "#" in path or self.page.evaluate("scrollY") == 0, f"{path} begins in its middle"
        self.check()

    def press(self, name: str) -> None:
        """Press the button, and look at the page that it leads to."""
        with self.page.expect_navigation():
            self.page.get_by_role("button", name=name, exact=True).first.click()
        self.check()

    def follow(self, name: str) -> None:
        with self.page.expect_navigation():
            self.page.get_by_role("link", name=name, exact=True).first.click()
        self.check()

    def push(self, name: str) -> None:
        """Press a button that does something on this page."""
        self.page.get_by_role("button", name=name, exact=True).first.click()

    def unfold(self, name: str) -> None:
        """Open a menu, or what stands behind a heading."""
        self.page.locator("summary").get_by_text(name, exact=True).first.click()

    def open(self, name: str) -> Locator:
        """Follow a link that opens a dialog; the dialog."""
        self.page.get_by_role("link", name=name, exact=True).first.click()
        return self.dialog()

    def dialog(self) -> Locator:
        """The dialog that opens now, and takes the focus."""
        dialog = self.page.get_by_role("dialog")
        dialog.wait_for()
        assert self.page.evaluate("document.activeElement.closest('dialog') !== null")
        self.check()
        return dialog

    def sign_out(self, name: str) -> None:
        self.unfold(name)
        self.press(f"Sign out {name}")

    def reach(self, label: str) -> None:
        """Go into a field."""
        self.page.get_by_label(label, exact=True).click()

    def fill(self, label: str, value: str) -> None:
        self.page.get_by_label(label, exact=True).fill(value)

    @property
    def text(self) -> str:
        return self.page.inner_text("body")

    def check(self) -> None:
        """No error in the console, nothing refused by the policy, every input with a label."""
        assert not self.complaints, self.complaints
        unlabelled = self.page.evaluate(_UNLABELLED)
        assert not unlabelled, (self.page.url, unlabelled)

    def audit(self, *schemes: Scheme) -> None:
        """Nothing that axe-core finds against WCAG 2.2 A and AA, in light and in dark."""
        rules = None
        for scheme in schemes or ("light", "dark"):
            self.page.emulate_media(color_scheme=scheme)
            if not self.page.evaluate("'axe' in window"):
                # By the debugger, which a page's policy does not bind.
                self.page.evaluate(_AXE.read_text())
            before = list(self.complaints)
            found = self.page.evaluate(_RUN_AXE, rules)
            # axe-core tries styles on elements of forms, which the policy refuses as it should.
            new = [said for said in self.complaints[len(before) :] if _STYLED not in said]
            self.complaints[:] = [*before, *new]
            assert not found, (self.page.url, scheme, found)
            rules = _ABOUT_COLOURS
        self.page.emulate_media(color_scheme=self.scheme)

    def fits(self) -> None:
        """The page is not wider than its window."""
        widths = self.page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
        assert widths[0] <= widths[1], (self.page.url, widths)

    def picture(self, name: str) -> None:
        """The page as it looks, in light and in dark; kept in var/pictures, to be looked at."""
        PICTURES.mkdir(parents=True, exist_ok=True)
        for scheme in ("light", "dark"):
            self.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            # Hiding the caret leaves empty style attributes, which htmx copies: against the policy.
            file = PICTURES / f"{name}-{scheme}.png"
            self.page.screenshot(path=file, full_page=True, caret="initial")
        self.page.emulate_media(color_scheme=self.scheme)


W = TypeVar("W", bound=Window)


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser. Left out loudly, or with ALGOPORT_TEST_STRICT failed, where there is none."""
    if CHROMIUM is None:
        reason = "Chromium is missing: apt-get install chromium"
        if os.environ.get("ALGOPORT_TEST_STRICT"):
            pytest.fail(reason)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        # Its own sandbox does not work for root.
        sandboxed = os.geteuid() != 0
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, chromium_sandbox=sandboxed, args=["--disable-dev-shm-usage"]
        )
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def open_window(
    browser: Browser,
    url: str,
    width: int = 1280,
    scheme: Scheme = "light",
    kind: type[W] = Window,  # type: ignore[assignment]
) -> Iterator[W]:
    """A window with a session of its own, in which nothing may go wrong until it is closed."""
    context = browser.new_context(
        viewport={"width": width, "height": 900}, reduced_motion="reduce", color_scheme=scheme
    )
    window = kind(url, context.new_page(), scheme)

    def complain(text: str) -> None:
        # A form that htmx sent and that was refused; what it answers is looked at.
        if "status of 422" not in text:
            window.complaints.append(f"{window.page.url}: {text}")

    window.page.on("console", lambda said: said.type == "error" and complain(said.text))
    window.page.on("pageerror", lambda error: complain(str(error)))
    try:
        yield window
        window.check()
    finally:
        context.close()


@contextmanager
def signed_in(
    browser: Browser,
    platform: Platform,
    person: tuple[str, str],
    width: int = 1280,
    scheme: Scheme = "light",
    kind: type[W] = Window,  # type: ignore[assignment]
) -> Iterator[W]:
    """A window of somebody, by name and password, who has signed in before it was opened."""
    session, shown = sign_in(platform, *person, page="/user/sessions")
    assert shown.url.endswith("/user/sessions"), shown.url
    with open_window(browser, platform.url, width, scheme, kind) as window:
        window.page.context.add_cookies(
            [
                {"name": each.name, "value": each.value or "", "url": platform.url}
                for each in session.cookies
            ]
        )
        yield window
