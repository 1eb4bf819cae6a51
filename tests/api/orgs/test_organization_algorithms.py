"""Algorithms of organizations: members make, see and manage them."""

from collections.abc import Callable

import pytest
from rest_framework.test import APIClient

from algoport.accounts.models import User
from algoport.accounts.permissions import Scopes
from algorithms.models import Algorithm, Environment
from orgs.models import Organization
from tests.factories.algorithms import make_algorithm, make_build, make_error
from tests.factories.organizations import make_organization

pytestmark = pytest.mark.django_db

ONE = "/v1/algorithms/makers/Hello"


@pytest.fixture
def guest(make_user: Callable[[str], User]) -> User:
    return make_user("guest")


@pytest.fixture
def makers(demo: User, guest: User) -> Organization:
    """demo owns it, guest is in it."""
    return make_organization("makers", demo, guest)


@pytest.fixture
def algorithm(makers: Organization, python_environment: Environment) -> Algorithm:
    made = make_algorithm(makers.account)
    make_build(made)
    return made


def test_members_make_algorithms_in_it(
    makers: Organization,
    guest: User,
    make_user: Callable[[str], User],
    api_of: Callable[..., APIClient],
    python_environment: Environment,
) -> None:
    body = {
        "details": {"label": "Hello", "summary": ""},
        "name": "Hello",
        "settings": {
            "algorithm_environment": str(python_environment.pk),
            "license": "apl",
            "network_access": "isolated",
            "pipeline_enabled": False,
            "source_visibility": "closed",
        },
        "source": {"repository_https_url": None, "scm": {"id": "internal"}},
    }
    stranger = api_of(make_user("stranger"))
    assert stranger.post("/v1/algorithms/makers", body, format="json").status_code == 403
    answer = api_of(guest).post("/v1/algorithms/makers", body, format="json")
    assert answer.status_code == 201, answer.json()
    assert Algorithm.objects.get().owner == makers.account
    assert stranger.get(ONE).status_code == 404


def test_members_see_what_is_private_in_it(
    algorithm: Algorithm,
    guest: User,
    make_user: Callable[[str], User],
    api_of: Callable[..., APIClient],
) -> None:
    member, stranger = api_of(guest), api_of(make_user("stranger"))
    for url in (ONE, f"{ONE}/builds"):
        assert member.get(url).status_code == 200
        assert stranger.get(url).status_code == 404


def test_the_errors_of_its_algorithms_are_its_members_to_see(
    algorithm: Algorithm,
    guest: User,
    make_user: Callable[[str], User],
    api_of: Callable[..., APIClient],
) -> None:
    other = make_algorithm(make_user("stranger"))
    for failing, message in ((algorithm, "its own"), (other, "of another")):
        make_error(failing, guest, message=message)
    (entry,) = api_of(guest).get("/v1/organizations/makers/errors").json()
    assert entry["username"] == "makers" and "its own" in entry["error"]
    narrow = api_of(guest, Scopes(native_calls=True))
    assert narrow.get("/v1/organizations/makers/errors").status_code == 403
    stranger = api_of(other.owner)
    assert stranger.get("/v1/organizations/makers/errors").status_code == 404
