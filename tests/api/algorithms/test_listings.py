"""The algorithms of a user or an organization in one array (spec.md 3.17)."""

from collections.abc import Callable

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from algoport.accounts.models import User
from algorithms import selectors
from algorithms.models import Environment
from tests.factories.accounts import administrator_client
from tests.factories.algorithms import make_algorithm, make_version
from tests.factories.organizations import make_organization

pytestmark = pytest.mark.django_db


def names(client: APIClient, path: str) -> list[str]:
    answer = client.get(path)
    assert answer.status_code == 200, answer.json()
    return [entry["algoname"] for entry in answer.json()]


def test_of_a_user(
    api: APIClient, demo: User, make_user: Callable[[str], User], api_of: Callable[..., APIClient]
) -> None:
    make_algorithm(demo, "beta")
    public = make_algorithm(demo, "Alpha")
    make_version(public)
    make_version(make_algorithm(demo, "gamma"), "private")
    path = "/v1/users/DEMO/algorithms"
    assert names(api, path) == ["Alpha", "beta", "gamma"]
    stranger = api_of(make_user("stranger"))
    assert stranger.get(path).json() == [
        {"id": str(public.id), "algoname": "Alpha", "username": "demo"}
    ]
    assert names(administrator_client(make_user("root")), path) == ["Alpha", "beta", "gamma"]
    assert APIClient().get(path).status_code == 401


@pytest.mark.parametrize("username", ["nobody", "%00", "x" * 2000])
def test_of_nobody(api: APIClient, username: str) -> None:
    answer = api.get(f"/v1/users/{username}/algorithms")
    assert (answer.status_code, answer.json()["code"]) == (404, 3000)


def test_of_an_organization(
    demo: User,
    make_user: Callable[[str], User],
    api_of: Callable[..., APIClient],
    python_environment: Environment,
) -> None:
    guest = make_user("guest")
    made = make_organization("makers", demo, guest)
    make_algorithm(made.account, "Private")
    make_version(make_algorithm(made.account, "Public"))
    path = "/v1/organizations/makers/utility-algorithms"
    assert names(api_of(guest), path) == ["Private", "Public"]
    assert names(api_of(guest), "/v1/users/makers/algorithms") == ["Private", "Public"]
    stranger = api_of(make_user("stranger"))
    assert stranger.get(path).json()["code"] == 3100
    assert names(stranger, "/v1/users/makers/algorithms") == ["Public"]


def test_it_costs_the_same_however_long(
    api: APIClient, demo: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = "/v1/users/demo/algorithms"
    with CaptureQueriesContext(connection) as short:
        api.get(path)
    for number in range(12):
        make_algorithm(demo, f"Hello{number:02}")
    with CaptureQueriesContext(connection) as long:
        assert len(names(api, path)) == 12
    assert len(long) == len(short) <= 3
    monkeypatch.setattr(selectors, "MOST_LISTED", 5)
    assert names(api, path) == [f"Hello{number:02}" for number in range(5)]
