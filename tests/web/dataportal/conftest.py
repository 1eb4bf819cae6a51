"""Browsers in which people look at their data."""

from collections.abc import Iterator

import pytest
from pytest_django import Settings

from tests.doubles.seaweed import Seaweed, running_seaweed


@pytest.fixture(scope="session")
def seaweed() -> Iterator[Seaweed]:
    """An S3 server, started once for the tests of one group."""
    with running_seaweed() as server:
        yield server


@pytest.fixture
def local(settings: Settings) -> None:
    """Connectors may lead to this machine."""
    settings.CONNECTOR_HOSTS = frozenset({("127.0.0.1", None)})
