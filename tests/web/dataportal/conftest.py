"""Browsers in which people look at their data."""

from collections.abc import Callable, Iterator

import pytest
from django.test import Client
from pytest_django import Settings

from algoport.accounts.models import User
from tests.doubles.seaweed import Seaweed, running_seaweed


@pytest.fixture
def browser_of(db: None) -> Callable[[User], Client]:
    def sign_in(user: User) -> Client:
        client = Client()
        client.force_login(user)
        return client

    return sign_in


@pytest.fixture
def browser(demo: User, browser_of: Callable[[User], Client]) -> Client:
    """demo has signed in there."""
    return browser_of(demo)


@pytest.fixture(scope="session")
def seaweed() -> Iterator[Seaweed]:
    """An S3 server, started once for the tests of one group."""
    with running_seaweed() as server:
        yield server


@pytest.fixture
def local(settings: Settings) -> None:
    """Connectors may lead to this machine."""
    settings.CONNECTOR_HOSTS = frozenset({("127.0.0.1", None)})
