"""Every page there is, in a real browser: for whoever reads it, in any colours, on any screen."""

import json
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext

from tests.acceptance.browser import Window, signed_in
from tests.acceptance.platform import Platform
from tests.acceptance.steps import unused
from tests.browser.entrance import PASSWORD

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("live"), pytest.mark.timeout(300)]

# Its content comes after it.
API_REFERENCE = "/developers/api"
MAKE_WORLD = """
import json
from algoport.accounts.services import create_user
from algorithms.constants import FeatureName
from algorithms.features.switching import switch_feature
from tests.web.pages_world import addresses, make_world

owner = create_user(username="{name}", email="{name}@example.com", password="{password}")
switch_feature(name=FeatureName.ALGORITHM_ERRORS, enabled=True, username="{name}")
world = make_world(owner, team="{team}")
print("WORLD", json.dumps([address for _, address in addresses(world)]))
"""


@pytest.fixture(scope="module")
def owner() -> str:
    return unused("pages")


@pytest.fixture(scope="module")
def pages(live: Platform, owner: str) -> list[str]:
    """The addresses of a world that is the owner's."""
    code = MAKE_WORLD.format(name=owner, password=PASSWORD, team=unused("team"))
    output = live.manage("shell", "--no-imports", "--command", code)
    line = next(line for line in output.splitlines() if line.startswith("WORLD "))
    found: list[str] = json.loads(line.removeprefix("WORLD "))
    return found


@pytest.fixture
def window(browser: Browser, live: Platform, owner: str, pages: list[str]) -> Iterator[Window]:
    """A window in which the owner has signed in."""
    with signed_in(browser, live, (owner, PASSWORD)) as opened:
        yield opened


def is_page(context: BrowserContext, address: str) -> bool:
    """Whether it is more than a file, a way to another page or a part of one."""
    answer = context.request.get(address, max_redirects=0)
    assert answer.status in (200, 204, 302, 404, 405, 422), (address, answer.status)
    kind = answer.headers.get("content-type", "")
    return answer.status == 200 and kind.startswith("text/html") and "<html" in answer.text()


def test_every_page_is_for_everybody(window: Window, pages: list[str]) -> None:
    page, found, looked_at = window.page, [], 0
    for address in pages:
        if not is_page(page.context, f"{window.url}{address}"):
            continue
        page.set_viewport_size({"width": 1280, "height": 900})
        looked_at += 1
        try:
            window.go(address)
            assert not page.locator("x-probe, [x-probe]").count(), "what somebody wrote is markup"
            if address == API_REFERENCE:
                page.locator(".opblock-tag").first.wait_for()
            window.audit()
            window.fits()
            page.set_viewport_size({"width": 360, "height": 800})
            window.audit("light")
            window.fits()
        except AssertionError as exc:
            found.append(f"{address}: {str(exc)[:1500]}")
            window.complaints.clear()
    assert not found, f"{len(found)} pages\n" + "\n\n".join(found)
    assert looked_at > 50
