"""A platform on servers of its operator's: PostgreSQL and Redis by TCP, RabbitMQ for its tasks."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg2
import pytest
import redis
import requests

from tests.acceptance.platform import (
    Platform,
    deploy,
    free_port,
    start_platform,
    wait_until,
    wait_until_ready,
)
from tests.doubles.servers import (
    ServerMissing,
    running_postgres,
    running_rabbitmq,
    running_redis,
)

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("external"), pytest.mark.timeout(180)]

SOURCE = """import Algorithmia


def apply(input):
    kept = Algorithmia.client().file("data://.my/outside/in.txt").getString()
    return f"{kept} {input}"
"""


@dataclass
class Outside:
    """The servers, and the folder of a platform that is started on them again and again."""

    folder: Path
    database: str
    valkey: str
    rabbitmq: str

    @contextmanager
    def platform(self, **variables: str) -> Iterator[Platform]:
        log = self.folder / "up.log"
        log.unlink(missing_ok=True)
        platform = start_platform(
            self.folder / "var",
            free_port(),
            log,
            DATABASE_URL=self.database,
            REDIS_URL=self.valkey,
            **variables,
        )
        try:
            wait_until_ready(platform, log)
            yield platform
        finally:
            if platform.process is not None and platform.process.poll() is None:
                platform.stop()


@pytest.fixture(scope="module")
def outside() -> Iterator[Outside]:
    """Left out loudly, or with ALGOPORT_TEST_STRICT failed, where a server is missing."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ap-out-")))
        folder.chmod(0o755)
        try:
            rabbitmq = stack.enter_context(running_rabbitmq(folder))
            database = stack.enter_context(running_postgres(folder / "postgres"))
            valkey = stack.enter_context(running_redis(folder))
        except ServerMissing as exc:
            if os.environ.get("ALGOPORT_TEST_STRICT"):
                pytest.fail(str(exc))
            pytest.skip(str(exc))
        yield Outside(folder, database.url, valkey.url, rabbitmq.url)


def push_build_and_call(platform: Platform, name: str) -> None:
    """What users do, in short: data, a push, a build, a call, a queued call."""
    demo = platform.demo
    folder = demo.client.dir("data://.my/outside")
    if not folder.exists():
        folder.create()
    demo.client.file("data://.my/outside/in.txt").put(f"kept for {name}")
    path = deploy(demo, name, SOURCE, publish="public")
    path = path.rpartition("/")[0]
    assert demo.client.algo(path).pipe("now").result == f"kept for {name} now"

    def ask(url: str, method: str = "GET", **said: str) -> requests.Response:
        headers = {"Authorization": demo.key, "Content-Type": "text/plain"}
        return requests.request(method, platform.url + url, headers=headers, timeout=30, **said)

    queued = ask(f"/v1/algo/{path}?output=void", "POST", data="later").json()["request_id"]
    wait_until(
        lambda: ask(f"/v1/requests/{queued}").json()["state"] == "finished", 30, "the call ends"
    )
    assert ask(f"/v1/requests/{queued}").json()["result"] == f"kept for {name} later"
    wait_until(
        lambda: requests.get(f"{platform.url}/readyz", timeout=10).status_code == 200, 10, "ready"
    )


def test_postgresql_and_redis_by_tcp(outside: Outside) -> None:
    with outside.platform() as platform:
        push_build_and_call(platform, "Outside")
        assert not platform.processes("valkey-server") and not platform.processes("pginstall")
        assert not (platform.data / "postgres").exists()
    with psycopg2.connect(outside.database) as own, own.cursor() as cursor:
        cursor.execute("SELECT current_setting('server_version_num')::int / 10000")
        (version,) = cursor.fetchone() or ()
        cursor.execute("SELECT count(*) FROM algorithms_algorithm WHERE name = 'Outside'")
        assert cursor.fetchone() == (1,)
        print(f"PostgreSQL {version}")
    own.close()


def test_tasks_go_through_rabbitmq(outside: Outside) -> None:
    with redis.Redis.from_url(outside.valkey) as valkey:
        valkey.flushdb()
        with outside.platform(CELERY_BROKER_URL=outside.rabbitmq) as platform:
            push_build_and_call(platform, "Rabbit")
            # Celery's queues and bindings would be there.
            assert not valkey.keys("_kombu*") and not valkey.exists("builds", "runners", "periodic")


def test_a_broker_that_is_away_stops_the_start_by_name(outside: Outside) -> None:
    wrong = f"amqp://algoport:hidden@127.0.0.1:{free_port()}//"
    with pytest.raises(AssertionError) as ended, outside.platform(CELERY_BROKER_URL=wrong):
        pass
    assert "the broker of CELERY_BROKER_URL does not answer" in str(ended.value)
    assert "hidden" not in str(ended.value)
