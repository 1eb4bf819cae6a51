"""Requests to Django: how many threads and connections they take, and what a cut one costs."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from rest_framework.request import Request
from rest_framework.response import Response

from algoport.accounts.models import User
from algoport.accounts.permissions import EVERYTHING
from algoport.accounts.services import create_key
from algoport.db.threads import REQUEST_THREADS, WAITING_REQUEST_THREADS
from algoport.http.django_handler import RequestHandler, _is_to_wait
from algorithms.api.views import CompileView
from tests.asgi_client import Answer, call_async

pytestmark = pytest.mark.django_db(transaction=True)

READ = "/v1/organization/types"


@pytest.fixture
def key(make_user: Callable[[str], User]) -> str:
    return create_key(owner=make_user("demo"), label="test", scopes=EVERYTHING).secret


@pytest.fixture(autouse=True)
def no_connections() -> Iterator[None]:
    """Threads of other tests have theirs; these tests count."""
    _cut_connections()
    yield
    _cut_connections()


def _cut_connections() -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        return len(cursor.fetchall())


def _connections() -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        return int(cursor.fetchone()[0])


async def ask(key: str, method: str = "GET", path: str = READ) -> Answer:
    headers = {"Authorization": f"Simple {key}"}
    return await call_async(RequestHandler(), method, path, headers=headers)


def ask_at_once(key: str, count: int) -> list[int]:
    async def all_of_them() -> list[Answer]:
        return await asyncio.gather(*(ask(key) for _ in range(count)))

    return [answer.status for answer in asyncio.run(all_of_them())]


def test_many_requests_share_few_connections_that_last(key: str) -> None:
    assert ask_at_once(key, 60) == [200] * 60
    opened = _connections()
    assert 0 < opened <= REQUEST_THREADS
    assert ask_at_once(key, 1) == [200]
    assert _connections() == opened


def test_no_request_fails_because_its_connection_was_cut(key: str) -> None:
    assert ask_at_once(key, 60) == [200] * 60
    assert _cut_connections() > 0
    assert ask_at_once(key, 60) == [200] * 60


def test_requests_that_wait_do_not_keep_others_from_their_answers(
    key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    built = threading.Event()

    def wait(view: CompileView, request: Request, **where: Any) -> Response:
        assert built.wait(30)
        return Response(status=409)

    monkeypatch.setattr(CompileView, "post", wait)

    async def compile_and_read() -> list[int]:
        # More than there are threads, for either of them.
        count = REQUEST_THREADS + WAITING_REQUEST_THREADS
        compiling = [
            asyncio.create_task(ask(key, "POST", "/v1/algorithms/demo/Hello/compile"))
            for _ in range(count)
        ]
        try:
            read = [(await asyncio.wait_for(ask(key), 10)).status for _ in range(3)]
        finally:
            built.set()
        assert {(await each).status for each in compiling} == {409}
        return read

    assert asyncio.run(compile_and_read()) == [200] * 3


def test_a_streamed_answer_leaves_no_connection_of_its_own(
    key: str, make_user: Callable[[str], User]
) -> None:
    root = make_user("root")
    root.is_staff = root.is_superuser = True
    root.save()
    client = Client()
    client.force_login(root)
    cookie = "; ".join(f"{each.key}={each.value}" for each in client.cookies.values())

    async def export() -> Answer:
        path = "/admin/audit/auditentry/export.csv"
        return await call_async(RequestHandler(), "GET", path, headers={"Cookie": cookie})

    answer = asyncio.run(export())
    assert answer.status == 200 and answer.complete
    assert answer.body.splitlines()[0].startswith(b"number,")
    assert _connections() == 1


@pytest.mark.parametrize(
    ("method", "path", "waits"),
    [
        ("POST", "/v1/algorithms/demo/Hello/compile", True),
        ("GET", "/v1/algorithms/demo/Hello", False),
        ("POST", "/algorithms/demo/Hello/versions/publish", True),
        ("GET", "/algorithms", False),
        ("GET", "/data/browse/s3+lab", True),
        ("GET", "/nothing/at/all", False),
    ],
)
def test_what_waits_for_others_keeps_no_thread_of_the_rest(
    method: str, path: str, waits: bool
) -> None:
    assert _is_to_wait({"method": method, "path": path}) is waits
