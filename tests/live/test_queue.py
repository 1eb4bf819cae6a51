"""Asynchronous calls on a whole platform."""

import os
import signal
from typing import Any

import pytest
import requests

from tests.acceptance.platform import Account, Platform, deploy, running_platform, wait_until
from tests.acceptance.steps import unused

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("live"), pytest.mark.timeout(180)]

SOURCE = """
import time

import Algorithmia


def apply(input):
    if input == "fail":
        raise ValueError("bad input")
    if input == "odd":
        raise ValueError("bad \\0 input")
    if input == "slow":
        time.sleep(60)
    if input == "nested":
        return Algorithmia.client().algo("OWNER/Work").pipe("inner").result
    return {"bytes": b"\\xff", "none": None}.get(input, "did " + input)
"""


class Caller:
    """An account that queues calls and asks for them."""

    def __init__(self, account: Account, path: str) -> None:
        self.account = account
        self.path = path
        self.http = requests.Session()
        self.http.headers.update({"Authorization": account.key, "Content-Type": "text/plain"})

    def send(self, data: str, query: str = "", **headers: str) -> requests.Response:
        url = f"{self.account.platform.url}/v1/algo/{self.path}?output=void{query}"
        return self.http.post(url, data=data, headers=headers, timeout=30)

    def queue(self, data: str, query: str = "", **headers: str) -> str:
        answer = self.send(data, query, **headers)
        assert answer.status_code == 200, answer.text
        body = answer.json()
        assert list(body) == ["async", "request_id"] and body["async"] == "void"
        request_id: str = body["request_id"]
        assert request_id.startswith("req-")
        return request_id

    def request(self, request_id: str, method: str = "GET", action: str = "") -> requests.Response:
        url = f"{self.account.platform.url}/v1/requests/{request_id}{action}"
        return self.http.request(method, url, timeout=30)

    def ended(self, request_id: str, seconds: float = 30) -> dict[str, Any]:
        wait_until(
            lambda: self.state(request_id) not in ("queued", "running"), seconds, "the call ends"
        )
        body: dict[str, Any] = self.request(request_id).json()
        return body

    def state(self, request_id: str) -> str:
        state: str = self.request(request_id).json()["state"]
        return state


@pytest.fixture(scope="module")
def work(live: Platform) -> Caller:
    return worker_on(live)


def worker_on(platform: Platform) -> Caller:
    account = platform.account(unused("queue"))
    source = SOURCE.replace("OWNER", account.name)
    path = deploy(account, "Work", source, publish="public", requirements="algorithmia==2.0.5\n")
    return Caller(account, path.rsplit("/", 1)[0])


@pytest.mark.parametrize(
    ("data", "result", "kind"),
    [
        ("it", "did it", "text"),
        ("bytes", "/w==", "binary"),
        ("none", None, "void"),
        ("nested", "did inner", "text"),
    ],
)
def test_a_result_can_be_fetched(work: Caller, data: str, result: Any, kind: str) -> None:
    answer = work.send(data)
    request_id = answer.json()["request_id"]
    assert answer.headers["X-Request-Id"] == request_id
    body = work.ended(request_id)
    assert body["state"] == "finished" and body["result"] == result
    assert body["metadata"]["content_type"] == kind and body["metadata"]["duration"] > 0
    assert body["accepted_at"] <= body["started_at"] <= body["ended_at"]


def test_a_failure_is_told(work: Caller) -> None:
    body = work.ended(work.queue("fail"))
    assert body["state"] == "failed"
    assert body["error"] == {"message": "bad input", "error_type": "AlgorithmError"}
    odd = work.ended(work.queue("odd"))
    assert odd["state"] == "failed"
    assert odd["error"]["message"] == "bad \N{REPLACEMENT CHARACTER} input"
    again = work.ended(work.queue("fail", "&retries=1"))
    assert again["state"] == "dead" and again["tries"] == 2
    redriven = work.request(again["request_id"], "POST", "/redrive")
    assert redriven.status_code == 200 and redriven.json()["state"] == "queued"
    assert work.ended(again["request_id"])["state"] == "dead"


def test_a_running_call_is_cancelled(work: Caller) -> None:
    request_id = work.queue("slow")
    wait_until(lambda: work.state(request_id) == "running", 10, "it runs")
    cancelled = work.request(request_id, "DELETE")
    assert cancelled.status_code == 200 and cancelled.json()["state"] == "cancelled"
    assert work.request(request_id, "DELETE").status_code == 409
    # Its runner is free again at once, not when its sleep has ended.
    assert work.ended(work.queue("it"), 10)["result"] == "did it"
    wait_until(lambda: recorded(work.account.platform, request_id), 20, "what it took is recorded")
    assert recorded(work.account.platform, request_id) == [("Cancelled", True)]


def recorded(platform: Platform, request_id: str) -> list[tuple[str, bool]]:
    """The type of error of each record of the request, and whether it has run."""
    code = (
        "from algorithms.models import CallRecord;"
        f"rows = CallRecord.objects.filter(request_id='{request_id.removeprefix('req-')}');"
        "print([(row.error_type, row.run_seconds > 0) for row in rows])"
    )
    output = platform.manage("shell", "--verbosity", "0", "-c", code)
    rows: list[tuple[str, bool]] = eval(output.strip().splitlines()[-1])
    return rows


@pytest.mark.parametrize(
    ("path", "query", "status", "code"),
    [
        ("nowhere/Nothing", "", 404, 1000),
        (None, "&retries=x", 400, 6001),
        (None, "&retries=21", 400, 6001),
        (None, "&timeout=3001", 400, 6001),
    ],
)
def test_what_cannot_be_called_is_not_accepted(
    work: Caller, path: str | None, query: str, status: int, code: int
) -> None:
    other = Caller(work.account, path or work.path)
    answer = other.send("it", query)
    assert answer.status_code == status and answer.json()["code"] == code


def test_idempotency(work: Caller) -> None:
    key = {"Idempotency-Key": unused("key")}
    first = work.queue("it", **key)
    assert work.queue("it", **key) == first
    assert work.send("other", **key).status_code == 409
    url = f"{work.account.platform.url}/v1/algo/{work.path}"
    assert work.http.post(url, data="it", headers=key, timeout=30).status_code == 400


def test_requests_of_others_do_not_exist(work: Caller, live: Platform) -> None:
    request_id = work.queue("it")
    other = Caller(live.account(unused("other")), work.path)
    for method, action in (("GET", ""), ("DELETE", ""), ("POST", "/redrive")):
        answer = other.request(request_id, method, action)
        assert answer.status_code == 404 and answer.json()["code"] == 7000
    listed = other.http.get(f"{live.url}/v1/requests", timeout=10)
    assert listed.json()["results"] == []


def test_lists(work: Caller) -> None:
    made = [work.queue("it") for _ in range(3)]
    for request_id in made:
        work.ended(request_id)
    url = f"{work.account.platform.url}/v1/requests?state=finished&limit=2"
    page = work.http.get(url, timeout=10).json()
    assert [each["request_id"] for each in page["results"]] == made[:0:-1]
    assert "result" not in page["results"][0]
    more = work.http.get(f"{url}&marker={page['marker']}", timeout=10).json()
    assert more["results"][0]["request_id"] == made[0]
    bad = work.http.get(url.replace("finished", "lost"), timeout=10)
    assert bad.status_code == 400


@pytest.mark.timeout(240)
def test_killed_workers() -> None:
    """A killed worker's call ends, or is run again when it may be."""
    with running_platform() as platform:
        caller = worker_on(platform)
        _kill(platform)
        caller.ended(caller.queue("it"), 60)
        kept = caller.queue("slow", "&retries=1&timeout=2")
        lost = caller.queue("slow")
        wait_until(lambda: caller.state(lost) == "running", 20, "it runs")
        _kill(platform)
        body = caller.ended(lost, 60)
        assert body["state"] == "dead" and body["error"]["error_type"] == "WorkerLost"
        assert caller.ended(kept, 60)["tries"] == 2


def _kill(platform: Platform) -> None:
    for process in platform.processes("celery"):
        os.kill(process, signal.SIGKILL)
