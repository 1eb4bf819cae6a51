"""The error log on a whole platform: from a failing call to what its owner reads."""

from typing import Any

import pytest
import requests

from tests.acceptance.platform import Account, Platform, deploy, wait_until
from tests.acceptance.steps import unused

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("live"), pytest.mark.timeout(120)]

SOURCE = """
import Algorithmia


def apply(input):
    if input == "nested":
        return Algorithmia.client().algo("OWNER/Fails").pipe("inner").result
    raise ValueError(f"bad {input}")
"""


class Log:
    """An account with an algorithm that fails, and what the platform tells of that."""

    def __init__(self, platform: Platform, admin_key: str) -> None:
        self.platform = platform
        self.admin_key = admin_key
        self.account: Account = platform.account(unused("failing"))
        self.headers = {"Authorization": self.account.key}
        for name in ("Fails", "Calls"):
            source = SOURCE.replace("OWNER", self.account.name)
            deploy(self.account, name, source, publish="public", requirements="algorithmia\n")

    def switch(self, on: bool) -> None:
        url = f"{self.platform.url}/v1/admin/features/algorithm-errors"
        headers = {"Authorization": self.admin_key}
        answer = requests.put(url, json={"enabled": on}, headers=headers, timeout=10)
        assert answer.status_code == 204

    def fail(self, data: str, name: str = "Fails", query: str = "") -> str:
        url = f"{self.platform.url}/v1/algo/{self.account.name}/{name}{query}"
        answer = requests.post(
            url, data, headers=self.headers | {"Content-Type": "text/plain"}, timeout=30
        )
        assert answer.status_code == 200 and "result" not in answer.json()
        return answer.headers["X-Request-Id"]

    def read(self, name: str = "Fails") -> list[dict[str, Any]]:
        url = f"{self.platform.url}/v1/algorithms/{self.account.name}/{name}/errors"
        logged: list[dict[str, Any]] = requests.get(url, headers=self.headers, timeout=10).json()
        return logged

    def has(self, *request_ids: str, name: str = "Fails") -> bool:
        return set(request_ids) <= {each["request_id"] for each in self.read(name)}

    def has_all_of_several(self) -> bool:
        """Whether every web process notes failures by now."""
        made = [self.fail("again") for _ in range(8)]
        try:
            wait_until(lambda: self.has(*made), 3, "all are in the log")
        except AssertionError:
            return False
        return True

    def has_none_of_several(self) -> bool:
        """Whether no web process notes failures any more."""
        made = [self.fail("off") for _ in range(8)]
        try:
            wait_until(lambda: any(self.has(each) for each in made), 3, "one is in the log")
        except AssertionError:
            return True
        return False


@pytest.fixture(scope="module")
def log(live: Platform) -> Log:
    return Log(live, live.first_run["admin_api_key"])


def test_failures_are_told_while_the_feature_is_on(log: Log) -> None:
    # Others may have left it on.
    log.switch(False)
    wait_until(log.has_none_of_several, 30, "failures are not noted")
    before = log.fail("before")
    log.switch(True)
    try:
        wait_until(log.has_all_of_several, 20, "failures are noted")
        assert not log.has(before)
        request_id = log.fail("input")
        wait_until(lambda: log.has(request_id), 3, "the failure is in the log")
        (entry,) = [each for each in log.read() if each["request_id"] == request_id]
        assert entry["username"] == entry["billable_to"] == log.account.name
        assert (entry["algoname"], entry["algoversion"]) == ("Fails", "0.1.0")
        assert (entry["input"], entry["error_type"]) == ('"input"', "AlgorithmError")
        assert entry["error"].startswith("error:\nbad input\nstacktrace:\nSome(Traceback")
        assert log.read()[0] == entry
        queued = log.fail("queued", query="?output=void")
        wait_until(lambda: log.has(queued), 10, "the queued failure is in the log")
        nested = log.fail("nested", "Calls")
        wait_until(lambda: log.has(nested, name="Calls"), 3, "the failure of a call of a call")
        assert "bad inner" in log.read("Calls")[0]["error"]
        assert log.read()[0]["input"] == '"inner"'
    finally:
        log.switch(False)
