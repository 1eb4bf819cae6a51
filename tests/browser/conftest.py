"""One browser for all tests of pages; each has windows with sessions of their own."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.acceptance.browser import chromium


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """It is gone before other tests begin: its event loop is seen by all that run beside it."""
    with chromium() as opened:
        yield opened
