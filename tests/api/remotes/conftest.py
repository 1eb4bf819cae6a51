"""A platform that knows a host of repositories."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from rest_framework.test import APIClient

from algoport.accounts.models import User
from algorithms.models import Algorithm
from tests.doubles.repository_host import RepositoryHost, repository_host
from tests.factories.accounts import administrator_client
from tests.factories.remotes import connect, create


@pytest.fixture
def administrator(make_user: Callable[[str], User]) -> APIClient:
    return administrator_client(make_user("admin"))


@pytest.fixture
def host(
    settings: Any, administrator: APIClient, python_environment: object
) -> Iterator[RepositoryHost]:
    """A GitHub that an administrator has described."""
    settings.SCM_HOSTS = frozenset({("127.0.0.1", None)})
    with repository_host() as made:
        answer = administrator.post("/v1/admin/scms", made.described(), "json")
        assert answer.status_code == 201, answer.content
        yield made


@pytest.fixture
def hosted(api: APIClient, host: RepositoryHost) -> Algorithm:
    """demo/Hello, whose source is at octo/Hello."""
    connect(api)
    made = create(api)
    assert made.status_code == 201, made.content
    return Algorithm.objects.get()
