"""What a call asks of the database is found by an index, however much there is."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from algoport.accounts.authentication import authenticate_key, principal_of_user
from algoport.accounts.models import ApiKey, User
from algoport.accounts.permissions import EVERYTHING
from algoport.accounts.services import create_key
from algorithms.models import Algorithm, AsyncCall, Environment
from algorithms.queueing.accepting import _check_room
from algorithms.selectors import get_algorithm_for, get_owner_for, resolve_call
from tests.factories.algorithms import make_algorithm, make_version
from tests.plans import forget_statistics, plan_of


@pytest.fixture
def algorithm(demo: User, python_environment: Environment) -> Algorithm:
    made = make_algorithm(demo)
    make_version(made)
    return made


@pytest.fixture(autouse=True)
def unknown_sizes(db: None) -> None:
    forget_statistics()


@contextmanager
def indexes_used() -> Iterator[set[str]]:
    """The indexes by which the queries of the body find their rows."""
    used: set[str] = set()
    with CaptureQueriesContext(connection) as queries:
        yield used
    for query in queries.captured_queries:
        for node in plan_of(query["sql"]):
            assert node["Node Type"] != "Seq Scan", query["sql"]
            if "Index Cond" in node:
                used.add(node["Index Name"])
    assert used


@pytest.mark.parametrize("version", ["", "0", "0.1", "0.1.0", "latestPrivate", "commit"])
def test_a_call_is_resolved_by_indexes(algorithm: Algorithm, version: str) -> None:
    callability = "private" if version == "latestPrivate" else "public"
    published = make_version(algorithm, callability)
    if version == "commit":
        version = published.build.commit_sha
    with indexes_used() as used:
        resolve_call(principal_of_user(algorithm.owner), "DEMO", "HELLO", version)
    assert "user_username_unique" in used


def test_an_algorithm_is_found_by_indexes(algorithm: Algorithm) -> None:
    with indexes_used() as used:
        get_algorithm_for(principal_of_user(algorithm.owner), "DEMO", "HELLO")
    assert "user_username_unique" in used


def test_an_owner_is_found_by_an_index(demo: User) -> None:
    principal = principal_of_user(demo)
    with indexes_used() as used:
        get_owner_for(principal, "DEMO")
    assert used == {"user_username_unique"}


def test_who_signs_in_is_found_by_an_index(demo: User) -> None:
    with indexes_used() as used:
        assert User.objects.get_by_natural_key("DEMO") == demo
    assert used == {"user_username_unique"}


def test_a_key_is_found_by_an_index(demo: User) -> None:
    secret = create_key(owner=demo, label="test", scopes=EVERYTHING).secret
    # Of a few keys the owner's are found as cheaply.
    ApiKey.objects.bulk_create(
        ApiKey(owner=demo, label="other", digest=f"{number:064}", mask="sim")
        for number in range(300)
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE accounts_apikey")
    with indexes_used() as used:
        authenticate_key(secret)
    assert any("digest" in name for name in used)


def test_room_in_the_queue_is_found_by_an_index(demo: User) -> None:
    with indexes_used() as used:
        _check_room(AsyncCall(caller=demo, bytes_in=1))
    assert used == {"async_call_queued"}
