"""Browsers in which people have signed in, and algorithms for them to look at."""

from collections.abc import Callable

import pytest
from django.test import Client

from algoport.accounts.models import User
from algorithms.models import Algorithm, Environment
from tests.factories.algorithms import make_algorithm


@pytest.fixture
def guest(make_user: Callable[[str], User]) -> User:
    return make_user("guest")


@pytest.fixture
def visitor(guest: User, browser_of: Callable[[User], Client]) -> Client:
    """guest's, who owns nothing."""
    return browser_of(guest)


@pytest.fixture
def algorithm(demo: User, python_environment: Environment) -> Algorithm:
    """demo's private algorithm `Hello`."""
    return make_algorithm(demo)
