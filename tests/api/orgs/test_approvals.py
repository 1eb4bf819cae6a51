"""Public versions of members: held until an owner approves them (docs/adr/0020)."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from algoport.accounts.authentication import principal_of_user
from algoport.accounts.models import User
from algoport.accounts.permissions import Scopes
from algoport.errors import ApiError
from algorithms.models import Algorithm, Approval, Environment, Version
from algorithms.selectors import resolve_call
from tests.factories.accounts import administrator_client
from tests.factories.algorithms import make_algorithm, make_build
from tests.factories.organizations import make_organization

pytestmark = pytest.mark.django_db

ONE = "/v1/algorithms/makers/Hello"
LIST = "/v1/organizations/makers/approvals"
BAD_VERSIONS = ["0.2.0", "0.1", "latest", "nonsense", "%00", "f" * 40, "9" * 500]


@pytest.fixture
def guest(make_user: Callable[[str], User]) -> User:
    return make_user("guest")


@pytest.fixture
def algorithm(demo: User, guest: User, python_environment: Environment) -> Algorithm:
    """Of makers, which demo owns and guest is in; with a build."""
    made = make_algorithm(make_organization("makers", demo, guest).account)
    make_build(made)
    return made


@pytest.fixture
def owner(algorithm: Algorithm, demo: User, api_of: Callable[..., APIClient]) -> APIClient:
    return api_of(demo)


@pytest.fixture
def member(algorithm: Algorithm, guest: User, api_of: Callable[..., APIClient]) -> APIClient:
    return api_of(guest)


@pytest.fixture
def stranger(make_user: Callable[[str], User], api_of: Callable[..., APIClient]) -> APIClient:
    return api_of(make_user("stranger"))


def publish(client: APIClient, callability: str = "public", **info: Any) -> Any:
    body = {"settings": {"algorithm_callability": callability}, "version_info": info}
    return client.post(f"{ONE}/versions", body, format="json")


def decide(client: APIClient, decision: str, version: str = "0.1.0") -> Any:
    return client.post(f"{ONE}/versions/{version}/{decision}")


def callable_by(user: User, version: str) -> bool:
    try:
        resolve_call(principal_of_user(user), "makers", "Hello", version)
    except ApiError:
        return False
    return True


def test_owners_publish_and_members_privately(
    owner: APIClient, member: APIClient, algorithm: Algorithm
) -> None:
    assert publish(member, "private").status_code == 200
    make_build(algorithm)
    assert "approval" not in publish(owner, "public").json()["version_info"]
    assert not Approval.objects.exists()


def test_a_members_public_version_is_private_until_it_is_approved(
    owner: APIClient, member: APIClient, stranger: APIClient, demo: User, guest: User
) -> None:
    held = publish(member, release_notes="First").json()
    assert held["version_info"]["approval"] == "held"
    assert held["version_info"]["semantic_version"] == "0.1.0"
    assert held["settings"]["algorithm_callability"] == "private"
    outsider = User.objects.get(username="stranger")
    for version in ("0.1.0", "latestPrivate"):
        assert callable_by(demo, version) and callable_by(guest, version)
    for version in ("", "latest", "0.1", "0.*", "0.1.0"):
        assert not callable_by(outsider, version)
    for version in ("", "0.*"):
        assert not callable_by(guest, version)
    assert stranger.get(ONE).status_code == 404
    assert member.get(f"{ONE}/versions?callable=true").json()["results"] == []
    assert len(member.get(f"{ONE}/versions?callable=false").json()["results"]) == 1

    answer = decide(owner, "approve")
    assert answer.status_code == 200
    decided = answer.json()
    assert (decided["state"], decided["requested_by"], decided["decided_by"]) == (
        "approved",
        "guest",
        "demo",
    )
    for version in ("", "latest", "0.1", "0.*", "0.1.0"):
        assert callable_by(outsider, version) and callable_by(guest, version)
    assert not callable_by(demo, "latestPrivate")
    shown = stranger.get(ONE).json()
    assert shown["settings"]["algorithm_callability"] == "public"
    assert "approval" not in shown["version_info"]
    assert len(stranger.get(f"{ONE}/versions?callable=true").json()["results"]) == 1
    assert stranger.get(f"{ONE}/versions?callable=false").json()["results"] == []


def test_what_is_refused_stays_private(
    owner: APIClient, member: APIClient, stranger: APIClient, guest: User
) -> None:
    publish(member)
    assert decide(owner, "refuse").json()["state"] == "refused"
    assert callable_by(guest, "0.1.0") and stranger.get(ONE).status_code == 404
    assert member.get(ONE).json()["version_info"]["approval"] == "refused"
    # It was private, and is public now.
    make_build(Algorithm.objects.get())
    assert publish(owner, version_type="minor").status_code == 400
    assert publish(owner).json()["version_info"]["semantic_version"] == "1.0.0"
    assert stranger.get(ONE).status_code == 200


def test_versions_are_decided_by_the_algorithms_id(
    owner: APIClient, member: APIClient, algorithm: Algorithm
) -> None:
    by_id = f"/v1/algorithms/{algorithm.id}/versions"
    publish(member)
    assert owner.post(f"{by_id}/0.1.0/approve").json()["state"] == "approved"
    make_build(algorithm)
    publish(member)
    assert owner.post(f"{by_id}/0.2.0/refuse").json()["state"] == "refused"


def test_each_version_is_approved_by_itself(
    owner: APIClient, member: APIClient, stranger: APIClient, algorithm: Algorithm
) -> None:
    publish(member)
    decide(owner, "approve", algorithm.builds.get().commit_sha)
    make_build(algorithm)
    # The setting is the algorithm's by now, and the permissions are as they were.
    again = member.post(f"{ONE}/versions", {}, format="json").json()["version_info"]
    assert (again["semantic_version"], again["approval"]) == ("0.2.0", "held")
    outsider = User.objects.get(username="stranger")
    assert callable_by(outsider, "0.1.0") and not callable_by(outsider, "0.2.0")
    assert decide(owner, "approve", "0.2.0").status_code == 200
    assert callable_by(outsider, "0.2.0")


def test_only_owners_decide(
    owner: APIClient,
    member: APIClient,
    stranger: APIClient,
    demo: User,
    api_of: Callable[..., APIClient],
) -> None:
    publish(member)
    narrow = api_of(demo, Scopes(("algo://*",), native_calls=True))
    clients = ((member, 403), (narrow, 403), (stranger, 404), (APIClient(), 401))
    for client, status in clients:
        for decision in ("approve", "refuse"):
            assert decide(client, decision).status_code == status
    assert Approval.objects.get().state == "held"
    for client, status in clients:
        assert client.get(LIST).status_code == status


def test_a_decision_is_final(owner: APIClient, member: APIClient, algorithm: Algorithm) -> None:
    publish(member)
    decide(owner, "approve")
    for decision in ("approve", "refuse"):
        again = decide(owner, decision)
        assert (again.status_code, again.json()["code"]) == (409, 6001)
    make_build(algorithm)
    publish(owner)
    never = decide(owner, "approve", "0.2.0")
    assert never.status_code == 409 and "never needed" in never.json()["message"]
    for change in (
        lambda: Approval.objects.update(state="held"),
        lambda: Version.objects.update(callability="public"),
    ):
        with pytest.raises(IntegrityError, match="immutable"), transaction.atomic():
            change()


@pytest.mark.parametrize("version", BAD_VERSIONS)
def test_versions_that_are_not_there(owner: APIClient, member: APIClient, version: str) -> None:
    publish(member)
    answer = decide(owner, "approve", version)
    assert (answer.status_code, answer.json()["code"]) == (404, 1014)


def test_the_list(
    owner: APIClient, member: APIClient, algorithm: Algorithm, make_user: Callable[[str], User]
) -> None:
    publish(member, release_notes="First")
    with CaptureQueriesContext(connection) as short:
        (entry,) = owner.get(LIST).json()["results"]
    assert entry | {"requested_at": "", "version_uuid": ""} == {
        "state": "held",
        "username": "makers",
        "algoname": "Hello",
        "algorithm_id": str(algorithm.id),
        "version_uuid": "",
        "semantic_version": "0.1.0",
        "git_hash": algorithm.builds.get().commit_sha,
        "release_notes": "First",
        "requested_by": "guest",
        "requested_at": "",
        "decided_by": None,
        "decided_at": None,
        "self_link": f"http://testserver{ONE}/versions/{algorithm.builds.get().commit_sha}",
    }
    for _ in range(6):
        make_build(algorithm)
        publish(member)
    with CaptureQueriesContext(connection) as long:
        assert len(owner.get(LIST).json()["results"]) == 7
    assert len(long) == len(short) <= 3
    page = owner.get(f"{LIST}?limit=3").json()
    assert [each["semantic_version"] for each in page["results"]] == ["0.7.0", "0.6.0", "0.5.0"]
    assert len(owner.get(page["next_link"]).json()["results"]) == 3
    decide(owner, "refuse", "0.7.0")
    (refused,) = owner.get(f"{LIST}?state=refused").json()["results"]
    assert (refused["semantic_version"], refused["decided_by"]) == ("0.7.0", "demo")
    assert owner.get(f"{LIST}?state=x").json()["code"] == 6001
    assert len(administrator_client(make_user("root")).get(LIST).json()["results"]) == 6


def test_held_versions_do_not_keep_an_algorithm(member: APIClient, owner: APIClient) -> None:
    publish(member)
    assert member.delete(ONE).status_code == 204
    assert not Approval.objects.exists()


def test_approved_versions_keep_an_algorithm(member: APIClient, owner: APIClient) -> None:
    publish(member)
    decide(owner, "approve")
    assert owner.delete(ONE).status_code == 403
    assert Algorithm.objects.exists()
