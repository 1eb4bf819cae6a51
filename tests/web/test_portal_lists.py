"""Lists of the portal: found, filtered, exported, at a price that does not grow."""

import uuid
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib import admin
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from algoport.accounts.models import ApiKey, User
from algoport.accounts.permissions import EVERYTHING
from algoport.accounts.services import create_key
from algoport.web.portal.exports import cell
from algorithms.constants import BuildState, DeliveryState, FeatureName
from algorithms.features.switching import switch_feature
from algorithms.models import (
    AlgorithmError,
    AsyncCall,
    Build,
    CallRecord,
    Environment,
    Version,
    WebhookDelivery,
)
from dataportal.models import HostedFile
from tests.factories.algorithms import make_algorithm, make_build, make_error, make_version

pytestmark = pytest.mark.django_db

MANY = 10_000
RECORDS = "/admin/algorithms/callrecord/"


def make_record(version: Version, caller: User, **fields: object) -> CallRecord:
    values: dict[str, object] = {
        "request_id": uuid.uuid4(),
        "session_id": uuid.uuid4(),
        "caller_id": caller.pk,
        "algorithm_id": version.algorithm_id,
        "build_id": version.build_id,
        "version": "0.1.0",
        "kind": "sync",
        "started_at": timezone.now(),
        "status": 200,
        **dict.fromkeys(("total_seconds", "queue_seconds", "start_seconds"), 0.5),
        **dict.fromkeys(("load_seconds", "run_seconds", "bytes_in", "bytes_out"), 1),
    }
    return CallRecord.objects.create(**(values | fields))


@pytest.fixture
def version(demo: User, python_environment: Environment) -> Version:
    return make_version(make_algorithm(demo))


def queries_of(portal: Client, page: str) -> int:
    with CaptureQueriesContext(connection) as queries:
        assert portal.get(page).status_code == 200, page
    return len(queries)


def fill(version: Version, number: int) -> None:
    """Rows of every table that grows with use, each of its own caller where that can be."""
    users = User.objects.bulk_create(
        User(username=f"user{n}", email=f"user{n}@example.com", password="!") for n in range(number)
    )
    ApiKey.objects.bulk_create(
        ApiKey(owner=user, label=f"key{n}", digest=str(n), mask="sim...")
        for n, user in enumerate(users)
    )
    Build.objects.bulk_create(
        Build(
            algorithm=version.algorithm,
            environment=version.build.environment,
            commit_sha=f"{n:040x}",
            state=BuildState.FAILED,
            finished_at=timezone.now(),
        )
        for n in range(number)
    )
    common = {"algorithm_id": version.algorithm_id, "version": "0.1.0"}
    now = timezone.now()
    record = make_record(version, users[0])
    rows = []
    for user in users[1:]:
        row = CallRecord(**{f.attname: getattr(record, f.attname) for f in record._meta.fields})
        row.request_id, row.caller_id = uuid.uuid4(), user.pk
        rows.append(row)
    CallRecord.objects.bulk_create(rows)
    AlgorithmError.objects.bulk_create(
        AlgorithmError(
            id=uuid.uuid4(),
            request_id=uuid.uuid4(),
            caller_id=user.pk,
            created_at=now,
            message="=bad",
            error_type="InputError",
            worker="host",
            **common,
        )
        for user in users
    )
    calls = AsyncCall.objects.bulk_create(
        AsyncCall(
            id=uuid.uuid4(),
            session_id=uuid.uuid4(),
            caller=user,
            build_id=version.build_id,
            bytes_in=1,
            timeout=1,
            digest=b"",
            not_before=now,
            accepted_at=now,
            owner_name="demo",
            algorithm_name="Hello",
            **common,
        )
        for user in users
    )
    WebhookDelivery.objects.bulk_create(
        WebhookDelivery(
            call=call,
            account=call.caller,
            url="https://example.com/",
            receiver="example.com",
            state=DeliveryState.FAILED,
            not_before=now,
        )
        for call in calls
    )


def test_lists_take_as_many_queries_for_ten_thousand_rows_as_for_a_few(
    portal: Client, version: Version
) -> None:
    pages = [
        reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        for model in admin.site._registry
        if model not in (HostedFile,)
    ]
    fill(version, 3)
    # The first page notes where the session is used.
    queries_of(portal, "/admin/")
    few = {page: queries_of(portal, page) for page in pages}
    replace_by_many(version)
    for page in pages:
        assert queries_of(portal, page) <= few[page], page
        assert few[page] <= 10, page


def replace_by_many(version: Version) -> None:
    User.objects.filter(username__startswith="user").delete()
    Build.objects.filter(state=BuildState.FAILED).delete()
    fill(version, MANY)
    # What autovacuum does of itself, when rows have been committed.
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def test_counting_ends_at_a_bound(portal: Client, version: Version) -> None:
    fill(version, MANY + 5)
    with CaptureQueriesContext(connection) as queries:
        page = portal.get("/admin/accounts/user/").content.decode()
    assert "There may be more rows than these 10000" in page
    counts = [each["sql"] for each in queries if "COUNT(" in each["sql"]]
    assert counts and all("LIMIT" in sql for sql in counts)


def test_a_failed_call_and_its_log_are_found(
    portal: Client, version: Version, make_user: Callable[[str], User]
) -> None:
    guest = make_user("guest")
    failed = make_record(version, guest, error_type="InputError")
    other = make_record(version, version.algorithm.owner)
    entry = make_error(version.algorithm, guest)
    entry.request_id = failed.request_id
    entry.save()
    for query in ("guest", "GUEST", str(failed.request_id), f"req-{failed.request_id}"):
        page = portal.get(RECORDS, {"q": query}).content.decode()
        assert str(failed) in page and str(other) not in page, query
    page = portal.get(RECORDS, {"q": "demo/hello"}).content.decode()
    assert str(failed) in page and str(other) in page
    page = portal.get(RECORDS, {"outcome": "failed"}).content.decode()
    assert str(failed) in page and str(other) not in page
    one = portal.get(f"{RECORDS}{failed.pk}/change/").content.decode()
    assert "bad input" in one and "Traceback" in one and "guest" in one and "demo/Hello" in one
    errors = portal.get("/admin/algorithms/algorithmerror/", {"q": str(failed.request_id)})
    assert str(entry) in errors.content.decode()
    entry.delete()
    one = portal.get(f"{RECORDS}{failed.pk}/change/").content.decode()
    assert "algorithm-errors is off" in one
    switch_feature(name=FeatureName.ALGORITHM_ERRORS, enabled=True)
    assert "has nothing of it" in portal.get(f"{RECORDS}{failed.pk}/change/").content.decode()


def test_old_calls_are_found_by_search_and_by_choice(portal: Client, version: Version) -> None:
    old = make_record(
        version, version.algorithm.owner, started_at=timezone.now() - timedelta(days=3)
    )
    assert str(old) not in portal.get(RECORDS).content.decode()
    for query in ({"period": "week"}, {"period": "all"}, {"q": str(old.request_id)}):
        assert str(old) in portal.get(RECORDS, query).content.decode(), query
    hours = portal.get(RECORDS, {"period": "hour", "q": "demo"}).content.decode()
    assert str(old) not in hours


def test_a_build_is_shown_with_its_log(portal: Client, version: Version) -> None:
    build = make_build(version.algorithm, BuildState.FAILED, log="no such <package>\n")
    page = portal.get(f"/admin/algorithms/build/{build.pk}/change/").content.decode()
    assert "no such &lt;package&gt;" in page


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "\n=1"])
def test_no_cell_is_a_formula(text: str) -> None:
    assert cell(text) == f"'{text}"


def test_numbers_and_words_stay_as_they_are() -> None:
    assert [cell(each) for each in (-1, 0.5, True, None, "a=b")] == ["-1", "0.5", "yes", "", "a=b"]


def test_lists_are_exported_as_they_are_filtered(
    portal: Client, demo: User, make_user: Callable[[str], User]
) -> None:
    User.objects.filter(pk=make_user("guest").pk).update(email="=cmd|'/C calc'!A0")
    create_key(owner=demo, label="-2+3", scopes=EVERYTHING)
    answer = portal.get("/admin/accounts/user/export/?q=guest")
    assert answer["Content-Type"].startswith("text/csv")
    assert "attachment" in answer["Content-Disposition"] and answer.streaming
    lines = answer.getvalue().decode().splitlines()
    assert lines[0].startswith("username,email") and len(lines) == 2
    assert "guest,'=cmd|'/C calc'!A0,user" in lines[1]
    keys = portal.get("/admin/accounts/apikey/export/").getvalue().decode()
    assert "'-2+3" in keys and "demo" in keys


def test_exports_take_names_in_batches(portal: Client, version: Version) -> None:
    fill(version, 1200)
    with CaptureQueriesContext(connection) as queries:
        lines = portal.get(f"{RECORDS}export/").getvalue().decode().splitlines()
    assert len(lines) == 1201
    assert "user7," in "".join(lines) and "demo/Hello" in lines[1] and "<a" not in "".join(lines)
    assert len(queries) < 20
