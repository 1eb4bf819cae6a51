"""Secrets of an algorithm on a whole platform: in its runs at once, and nowhere else."""

import json
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.acceptance.platform import Account, Platform, create, deploy, wait_until, working_copy
from tests.acceptance.steps import unused

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("live"), pytest.mark.timeout(180)]

READS = """
import os

print("at import:", os.environ.get("API_TOKEN"))


def apply(input):
    return {name: os.environ.get(name) for name in input}
"""
SEARCHES = """
import glob


def apply(input):
    found = []
    for path in glob.glob("/proc/[0-9]*/environ") + ["/run/algoport/start.json"]:
        try:
            with open(path, "rb") as file:
                found.append(bytes.fromhex(input) in file.read())
        except OSError:
            continue
    return {"looked": len(found), "found": any(found)}
"""
FIRST, SECOND = "canary-first-value", "canary-second-value"


class Owner:
    """An account with an algorithm that reads its environment."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self.account = platform.account(unused("secretive"))
        self.path = create(self.account, "Reads")
        self.algo = self.account.client.algo(self.path)
        self.headers = {"Authorization": self.account.key}

    def url(self, secret: dict[str, Any]) -> str:
        return f"{self.platform.url}/v1/algorithms/{secret['owner_id']}/secrets/{secret['id']}"

    def change(self, secret: dict[str, Any], value: str) -> None:
        body = {"short_name": "token", "description": "", "secret_value": value}
        answer = requests.put(self.url(secret), json=body, headers=self.headers, timeout=10)
        assert answer.status_code == 200 and value not in answer.text

    def delete(self, secret: dict[str, Any]) -> None:
        answer = requests.delete(self.url(secret), headers=self.headers, timeout=10)
        assert answer.status_code == 204


def read(caller: Account, path: str, *names: str) -> dict[str, Any]:
    result: dict[str, Any] = caller.client.algo(path).pipe(list(names)).result
    return result


def queued(caller: Account, path: str, *names: str) -> Any:
    """The result of a call that runs later, in a worker."""
    url, headers = caller.platform.url, {"Authorization": caller.key}
    asked = f"{url}/v1/algo/{path}?output=void"
    accepted = requests.post(asked, json=names, headers=headers, timeout=10).json()
    one = f"{url}/v1/requests/{accepted['request_id']}"

    def body() -> Any:
        return requests.get(one, headers=headers, timeout=10).json()

    wait_until(lambda: body()["state"] == "finished", 60, "the queued call ends")
    return body()["result"]


def test_secrets_reach_the_runs_of_their_algorithm_only(live: Platform) -> None:
    owner, guest = Owner(live), live.account(unused("guest"))
    secret = owner.algo.set_secret("token", "API_TOKEN", FIRST)
    assert FIRST not in json.dumps(secret)
    with working_copy(owner.account, owner.path) as copy:
        copy.write("src/Reads.py", READS)
        push = copy.push()
    # Code may need it while it is loaded; the log does not show it.
    assert "at import: [secret]" in push.output and FIRST not in push.output
    owner.algo.publish(
        settings={"algorithm_callability": "public"}, version_info={"version_type": "minor"}
    )
    for caller in (owner.account, guest):
        assert read(caller, owner.path, "API_TOKEN") == {"API_TOKEN": FIRST}
    assert read(owner.account, f"{owner.path}/{push.sha}", "API_TOKEN") == {"API_TOKEN": FIRST}
    # Before a result that is kept has it.
    assert no_file_holds(live, FIRST)
    assert queued(guest, owner.path, "API_TOKEN") == {"API_TOKEN": FIRST}

    other = deploy(owner.account, "Other", READS)
    assert read(owner.account, other, "API_TOKEN") == {"API_TOKEN": None}
    searches = deploy(owner.account, "Searches", SEARCHES)
    for value in (FIRST, "ALGORITHM_NAME"):
        sought = owner.account.client.algo(searches).pipe(value.encode().hex()).result
        assert sought["looked"] > 2 and sought["found"] is (value != FIRST)

    owner.change(secret, SECOND)
    for caller in (owner.account, guest):
        wait_until(
            lambda caller=caller: read(caller, owner.path, "API_TOKEN")["API_TOKEN"] == SECOND,
            5,
            "the new value is there",
        )
        for _ in range(8):
            assert read(caller, owner.path, "API_TOKEN") == {"API_TOKEN": SECOND}
    assert queued(guest, owner.path, "API_TOKEN") == {"API_TOKEN": SECOND}

    owner.delete(secret)
    wait_until(
        lambda: read(guest, owner.path, "API_TOKEN")["API_TOKEN"] is None, 5, "it is deleted"
    )
    assert owner.algo.get_secrets()["secrets"] == []


def no_file_holds(platform: Platform, value: str) -> bool:
    """Nothing that the platform writes, its database's pages included, has the value in it."""
    files = [path for path in platform.data.rglob("*") if is_written(path)]
    assert len(files) > 50
    return not any(value.encode() in content_of(path) for path in files)


def content_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""  # A worker has taken it into the database meanwhile.


def is_written(path: Path) -> bool:
    return path.is_file() and "environments" not in path.parts
