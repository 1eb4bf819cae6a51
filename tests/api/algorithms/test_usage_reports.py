"""/v1/admin/usage: sums of recorded calls."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from algoport.accounts.models import User
from algorithms.metering.usage import BY_BOTH, Period, usage_page
from algorithms.models import Algorithm, CallRecord
from tests.factories.algorithms import make_algorithm

pytestmark = pytest.mark.django_db

DAY = datetime(2026, 3, 14, tzinfo=UTC)
ALL = {"start_date": "2026-03-14", "end_date": "2026-03-14"}


def call(caller: User, algorithm: Algorithm, at: datetime = DAY, **fields: Any) -> CallRecord:
    values: dict[str, Any] = {
        "version": "0.1.0",
        "run_seconds": 0.01,
        "error_type": "",
        "status": 200,
        "kind": "sync",
    }
    return CallRecord(
        request_id=uuid.uuid4(),
        session_id=uuid.uuid4(),
        caller_id=caller.pk,
        algorithm_id=algorithm.pk,
        build_id=uuid.uuid4(),
        started_at=at,
        total_seconds=99,
        queue_seconds=0,
        start_seconds=0,
        load_seconds=0,
        bytes_in=1,
        bytes_out=1,
        **(values | fields),
    )


@pytest.fixture
def guest(make_user: Callable[[str], User]) -> User:
    return make_user("guest")


@pytest.fixture
def calls(api: APIClient, demo: User, guest: User) -> None:
    hello, other = make_algorithm(demo), make_algorithm(demo, "Other")
    CallRecord.objects.bulk_create(
        [
            call(demo, hello),
            call(demo, hello, run_seconds=1.5),
            call(demo, hello, DAY + timedelta(hours=23, minutes=59), run_seconds=2.0),
            call(demo, hello, run_seconds=3.2, error_type="ValueError"),
            call(demo, hello, version="0.2.0"),
            call(demo, other),
            call(guest, hello, run_seconds=0.0, status=503, error_type="RunnersUnavailable"),
            call(guest, hello, DAY + timedelta(days=1)),
            call(guest, hello, DAY - timedelta(microseconds=1)),
        ]
    )


def ask(client: APIClient, path: str = "", **query: Any) -> Any:
    return client.get(f"/v1/admin/usage{path}?{urlencode(ALL | query, doseq=True)}")


def rows(answer: Any) -> list[dict[str, Any]]:
    """In the order of their names; the order of pages is that of ids."""
    assert answer.status_code == 200, answer.content
    results: list[dict[str, Any]] = answer.json()["results"]
    return sorted(results, key=lambda row: [str(value) for value in row.values()])


def test_callers_with_the_versions_that_they_called(administrator: APIClient, calls: None) -> None:
    first = {
        "algorithm_called": "Hello",
        "caller": "demo",
        "algorithm_version": "0.1.0",
        "total_calls": "4",
        "algorithm_owner": "demo",
        "total_errors": 1,
        "total_error_duration": 4.0,
        "total_duration": 9.0,
        "machine_type": "cpu",
    }
    small = {"total_calls": "1", "total_errors": 0, "total_duration": 1.0}
    none = {"total_error_duration": 0.0}
    answer = ask(administrator)
    assert rows(answer) == [
        first,
        first | small | none | {"algorithm_version": "0.2.0"},
        first | small | {"caller": "guest", "total_errors": 1, "total_error_duration": 1.0},
        first | small | none | {"algorithm_called": "Other"},
    ]
    assert answer.json()["next_marker"] is None


def test_callers(administrator: APIClient, calls: None) -> None:
    assert rows(ask(administrator, "/users")) == [
        {
            "caller": "demo",
            "total_calls": "6",
            "total_errors": 1,
            "total_error_duration": 4.0,
            "total_duration": 11.0,
        },
        {
            "caller": "guest",
            "total_calls": "1",
            "total_errors": 1,
            "total_error_duration": 1.0,
            "total_duration": 1.0,
        },
    ]


def test_algorithms(administrator: APIClient, calls: None) -> None:
    found = rows(ask(administrator, "/algorithms"))
    assert [(row["algorithm_called"], row["algorithm_version"]) for row in found] == [
        ("Hello", "0.1.0"),
        ("Hello", "0.2.0"),
        ("Other", "0.1.0"),
    ]
    assert found[0]["total_calls"] == "5" and "caller" not in found[0]


@pytest.mark.parametrize("name", ["user", "user[]"])
def test_some_callers(administrator: APIClient, calls: None, name: str) -> None:
    def callers(*names: str) -> list[str]:
        return [row["caller"] for row in rows(ask(administrator, "/users", **{name: names}))]

    assert callers("Guest") == ["guest"] and callers("demo", "guest", "GUEST") == ["demo", "guest"]
    for unknown in ("nobody", "x\x00"):
        answer = ask(administrator, "/users", **{name: ["demo", unknown]})
        assert answer.status_code == 404 and answer.json()["code"] == 3000


def test_days_and_moments(administrator: APIClient, calls: None) -> None:
    def total(begin: str, end: str) -> int:
        found = rows(ask(administrator, "/users", start_date=begin, end_date=end))
        return sum(int(row["total_calls"]) for row in found)

    assert total("2026-03-13", "2026-03-15") == 9
    assert total("2026-03-14T00:00:00Z", "2026-03-15T00:00:00Z") == 7
    assert total("2026-03-14T00:00:00", "2026-03-14T23:00:00") == 6
    assert total("2026-03-14T02:00:00+02:00", "2026-03-14T00:00:01.5Z") == 6
    assert total("2026-03-14T00:00:00Z", "2026-03-14T00:00:00Z") == 0


@pytest.mark.parametrize("path", ["", "/users", "/algorithms"])
@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"start_date": ""}, 4010),
        ({"end_date": ""}, 4010),
        ({"start_date": "yesterday"}, 6001),
        ({"start_date": "2026-02-30"}, 6001),
        ({"end_date": "0001-01-01"}, 6001),
        ({"end_date": "9999-12-31"}, 6001),
        ({"end_date": "2026-03-12"}, 6001),
        ({"start_date": "2026-03-14\x00"}, 6001),
        ({"user": [str(each) for each in range(101)]}, 6001),
        ({"marker": "eyJjYWxsZXJfaWQiOiJ4In0"}, 5002),
    ],
)
def test_what_is_refused(
    administrator: APIClient, path: str, query: dict[str, Any], code: int
) -> None:
    answer = ask(administrator, path, **query)
    assert answer.status_code == 400 and answer.json()["code"] == code


@pytest.mark.parametrize("path", ["", "/users", "/algorithms"])
def test_pages_do_not_shift(
    administrator: APIClient, demo: User, guest: User, calls: None, path: str
) -> None:
    whole = ask(administrator, path).json()["results"]
    found, query, pages = [], {"page_size": "1"}, 0
    while True:
        with CaptureQueriesContext(connection) as captured:
            page = ask(administrator, path, **query).json()
        assert len(page["results"]) == 1 and len(captured) <= 6
        found += page["results"]
        pages += 1
        if page["next_marker"] is None:
            break
        query["marker"] = page["next_marker"]
        # Calls of what was told already do not come again.
        told = CallRecord.objects.order_by(*BY_BOTH).first()
        assert told is not None
        first = User.objects.get(pk=told.caller_id)
        algorithm = Algorithm.objects.get(pk=told.algorithm_id)
        CallRecord.objects.bulk_create([call(first, algorithm, version=told.version)])
    assert pages == len(whole)
    names = [{k: v for k, v in row.items() if not k.startswith("total")} for row in found]
    assert names == [{k: v for k, v in row.items() if not k.startswith("total")} for row in whole]


def test_what_is_gone_is_told_by_its_id(administrator: APIClient, demo: User, calls: None) -> None:
    other = Algorithm.objects.get(name="Other")
    identifier = str(other.pk)
    other.delete()
    (row,) = (row for row in ask(administrator).json()["results"] if row["algorithm_owner"] == "")
    assert row["algorithm_called"] == identifier and row["machine_type"] == "cpu"


def test_a_day_among_many_is_found_by_its_index(db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO algorithms_callrecord (
                request_id, session_id, caller_id, key_id, algorithm_id, build_id, version, kind,
                started_at, total_seconds, queue_seconds, start_seconds, load_seconds, run_seconds,
                status, error_type, bytes_in, bytes_out
            )
            SELECT gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), NULL,
                gen_random_uuid(), gen_random_uuid(), '0.1.0', 'sync',
                '2026-01-01Z'::timestamptz + number * interval '2 minutes',
                1, 0, 0, 0, 1, 200, '', 1, 1
            FROM generate_series(1, 60000) number
            """
        )
        cursor.execute("ANALYZE algorithms_callrecord")
    with CaptureQueriesContext(connection) as captured:
        usage_page(Period(DAY, DAY + timedelta(days=1)), BY_BOTH, None, 50)
    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN " + captured[0]["sql"])
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "Index Cond: ((started_at >=" in plan and "Seq Scan" not in plan


def test_no_algorithm_is_a_legacy_one(administrator: APIClient, calls: None) -> None:
    assert administrator.get("/v1/admin/legacy-algorithms").json() == {"results": []}


def test_only_administrators_see_reports(api: APIClient, calls: None) -> None:
    for path in ("/v1/admin/usage", "/v1/admin/usage/users", "/v1/admin/legacy-algorithms"):
        assert api.get(path).status_code == 403
        assert APIClient().get(path).status_code == 401
