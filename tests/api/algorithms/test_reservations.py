"""Reservations under /v1/admin, and the runners that they mean."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from algoport.accounts.models import User
from algorithms.constants import MOST_RESERVED_SLOTS
from algorithms.models import Algorithm, Reservation
from algorithms.running.groups import Reserved
from algorithms.running.pool import MOST_RUNNERS
from algorithms.running.reservations import resolve_reservations
from algorithms.services import delete_algorithm
from tests.factories.algorithms import make_algorithm, make_build, make_version

pytestmark = pytest.mark.django_db

URL = "/v1/admin/reservations"
BODY = {
    "username": "demo",
    "algoname": "Hello",
    "calling_user": "guest",
    "version_type": "latest_public",
    "num_slots": 2,
}


@pytest.fixture
def algorithm(api: APIClient, demo: User) -> Algorithm:
    return make_algorithm(demo)


@pytest.fixture(autouse=True)
def guest(make_user: Callable[[str], User]) -> User:
    return make_user("guest")


def reserve(administrator: APIClient, **changes: Any) -> Any:
    return administrator.post(URL, BODY | changes, format="json")


def kept() -> Reserved:
    (reserved,) = resolve_reservations()
    return reserved


def test_a_reservation_is_made_listed_and_deleted(
    administrator: APIClient, algorithm: Algorithm, guest: User
) -> None:
    version = make_version(algorithm)
    made = reserve(administrator, username="Demo", algoname="hello", calling_user="Guest")
    assert made.status_code == 200
    assert made.json() == {
        "reservation_id": str(Reservation.objects.get().pk),
        "billable_to": "guest",
        "billable_to_uuid": str(guest.pk),
        "algoname": "Hello",
        "username": "demo",
        "version_type": "latest_public",
        "num_slots": 2,
        "algo_id": str(algorithm.pk),
        "algorithm_id": str(algorithm.pk),
        "version_hash": version.build.commit_sha,
    }
    assert administrator.get(URL).json() == [made.json()]
    reserved = kept()
    assert reserved.program.build_id == version.build_id and reserved.count == 2
    assert reserved.loader.caller_id == guest.pk
    run = reserved.loader.principal.run
    assert run is not None and run.algorithm_id == algorithm.pk
    one = f"{URL}/{made.json()['reservation_id']}"
    assert administrator.delete(one).status_code == 200
    assert administrator.get(URL).json() == [] and resolve_reservations() == []
    again = administrator.delete(one)
    assert (again.status_code, again.json()["code"]) == (404, 6001)
    assert administrator.delete(f"{URL}/x").status_code == 404


def test_versions_that_move_are_followed(administrator: APIClient, algorithm: Algorithm) -> None:
    make_version(algorithm)
    make_version(algorithm, "private")
    for version_type in ("latest_public", "latest_private", "latest_compiled"):
        Reservation.objects.all().delete()
        assert (
            reserve(administrator, calling_user="demo", version_type=version_type).status_code
            == 200
        )
        before = kept().program.build_id
        new = (
            make_build(algorithm)
            if version_type == "latest_compiled"
            else make_version(algorithm, version_type.removeprefix("latest_")).build
        )
        assert kept().program.build_id == new.pk != before


def test_specific_versions_stay(administrator: APIClient, algorithm: Algorithm) -> None:
    version = make_version(algorithm)
    sha = version.build.commit_sha
    for version_type, identifier, caller in (
        ("specific_semantic", "0.1.0", "guest"),
        ("specific_hash", sha.upper(), "demo"),
    ):
        Reservation.objects.all().delete()
        made = reserve(
            administrator,
            version_type=version_type,
            version_identifier=identifier,
            calling_user=caller,
        )
        assert made.status_code == 200 and made.json()["version_hash"] == sha
        make_version(algorithm)
        assert kept().program.build_id == version.build_id


@pytest.mark.parametrize(
    ("changes", "status", "code", "told"),
    [
        ({"username": "nobody"}, 404, 1000, "algorithm"),
        ({"algoname": "Nothing"}, 404, 1000, "algorithm"),
        ({"calling_user": "nobody"}, 404, 3000, "user"),
        ({"username": "a\x00"}, 400, 6001, ""),
        ({"version_type": "newest"}, 400, 6001, "latest_public"),
        ({"num_slots": 0}, 400, 6001, "num_slots"),
        ({"num_slots": 65}, 400, 6001, "num_slots"),
        ({"num_slots": "many"}, 400, 6001, "num_slots"),
        ({"num_slots": MOST_RESERVED_SLOTS + 1}, 409, 6001, "0 are taken"),
        ({"version_type": "latest_private"}, 400, 6001, "owner"),
        ({"version_type": "latest_compiled"}, 400, 6001, "owner"),
        ({"version_type": "specific_hash", "version_identifier": "a" * 40}, 400, 6001, "owner"),
        ({"version_type": "latest_private", "calling_user": "demo"}, 404, 1014, "version"),
        ({"version_type": "specific_semantic"}, 400, 6001, "1.2.3"),
        ({"version_type": "specific_semantic", "version_identifier": "0.1"}, 400, 6001, "1.2.3"),
        ({"version_type": "specific_semantic", "version_identifier": "0.9.9"}, 404, 1014, ""),
        ({"version_type": "specific_hash", "version_identifier": "x"}, 400, 6001, "40"),
        ({"version_identifier": "0.1.0"}, 400, 6001, "empty"),
    ],
)
def test_what_cannot_be_reserved(
    administrator: APIClient,
    algorithm: Algorithm,
    changes: dict[str, Any],
    status: int,
    code: int,
    told: str,
) -> None:
    make_version(algorithm)
    answer = reserve(administrator, **changes)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.json()
    assert told in answer.json()["message"]
    assert not Reservation.objects.exists()


@pytest.mark.parametrize("field", list(BODY))
def test_every_field_is_needed(administrator: APIClient, field: str) -> None:
    body = {name: value for name, value in BODY.items() if name != field}
    answer = administrator.post(URL, body, format="json")
    assert answer.status_code == 400 and answer.json()["message"].startswith(field)


def test_all_together_leave_room_for_others(administrator: APIClient, algorithm: Algorithm) -> None:
    make_version(algorithm)
    assert reserve(administrator, num_slots=MOST_RESERVED_SLOTS - 1).status_code == 200
    assert reserve(administrator, num_slots=2).status_code == 409
    assert reserve(administrator, num_slots=1).status_code == 200
    assert MOST_RESERVED_SLOTS < MOST_RUNNERS


def test_what_means_nothing_any_more_is_left_out(
    administrator: APIClient, algorithm: Algorithm, demo: User, guest: User
) -> None:
    make_version(algorithm)
    other = make_algorithm(demo, "Other")
    make_version(other, "private")
    assert reserve(administrator).status_code == 200
    assert (
        reserve(
            administrator, algoname="Other", calling_user="demo", version_type="latest_private"
        ).status_code
        == 200
    )
    assert len(resolve_reservations()) == 2
    User.objects.filter(pk=guest.pk).update(is_active=False)
    assert kept().loader.caller_id == demo.pk
    listed = administrator.get(URL).json()
    assert [bool(each["version_hash"]) for each in listed] == [False, True]
    delete_algorithm(algorithm=other)
    assert resolve_reservations() == []
    assert len(administrator.get(URL).json()) == 1


def test_queries_are_few(administrator: APIClient, algorithm: Algorithm) -> None:
    make_version(algorithm)
    for _ in range(10):
        reserve(administrator, num_slots=1)
    with CaptureQueriesContext(connection) as queries:
        assert len(resolve_reservations()) == 10
    assert len(queries) <= 2 + 2 * 10
    with CaptureQueriesContext(connection) as queries:
        assert len(administrator.get(URL).json()) == 10
    assert len(queries) <= 4 + 2 * 10


def test_only_admin_keys_reserve(api: APIClient) -> None:
    for client, status in ((api, 403), (APIClient(), 401)):
        assert client.get(URL).status_code == status
        assert client.post(URL, BODY, format="json").status_code == status
        assert client.delete(f"{URL}/{uuid.uuid4()}").status_code == status
