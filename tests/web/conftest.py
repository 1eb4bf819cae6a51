"""Fixtures of the portal's pages, without a platform around them."""

from collections.abc import Callable

import pytest
from django.test import Client

from algoport.accounts.models import User
from algoport.accounts.services import create_user


@pytest.fixture
def administrator(db: None) -> User:
    return create_user(username="root", email="root@example.com", password="first", staff=True)


@pytest.fixture
def portal(administrator: User) -> Client:
    """A browser in which the administrator has signed in."""
    client = Client()
    client.force_login(administrator)
    return client


@pytest.fixture
def browser_of(db: None) -> Callable[[User], Client]:
    """Browsers in which somebody has signed in."""

    def sign_in(user: User) -> Client:
        client = Client()
        client.force_login(user)
        return client

    return sign_in


@pytest.fixture
def browser(demo: User, browser_of: Callable[[User], Client]) -> Client:
    """demo's."""
    return browser_of(demo)
