"""Fixtures of the portal's pages, without a platform around them."""

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
