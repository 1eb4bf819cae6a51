"""GET /v1/admin/audit, the page of the admin site and its CSV."""

import csv
import io
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from algoport.accounts.models import User
from algoport.audit.actors import Actor, acting
from algoport.audit.constants import Via
from algoport.audit.models import AuditEntry
from algoport.audit.recording import act
from tests.factories.accounts import administrator_client
from tests.plans import forget_statistics, plan_of

pytestmark = pytest.mark.django_db

URL = "/v1/admin/audit"
LIST = "/admin/audit/auditentry/"
CSV = f"{LIST}export.csv"


@pytest.fixture
def root(make_user: Callable[[str], User]) -> User:
    return make_user("root")


@pytest.fixture
def administrator(root: User) -> APIClient:
    return administrator_client(root)


@pytest.fixture
def staff(administrator: APIClient, root: User) -> Client:
    root.is_superuser = True
    root.save()
    client = Client()
    client.force_login(root)
    return client


def record(action: str, user: User, row: User | None = None) -> AuditEntry:
    actor = Actor("session", Via.WEB, user.pk, user.username)
    with acting(actor), transaction.atomic(), act(action, row or user) as done:
        done.note(said="=1+1")
    entry = AuditEntry.objects.first()
    assert entry is not None
    return entry


def numbers(client: APIClient, query: str = "") -> list[int]:
    answer = client.get(f"{URL}{query}")
    assert answer.status_code == 200, answer.content
    return [each["number"] for each in answer.json()["results"]]


def test_only_admin_keys_read_it(api: APIClient, administrator: APIClient) -> None:
    assert administrator.get(URL).status_code == 200
    assert api.get(URL).status_code == 403
    assert APIClient().get(URL).status_code == 401


def test_an_entry_says_who_did_what_to_what(administrator: APIClient, root: User) -> None:
    entry = record("user.test", root)
    (shown,) = administrator.get(f"{URL}?action=user.test").json()["results"]
    assert shown["number"] == entry.number and shown["hash"] == entry.hash
    assert shown["actor"] == {
        "id": str(root.pk),
        "name": "root",
        "kind": "session",
        "key_id": None,
        "via": "web",
    }
    assert shown["target"] == {
        "kind": "user",
        "id": str(root.pk),
        "name": "root",
        "owner_id": str(root.pk),
    }
    assert shown["changes"] == {"notes": {"said": "=1+1"}}
    assert shown["impersonator"] is None and shown["request_id"] is None


def test_each_filter_leaves_out_what_it_says(
    administrator: APIClient, root: User, demo: User
) -> None:
    before = datetime.now(UTC)
    one = record("user.one", root, demo).number
    two = record("user.two", demo).number
    after = datetime.now(UTC) + timedelta(minutes=1)
    since = f"?since={quote(before.isoformat())}"
    assert numbers(administrator, since) == [two, one]
    assert numbers(administrator, f"{since}&action=user.one") == [one]
    assert numbers(administrator, f"{since}&actor=ROOT") == [one]
    assert numbers(administrator, f"{since}&actor={demo.pk}") == [two]
    assert numbers(administrator, f"{since}&target=Demo") == [two, one]
    assert numbers(administrator, f"{since}&target={root.pk}") == []
    assert numbers(administrator, f"{since}&target=5") == []
    assert numbers(administrator, f"{since}&target_kind=user&owner={demo.pk}") == [two, one]
    assert numbers(administrator, f"{since}&target_kind=apikey") == []
    assert numbers(administrator, f"{since}&until={quote(before.isoformat())}") == []
    assert numbers(administrator, f"?since={quote(after.isoformat())}") == []
    assert two in numbers(administrator, f"?until={quote(after.isoformat())}")


@pytest.mark.parametrize(
    "query",
    [
        "since=yesterday",
        "until=1",
        "owner=demo",
        "marker=eyJudW1iZXIiOiItMSJ9",
        "actor=%00",
        "target=a%00b",
    ],
)
def test_what_cannot_be_asked_for_is_refused(administrator: APIClient, query: str) -> None:
    assert administrator.get(f"{URL}?{query}").status_code == 400


@pytest.mark.parametrize(
    "query",
    ["actor=" + "x" * 5000, "target=²", "since=0001-01-01T00:00:00%2B14:00", "action=%F0%9F"],
)
def test_what_is_nowhere_is_not_found(administrator: APIClient, query: str) -> None:
    assert administrator.get(f"{URL}?{query}").status_code == 200


def test_pages_go_on_where_the_last_ended(administrator: APIClient, root: User) -> None:
    made = [record("user.test", root).number for _ in range(5)]
    seen: list[int] = []
    query = "?action=user.test&limit=2"
    while True:
        page = administrator.get(f"{URL}{query}").json()
        seen += [each["number"] for each in page["results"]]
        record("user.other", root)
        if page["marker"] is None:
            break
        query = f"?action=user.test&limit=2&marker={page['marker']}"
    assert seen == made[::-1]


def test_a_page_takes_two_queries(administrator: APIClient, root: User) -> None:
    for _ in range(20):
        record("user.test", root)
    with CaptureQueriesContext(connection) as queries:
        assert len(numbers(administrator, "?actor=root&since=2000-01-01T00:00:00Z")) == 20
    assert len(queries) == 2


@pytest.mark.parametrize(
    "query",
    ["actor=root", "action=user.test", "target=root", "target_kind=user", "request_id=req-1"],
)
def test_filters_have_an_index(administrator: APIClient, root: User, query: str) -> None:
    forget_statistics()
    record("user.test", root)
    with CaptureQueriesContext(connection) as queries:
        numbers(administrator, f"?{query}")
    plan = plan_of(queries[-1]["sql"])
    assert any("Index Cond" in node for node in plan), plan


def test_the_page_shows_searches_and_changes_nothing(staff: Client, root: User) -> None:
    first = record("user.first", root)
    record("user.second", root)
    page = staff.get(LIST).content.decode()
    assert "user.first" in page and "user.second" in page and "Export as CSV" in page
    for word in ("user.first", "user.first ROOT", f"user.first {root.pk}"):
        page = staff.get(LIST, {"q": word}).content.decode()
        assert "user.first" in page and "user.second" not in page
    assert "user.first" not in staff.get(LIST, {"q": "nothing"}).content.decode()
    one = f"{LIST}{first.pk}/"
    assert "=1+1" in staff.get(f"{one}change/").content.decode()
    assert staff.post(f"{one}change/", {"action": "other"}).status_code == 403
    assert staff.post(f"{one}delete/", {"post": "yes"}).status_code == 403
    assert staff.post(f"{LIST}add/", {}).status_code == 403


def test_the_page_takes_a_fixed_number_of_queries(staff: Client, root: User) -> None:
    counts = []
    # The first page notes where the session is used.
    staff.get(LIST)
    for _ in range(2):
        for _ in range(10):
            record("user.test", root)
        with CaptureQueriesContext(connection) as queries:
            staff.get(LIST, {"q": "root"})
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_the_export_has_what_the_list_shows(staff: Client, root: User) -> None:
    made = record("user.first", root)
    record("user.second", root)
    answer: Any = staff.get(CSV, {"q": "user.first"})
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    (row,) = csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode()))
    assert (row["number"], row["action"], row["hash"]) == (str(made.pk), "user.first", made.hash)


def test_the_export_has_no_formulas(staff: Client, root: User) -> None:
    actor = Actor("session", Via.WEB, name='=HYPERLINK("x")')
    with acting(actor), transaction.atomic(), act("user.test", root):
        pass
    answer: Any = staff.get(CSV, {"q": "user.test"})
    (row,) = csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode()))
    assert row["actor_name"] == '\'=HYPERLINK("x")'


def test_the_export_goes_through_all_pages(staff: Client, root: User) -> None:
    with transaction.atomic():
        for _ in range(2_100):
            with act("user.test"):
                pass
    with CaptureQueriesContext(connection) as queries:
        answer: Any = staff.get(CSV, {"q": "user.test"})
        lines = b"".join(answer.streaming_content).decode().splitlines()
    assert len(lines) == 2_101
    assert len(queries) < 12


def test_only_administrators_export(demo: User, staff: Client) -> None:
    guest = Client()
    assert guest.get(CSV).status_code == 302
    guest.force_login(demo)
    assert guest.get(CSV).status_code == 302
    assert staff.get(CSV).status_code == 200
