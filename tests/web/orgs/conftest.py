"""Browsers of an owner, a member and somebody else."""

from collections.abc import Callable

import pytest
from django.test import Client

from algoport.accounts.models import User
from orgs.models import Organization, OrganizationType
from tests.factories.organizations import make_organization


def browser_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def guest(make_user: Callable[[str], User]) -> User:
    return make_user("guest")


@pytest.fixture
def stranger(make_user: Callable[[str], User]) -> Client:
    return browser_of(make_user("stranger"))


@pytest.fixture
def team(demo: User, guest: User) -> Organization:
    """demo owns it, guest is in it."""
    return make_organization("Team", demo, guest)


@pytest.fixture
def owner(demo: User) -> Client:
    OrganizationType.objects.get_or_create(name="basic")
    return browser_of(demo)


@pytest.fixture
def member(guest: User) -> Client:
    return browser_of(guest)
