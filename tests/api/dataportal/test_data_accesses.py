"""Every use of data is recorded, and its owner finds it."""

import multiprocessing
import os
import signal
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from django.db import connections
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings
from rest_framework.test import APIClient

from algoport.accounts.permissions import EVERYTHING, Scopes
from algoport.db import threads
from algoport.http.relay import PRINCIPAL
from algoport.http.tracing import SESSION, TRACE, Session, Trace
from dataportal.api.data_plane import DataPlane
from dataportal.auditing.writing import remove_old_accesses, write_data_accesses
from dataportal.constants import LONGEST_ACCESSED_PATH
from dataportal.models import Collection, DataAccess
from tests.asgi_client import Answer, call
from tests.doubles.recorder import Recorder, recording_storage
from tests.factories.connectors import make_connector
from tests.factories.dataportal import Caller, make_caller, make_run

RequestAs = Callable[..., Answer]


@pytest.fixture
def written(plane: DataPlane, settings: Settings) -> Callable[[], list[DataAccess]]:
    """All accesses that were recorded by now, oldest first."""

    def write() -> list[DataAccess]:
        plane.close()
        write_data_accesses(Path(settings.DATA_JOURNAL_FOLDER))
        return list(DataAccess.objects.order_by("accessed_at"))

    return write


@pytest.fixture
def storage(settings: Settings) -> Iterator[Recorder]:
    settings.CONNECTOR_HOSTS = frozenset({("127.0.0.1", None)})
    with recording_storage() as recorder:
        yield recorder


@pytest.fixture
def owner_api(demo: Caller) -> APIClient:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Simple {demo.secret}")
    return client


def search(client: APIClient, **query: Any) -> Any:
    return client.get("/v1/users/demo/data-accesses", query)


def test_each_operation_is_told(
    demo: Caller, request_as: RequestAs, written: Callable[[], list[DataAccess]]
) -> None:
    request_as(demo, "POST", "/v1/data/.my", body=b'{"name":"Kept"}')
    request_as(demo, "PUT", "/v1/data/.my/Kept/f.txt", body=b"hello")
    request_as(demo, "GET", "/v1/data/Demo/Kept/f.txt")
    request_as(demo, "HEAD", "/v1/data/.my/Kept/f.txt")
    request_as(demo, "GET", "/v1/data/.my/Kept")
    request_as(demo, "PATCH", "/v1/data/.my/Kept", body=b'{"acl":{"read":[]}}')
    request_as(demo, "DELETE", "/v1/data/.my/Kept/f.txt")
    request_as(demo, "GET", "/v1/data/.my/Kept/f.txt")
    rows = written()
    told = [(r.operation, r.path, r.bytes_in, r.status, r.error_type) for r in rows]
    assert told == [
        ("make", "demo", 15, 200, ""),
        ("write", "demo/kept/f.txt", 5, 200, ""),
        ("read", "demo/kept/f.txt", 0, 200, ""),
        ("look", "demo/kept/f.txt", 0, 200, ""),
        ("list", "demo/kept", 0, 200, ""),
        ("change", "demo/kept", 19, 200, ""),
        ("delete", "demo/kept/f.txt", 0, 200, ""),
        ("read", "demo/kept/f.txt", 0, 404, "PathNotFound"),
    ]
    assert [r.bytes_out for r in rows[2:4]] == [5, 0]
    assert {(r.owner, r.account, r.connector, r.principal) for r in rows} == {
        ("demo", "demo", "data", "standard key")
    }
    assert {r.account_id for r in rows} == {demo.user.id} and rows[0].key_id is not None


def test_an_upload_that_broke_off_is_told(
    demo: Caller, request_as: RequestAs, written: Callable[[], list[DataAccess]]
) -> None:
    request_as(demo, "POST", "/v1/data/.my", body=b'{"name":"c"}')
    request_as(demo, "PUT", "/v1/data/.my/c/f", body=b"half", disconnect=True)
    row = written()[-1]
    assert (row.operation, row.path, row.bytes_in) == ("write", "demo/c/f", 4)
    assert (row.status, row.error_type) == (499, "ClientDisconnected")


def test_others_who_ask_are_told_to_the_owner(
    demo: Caller,
    guest: Caller,
    request_as: RequestAs,
    owner_api: APIClient,
    written: Callable[[], list[DataAccess]],
) -> None:
    request_as(demo, "POST", "/v1/data/.my", body=b'{"name":"Kept","acl":{"read":[]}}')
    request_as(guest, "GET", "/v1/data/demo/kept/secret")
    request_as(None, "GET", "/v1/data/demo/kept/secret")
    request_as(guest, "GET", "/v1/data/demo/kept/x", headers={"Authorization": "Simple wrong"})
    assert len(written()) == 2
    (found,) = search(owner_api, account="Guest").json()["results"]
    assert found["account"] == "guest" and found["status"] == 404
    assert found["owner"] == "demo" and found["path"] == "demo/kept/secret"


def test_an_algorithm_is_named_with_its_caller_and_its_run(
    plane: DataPlane,
    demo: Caller,
    guest: Caller,
    owner_api: APIClient,
    storage: Recorder,
    written: Callable[[], list[DataAccess]],
) -> None:
    make_connector(demo, "Mine", endpoint=storage.url)
    algorithm_id, run_id = uuid.uuid4(), uuid.uuid4()
    session = Session()
    run = make_run(demo, guest, algorithm_id).in_call(session.id, run_id)
    trace = Trace(session)
    scope = {SESSION: session, TRACE: trace, PRINCIPAL: run}
    assert call(plane, "GET", "/v1/data/s3+Mine://bucket/key", scope=scope).status == 404
    (row,) = written()
    assert row.id == trace.id and row.session_id == session.id
    assert (row.connector, row.path, row.owner) == ("s3+mine", "bucket/key", "demo")
    (found,) = search(owner_api, algorithm=str(algorithm_id)).json()["results"]
    assert found["run_id"] == f"req-{run_id}" and found["principal"] == "run of an algorithm"
    assert found["account"] == "demo" and found["connector"] == "s3+mine"


def test_searching(
    demo: Caller,
    request_as: RequestAs,
    owner_api: APIClient,
    written: Callable[[], list[DataAccess]],
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    request_as(demo, "POST", "/v1/data/.my", body=b'{"name":"c"}')
    for name in ("a", "ab", "b"):
        request_as(demo, "PUT", f"/v1/data/.my/c/{name}", body=b"x")
    request_as(demo, "GET", "/v1/data/.my/c/none")
    rows = written()
    newest = [f"req-{row.id}" for row in reversed(rows)]

    def ids(**query: Any) -> list[str]:
        return [each["request_id"] for each in search(owner_api, **query).json()["results"]]

    assert ids() == newest
    assert ids(path="demo/c/a") == [newest[2], newest[3]]
    assert ids(outcome="refused") == [newest[0]] and ids(outcome="failed") == []
    assert ids(connector="DATA", outcome="ok") == newest[1:]
    assert ids(since=rows[-1].accessed_at.isoformat()) == [newest[0]]
    assert ids(until=rows[-1].accessed_at.isoformat()) == newest[1:]
    page = search(owner_api, limit=2).json()
    assert [each["request_id"] for each in page["results"]] == newest[:2]
    assert ids(limit=2, marker=page["marker"]) == newest[2:4]
    for query in (
        {"since": "yesterday"},
        {"algorithm": "x"},
        {"outcome": "good"},
        {"limit": 0},
        {"marker": "x"},
    ):
        assert search(owner_api, **query).status_code == 400, query
    with django_assert_num_queries(2):
        search(owner_api)


@pytest.mark.parametrize(
    ("scopes", "expected"),
    [
        (EVERYTHING, 200),
        (Scopes(("algo://*",), True, True, True, "", False, True), 403),
    ],
)
def test_who_may_search(demo: Caller, scopes: Scopes, expected: int) -> None:
    client = APIClient()
    key = make_caller("", scopes, user=demo.user)
    client.credentials(HTTP_AUTHORIZATION=f"Simple {key.secret}")
    assert search(client).status_code == expected


def test_nobody_else_may(guest: Caller, demo: Caller) -> None:
    client = APIClient()
    assert search(client).status_code == 401
    client.credentials(HTTP_AUTHORIZATION=f"Simple {guest.secret}")
    assert search(client).status_code == 403


def test_old_accesses_are_forgotten(
    demo: Caller,
    request_as: RequestAs,
    settings: Settings,
    written: Callable[[], list[DataAccess]],
) -> None:
    request_as(demo, "GET", "/v1/data/")
    assert len(written()) == 1
    almost = timezone.now() + timedelta(days=settings.DATA_ACCESS_DAYS) - timedelta(minutes=1)
    assert remove_old_accesses(almost) == 0
    assert remove_old_accesses(almost + timedelta(minutes=2)) == 1
    assert not DataAccess.objects.exists()


def test_no_path_holds_up_the_records(
    demo: Caller, request_as: RequestAs, written: Callable[[], list[DataAccess]]
) -> None:
    # Of four bytes each, in no order that compresses: an index has a limit in bytes.
    names = [
        "".join(chr(0x10000 + pow(7, 200 * part + at, 65_537)) for at in range(200))
        for part in range(4)
    ]
    for path in (f"s3+x/{'/'.join(names)}", f"data/demo/c/{names[0]}"):
        request_as(demo, "GET", f"/v1/connector/{quote(path)}")
    long, short = written()
    assert len(long.path.encode()) <= LONGEST_ACCESSED_PATH
    assert long.path.startswith(f"{names[0]}/") and short.path == f"demo/c/{names[0]}"


def test_no_secret_is_recorded(
    demo: Caller, request_as: RequestAs, written: Callable[[], list[DataAccess]]
) -> None:
    headers = {"Cookie": "session=hidden-in-cookie"}
    for method in ("GET", "PUT", "DELETE"):
        target = "/v1/data/.my/none/f?token=hidden-in-query"
        request_as(demo, method, target, body=b"hidden-in-body", headers=headers)
    rows = written()
    assert len(rows) == 3
    told = repr(list(DataAccess.objects.values()))
    assert "hidden" not in told and demo.secret not in told and demo.secret[-8:] not in told


def test_a_killed_process_loses_no_access(
    plane: DataPlane,
    demo: Caller,
    settings: Settings,
    written: Callable[[], list[DataAccess]],
) -> None:
    """Each request whose answer was begun has its record, though the process dies with it."""
    connections.close_all()
    process = multiprocessing.get_context("fork").Process(target=_ask_and_die, args=(plane, demo))
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    (segment,) = Path(settings.DATA_JOURNAL_FOLDER).glob("*.open")
    os.utime(segment, (0, 0))
    assert [row.status for row in written()] == [200, 200, 200]


def test_a_change_whose_process_was_killed_before_its_answer_is_told(
    plane: DataPlane,
    demo: Caller,
    settings: Settings,
    written: Callable[[], list[DataAccess]],
) -> None:
    folder = Path(settings.DATA_JOURNAL_FOLDER)
    connections.close_all()
    process = multiprocessing.get_context("fork").Process(
        target=_change_and_die, args=(plane, demo)
    )
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    assert Collection.objects.filter(owner=demo.user, name="Kept").exists()
    assert written() == []
    (segment,) = (folder / "begun").glob("*.open")
    os.utime(segment, (0, 0))
    (row,) = written()
    assert (row.operation, row.status, row.error_type) == ("make", 500, "Interrupted")
    assert (row.account, row.path) == ("demo", "demo")
    assert not list((folder / "begun").iterdir())


def test_what_a_killed_process_had_ended_is_told_once_and_as_it_ended(
    plane: DataPlane,
    demo: Caller,
    settings: Settings,
    written: Callable[[], list[DataAccess]],
) -> None:
    connections.close_all()
    process = multiprocessing.get_context("fork").Process(
        target=_change_and_die, args=(plane, demo, 2)
    )
    process.start()
    process.join(60)
    for segment in Path(settings.DATA_JOURNAL_FOLDER).rglob("*.open"):
        os.utime(segment, (0, 0))
    assert [row.status for row in written()] == [200, 500]


def test_a_change_that_ended_leaves_nothing_behind(
    demo: Caller, plane: DataPlane, request_as: RequestAs, settings: Settings
) -> None:
    request_as(demo, "POST", "/v1/data/.my", body=b'{"name":"Kept"}')
    plane.close()
    assert not list((Path(settings.DATA_JOURNAL_FOLDER) / "begun").iterdir())


def _change_and_die(plane: DataPlane, demo: Caller, last: int = 1) -> None:
    """Makes collections, and dies when the last one is to be recorded."""
    # The threads of the other process have not come along.
    threads._executor = ThreadPoolExecutor(1)
    append, made = plane._journal.append, []

    def die(line: bytes) -> None:
        made.append(line)
        if len(made) == last:
            os.kill(os.getpid(), signal.SIGKILL)
        append(line)

    plane._journal.append = die  # type: ignore[method-assign]
    for name in ("Kept", "Other"):
        body = f'{{"name":"{name}"}}'.encode()
        scope = {SESSION: Session()}
        call(plane, "POST", "/v1/data/.my", headers=demo.headers, body=body, scope=scope)


def _ask_and_die(plane: DataPlane, demo: Caller) -> None:
    scope = {SESSION: Session(), PRINCIPAL: demo.principal}
    for _ in range(3):
        # The one request that asks no database: its threads do not come along in a fork.
        call(plane, "GET", "/v1/data/", scope=scope)
    os.kill(os.getpid(), signal.SIGKILL)
