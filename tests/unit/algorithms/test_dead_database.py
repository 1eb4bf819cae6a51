"""While the database does not answer, nothing is given up and nobody waits in vain."""

import asyncio
import time
import uuid
from collections.abc import MutableMapping
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, InterfaceError, OperationalError

from algoport.api.exception_handler import as_api_error
from algoport.http.asgi import Request, Send, answer
from algorithms.models import AsyncCall
from algorithms.queueing import executor, leases
from algorithms.queueing.executor import PUT_BACK_SECONDS, QueueExecutor
from algorithms.running.program import Lease


def refuse(*args: Any) -> Any:
    raise OperationalError("the database system is in recovery mode")


def test_a_call_that_cannot_be_looked_up_is_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    put_back: list[tuple[Any, ...]] = []
    monkeypatch.setattr(executor, "route_queued", refuse)
    monkeypatch.setattr(leases, "put_back", lambda *args: put_back.append(args))
    call = AsyncCall(id=uuid.uuid4(), session_id=uuid.uuid4(), attempt=3)
    gateway: Any = None
    asyncio.run(QueueExecutor(gateway)._run(call, Lease(time.monotonic() + 10)))
    assert put_back == [(call.pk, 3, PUT_BACK_SECONDS)]


@pytest.mark.parametrize(
    ("exc", "status"),
    [
        (OperationalError("the database system is starting up"), 503),
        (DatabaseError("server closed the connection unexpectedly"), 503),
        (InterfaceError("connection already closed"), 503),
        (IntegrityError("duplicate key"), 500),
    ],
)
def test_callers_are_told_to_try_again(exc: Exception, status: int) -> None:
    assert as_api_error(exc).status == status

    async def fail(request: Request, send: Send) -> None:
        raise exc

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    sent: list[MutableMapping[str, Any]] = []
    scope = {"type": "http", "method": "GET", "path": "/", "raw_path": b"/", "headers": []}
    asyncio.run(answer(fail, scope, receive, send))
    assert sent[0]["status"] == status
