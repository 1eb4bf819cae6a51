"""Any request below /v1, made in this process and thread, and taken back when it has been answered.

The planes' threads are replaced by the test's own, so that all work is done over one connection
and inside one transaction. What a request left to be done after its commit is not done.
"""

import asyncio
import json
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import transaction
from rest_framework.test import APIClient

import algoport.celery  # noqa: F401  (calls are queued by this application's broker)
from algoport.accounts.callers import CallerAuthenticator
from algoport.db import threads
from algoport.db.changes import ChangeListener
from algoport.http.tracing import begin
from algorithms.api import views
from algorithms.api.call_plane import CallPlane
from algorithms.api.explaining.answers import Explanation
from algorithms.api.web_plane import WebPlane
from dataportal.api import store_threads
from dataportal.api.data_plane import DataPlane
from dataportal.stores.base import Unreachable
from dataportal.stores.opening import STORES
from tests.asgi_client import call

PLANES = ("/v1/algo/", "/v1/web/algo/", "/v1/data", "/v1/connector")


class InlineExecutor:
    """Does what it is given at once, as a thread without an event loop would."""

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> "Future[Any]":
        future: Future[Any] = Future()
        loop = asyncio._get_running_loop()
        # Inside a loop Django would take another connection.
        asyncio._set_running_loop(None)
        try:
            future.set_result(function(*args, **kwargs))
        except BaseException as exc:
            future.set_exception(exc)
        finally:
            asyncio._set_running_loop(loop)
        return future


class Door:
    """Answers requests; `status` is all that is asked of an answer here."""

    def __init__(self) -> None:
        listener = ChangeListener()
        authenticate = CallerAuthenticator(listener)
        self._data = DataPlane(authenticate, listener)
        # A call that is queued is decided like every other, and needs no runner.
        self._calls = CallPlane(authenticate, listener, gateway=None)  # type: ignore[arg-type]
        self._web = WebPlane(authenticate, listener, gateway=None)  # type: ignore[arg-type]

    def status(
        self, secret: str | None, method: str, target: str, body: dict[str, Any] | None = None
    ) -> int:
        with _taken_back():
            return self._ask(secret, method, target, body)

    def _ask(
        self, secret: str | None, method: str, target: str, body: dict[str, Any] | None
    ) -> int:
        if target.startswith(PLANES):
            return self._ask_plane(secret, method, target, body)
        client = APIClient(raise_request_exception=False)
        if secret is not None:
            client.credentials(HTTP_AUTHORIZATION=f"Simple {secret}")
        payload = b"" if body is None else json.dumps(body).encode()
        answer = client.generic(
            method,
            target,
            payload,
            content_type="application/json",
            # What says that it is an event of a repository host.
            HTTP_X_EVENT_KEY="repo:push",
            # Keys that are not good are counted by address.
            REMOTE_ADDR="",
        )
        return int(answer.status_code)

    def close(self) -> None:
        self._data.close()

    def _ask_plane(
        self, secret: str | None, method: str, target: str, body: dict[str, Any] | None
    ) -> int:
        headers = {"Content-Type": "application/json"}
        if secret is not None:
            headers["Authorization"] = f"Simple {secret}"
        payload = b'"x"' if body is None else json.dumps(body).encode()
        plane: Any = self._data if target.startswith(PLANES[2:]) else self._calls
        if target.startswith("/v1/web/"):
            plane = self._web
        scope: dict[str, Any] = {}
        begin(scope)
        return call(plane, method, target, headers=headers, body=payload, scope=scope).status


@contextmanager
def _taken_back() -> Iterator[None]:
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


@contextmanager
def open_door(monkeypatch: pytest.MonkeyPatch) -> Iterator[Door]:
    inline = InlineExecutor()
    monkeypatch.setattr(threads, "_executor", inline)
    monkeypatch.setattr(store_threads, "_executor", inline)
    monkeypatch.setattr(store_threads, "_file_executor", inline)
    # What happens behind a decision is not asked here: storages are away, builds take too long.
    monkeypatch.setattr(STORES, "get", _unavailable)
    monkeypatch.setattr(views, "_COMPILE_SECONDS", 0)
    door = Door()
    yield door
    door.close()


def _unavailable(connector: object) -> Any:
    raise Unreachable("the storage is away")


def agree(explained: Explanation, status: int) -> bool:
    """Whether a request was answered as its explanation says."""
    if explained.error is not None:
        return status == explained.error.status
    return status not in (401, 403)
