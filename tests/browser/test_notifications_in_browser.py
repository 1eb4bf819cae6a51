"""The bell, the list of notifications and the catalogue's categories in a real browser."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.acceptance.browser import Window, signed_in
from tests.acceptance.platform import Platform
from tests.acceptance.steps import unused
from tests.browser.entrance import PASSWORD

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("live"), pytest.mark.timeout(180)]

MAKE = """
from algoport.accounts.services import create_user
from algoport.notifications.constants import NotificationKind
from algoport.notifications.services import News, notify, send_message
from algorithms.categories import CategoryFields, categories, create_category
from algorithms.updates import AlgorithmChanges, update_algorithm
from tests.factories.algorithms import make_algorithm

user = create_user(username="{name}", email="{name}@example.com", password="{password}")
for title, tag, tagline in (
    ("Vision", "vision", "Pictures and what is on them"),
    ("Text", "text", "Words, sentences, languages"),
    ("Time series", "time-series", ""),
):
    if tag not in {{each.tag for each in categories()}}:
        text = "Try *one* of these:\\n\\n- a\\n- b"
        create_category(given=CategoryFields(title, tagline, tag, text, 99))
for name in ("Faces", "Edges"):
    row = make_algorithm(user, name)
    update_algorithm(algorithm=row, changes=AlgorithmChanges(
        tags=["vision", "pictures"], tagline="What is in a picture, and where."))
text = "On Monday the platform is away.\\nFor an hour."
send_message(usernames=["{name}"], text=text, link="https://example.com/plan")
for number in range(3):
    notify(accounts=[user.pk], news=News(
        NotificationKind.BUILD_FAILED,
        f"The build of team/Tool{{number}} at 1a2b3c4d has failed: it ended with exit code 1.",
        "/algorithms/{name}/Faces",
    ))
"""


@pytest.fixture
def window(browser: Browser, live: Platform) -> Iterator[Window]:
    name = unused("told")
    code = MAKE.format(name=name, password=PASSWORD)
    live.manage("shell", "--no-imports", "--command", code)
    with signed_in(browser, live, (name, PASSWORD)) as opened:
        yield opened


def look(window: Window, name: str) -> None:
    """The page on a wide screen and on a telephone; its audit is every page's."""
    for width in (1280, 360):
        window.page.set_viewport_size({"width": width, "height": 900})
        window.fits()
        window.picture(f"told-{name}-{width}")
    window.page.set_viewport_size({"width": 1280, "height": 900})


def test_what_is_told_and_how_algorithms_are_found(window: Window) -> None:
    page = window.page
    window.go("/algorithms")
    look(window, "categories")
    page.get_by_role("link", name="Vision").first.click()
    page.get_by_role("heading", name="Vision", exact=True).wait_for()
    look(window, "category")
    page.get_by_label("Category").select_option("Text")
    page.get_by_role("heading", name="Text", exact=True).wait_for()
    assert "category=text" in page.url
    page.get_by_role("link", name="Notifications, 4 unread").press("Enter")
    page.get_by_role("heading", name="Notifications").wait_for()
    look(window, "notifications")
    with page.expect_navigation():
        page.get_by_role("button", name="Mark as read").first.press("Enter")
    assert page.get_by_role("button", name="Mark as read").count() == 3
    window.follow("Unread")
    assert page.locator(".notices li").count() == 3
    window.press("Mark all as read")
    assert not page.locator(".bell span").count()
    window.go("/user/notifications?state=unread")
    look(window, "none-unread")
