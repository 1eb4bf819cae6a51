"""A whole platform, started once for the tests that share it."""

from collections.abc import Iterator

import pytest

from tests.acceptance.platform import Platform, running_platform


@pytest.fixture(scope="session")
def live() -> Iterator[Platform]:
    with running_platform() as platform:
        yield platform
