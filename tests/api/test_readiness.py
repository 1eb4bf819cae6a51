"""`/readyz`: whether the platform can do its work, part by part, and never late."""

import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest
import redis
from django.db import connection
from django.test import Client

from algoport.readiness import NO_WORKER, PART_SECONDS, SILENT, tell_runtime

ALL_WELL = {"ready": True, "database": "ok", "broker": "ok", "runtime": "ok"}
# They share a database of Valkey, which no other test has.
pytestmark = [pytest.mark.django_db, pytest.mark.xdist_group("readiness")]


@pytest.fixture(autouse=True)
def valkey(settings: Any) -> Iterator["redis.Redis"]:
    """The broker, where a worker has told that it can run algorithms."""
    settings.REDIS_URL += "?db=9"
    with redis.Redis.from_url(settings.REDIS_URL) as connection:
        tell_runtime(connection)
        yield connection


@pytest.fixture
def mute() -> Iterator[int]:
    """Port of a server that takes connections and never says anything."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_all_parts_answer(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        answer = Client().get("/readyz")
    assert (answer.status_code, answer.json()) == (200, ALL_WELL)
    assert answer["Cache-Control"] == "no-store"
    assert not answer.cookies and "Cookie" not in answer.get("Vary", "")


def test_no_worker_can_run_algorithms(valkey: "redis.Redis") -> None:
    valkey.flushdb()
    answer = Client().get("/readyz")
    assert (answer.status_code, answer.json()) == (
        503,
        ALL_WELL | {"ready": False, "runtime": NO_WORKER},
    )


def test_the_database_refuses(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setitem(connection.settings_dict, "HOST", str(tmp_path))
    answer = Client().get("/readyz")
    assert (answer.status_code, answer.json()) == (
        503,
        ALL_WELL | {"ready": False, "database": SILENT},
    )


def test_rabbitmq_refuses(settings: Any) -> None:
    settings.CELERY_BROKER_URL = "amqp://guest:hidden@127.0.0.1:1//"
    answer = Client().get("/readyz")
    assert (answer.status_code, answer.json()) == (
        503,
        ALL_WELL | {"ready": False, "broker": SILENT},
    )


def test_servers_that_say_nothing_hold_nobody_up(
    monkeypatch: pytest.MonkeyPatch, settings: Any, mute: int
) -> None:
    monkeypatch.setitem(connection.settings_dict, "HOST", "127.0.0.1")
    monkeypatch.setitem(connection.settings_dict, "PORT", str(mute))
    settings.REDIS_URL = f"redis://:hidden@127.0.0.1:{mute}/0"
    began = time.monotonic()
    # The second finds the threads of the first in use, perhaps, and is not later for it.
    for _ in range(2):
        answer = Client().get("/readyz")
        assert answer.status_code == 503
        assert answer.json() == {
            "ready": False,
            **dict.fromkeys(("database", "broker", "runtime"), SILENT),
        }
    assert time.monotonic() - began < 2 * (PART_SECONDS + 0.5)


def test_nothing_but_looking_is_answered() -> None:
    assert Client().post("/readyz").status_code == 405
