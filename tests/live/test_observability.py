"""Metrics and logs of a running platform."""

import http.client
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.acceptance.platform import Platform, wait_until
from tests.metrics import value_of

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("live"), pytest.mark.timeout(120)]

MISSING = 'algoport_http_requests_total{plane="git",status_class="4xx"}'


@pytest.fixture(scope="module")
def admin_key(live: Platform) -> str:
    return live.first_run["admin_api_key"]


def read(live: Platform, key: str) -> str:
    answer = requests.get(
        f"{live.url}/metrics", headers={"Authorization": f"Simple {key}"}, timeout=10
    )
    assert answer.status_code == 200, answer.text
    return answer.text


def entries(live: Platform, process: str) -> Iterator[dict[str, object]]:
    for line in (live.data / "logs" / f"{process}.log").read_text().splitlines():
        yield json.loads(line)


def test_metrics_are_summed_over_the_web_processes(live: Platform, admin_key: str) -> None:
    def pids(text: str) -> set[str]:
        lines = [line for line in text.splitlines() if 'resident_bytes{pid="' in line]
        return {line.split('pid="')[1].split('"')[0] for line in lines if 'process="web"' in line}

    wait_until(lambda: len(pids(read(live, admin_key))) == 2, 10, "both web processes tell")
    before = value_of(read(live, admin_key), MISSING)
    host = live.url.removeprefix("http://")
    for _ in range(40):
        connection = http.client.HTTPConnection(host, timeout=10)
        connection.request("GET", "/git/nobody/Nothing.git/info/refs?service=git-upload-pack")
        assert 400 <= connection.getresponse().status < 500
        connection.close()
    wait_until(
        lambda: value_of(read(live, admin_key), MISSING) == before + 40, 10, "all are counted"
    )
    assert value_of(read(live, admin_key), MISSING) == before + 40


def test_a_platform_that_can_work_says_so(live: Platform) -> None:
    def ready() -> bool:
        return requests.get(f"{live.url}/readyz", timeout=10).status_code == 200

    wait_until(ready, 10, "the platform is ready")


def test_a_failure_is_logged_with_the_request_of_its_answer(live: Platform) -> None:
    live.demo.client.dir("data://.my/observed").create()
    hosted: Path = live.data / "hosted"
    aside = live.data / "hosted-aside"
    hosted.mkdir(exist_ok=True)
    hosted.rename(aside)
    hosted.touch()
    try:
        answer = requests.put(
            f"{live.url}/v1/connector/data/.my/observed/file",
            data=b"x",
            headers={"Authorization": f"Simple {live.demo.key}"},
            timeout=10,
        )
    finally:
        hosted.unlink()
        aside.rename(hosted)
    assert answer.status_code >= 500, answer.text
    told = [
        entry
        for entry in entries(live, "web")
        if entry.get("request_id") == answer.headers["X-Request-Id"]
    ]
    assert told and all(e["session_id"] == answer.headers["X-Session-Id"] for e in told)
    assert any("exception" in entry for entry in told)


def test_every_line_is_an_object_and_none_holds_a_key(live: Platform) -> None:
    for process in ("web", "worker", "beat"):
        for entry in entries(live, process):
            assert entry["process"] == process and entry["time"] and entry["pid"]
        assert live.demo.key not in (live.data / "logs" / f"{process}.log").read_text()
