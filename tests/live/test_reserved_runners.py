"""Reserved runners on a whole platform, as callers and administrators meet them."""

import contextlib
import os
import re
import signal

import pytest
import requests

from tests.acceptance.platform import Account, Platform, deploy, wait_until
from tests.acceptance.portal import sign_in_administrator
from tests.acceptance.steps import ECHO, unused

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("live"), pytest.mark.timeout(120)]

ROW = r"<th scope=\"row\">{}</th><td>[0-9a-f]+</td><td>{}</td>" + r"\s*<td>(\d+)</td>" * 5


class Administrator:
    """Someone with an admin key and the admin portal open."""

    def __init__(self, platform: Platform) -> None:
        self.url = platform.url
        self.api = requests.Session()
        self.api.headers["Authorization"] = platform.first_run["admin_api_key"]
        self.portal, _ = sign_in_administrator(platform)

    def page(self) -> str:
        answer = self.portal.get(f"{self.url}/admin/runners/", timeout=10)
        assert answer.status_code == 200
        return answer.text

    def runners(self, path: str, caller: str) -> list[tuple[int, int]]:
        """For each process with runners of the algorithm for the caller: idle and reserved."""
        rows = re.findall(ROW.format(path, caller), self.page())
        return [(int(row[0]), int(row[4])) for row in rows]


def timing(answer: requests.Response, phase: str) -> float:
    found = re.search(rf"{phase};dur=([0-9.]+)", answer.headers["Server-Timing"])
    assert found is not None
    return float(found[1])


def test_a_reserved_runner_is_there_before_the_first_call(live: Platform) -> None:
    administrator = Administrator(live)
    owner, caller = (live.account(unused("reserves")) for _ in range(2))
    path = deploy(owner, "Echo", ECHO, publish="public").rsplit("/", 1)[0]
    page = administrator.page()
    processes = page.count("web process")
    assert processes == 2 and page.count("worker process") == 1
    reservation = {
        "username": owner.name,
        "algoname": "Echo",
        "calling_user": caller.name,
        "version_type": "latest_public",
        "num_slots": 1,
    }
    made = administrator.api.post(f"{live.url}/v1/admin/reservations", json=reservation, timeout=10)
    assert made.status_code == 200

    def all_there() -> bool:
        return administrator.runners(path, caller.name) == [(1, 1)] * processes

    wait_until(all_there, 15, "each web process has its reserved runner")
    answer = call(caller, path)
    assert timing(answer, "start") == timing(answer, "load") == 0
    assert timing(answer, "total") < 1000
    wait_until(all_there, 10, "it is kept after the call")
    agents = "python3 /opt/algoport"
    ended = live.processes(agents)
    assert len(ended) >= processes
    for process in ended:
        kill(process)

    def others_there() -> bool:
        return len(set(live.processes(agents)) - set(ended)) >= processes and all_there()

    wait_until(others_there, 15, "others take the place of runners that ended")
    one = f"{live.url}/v1/admin/reservations/{made.json()['reservation_id']}"
    assert administrator.api.delete(one, timeout=10).status_code == 200
    wait_until(
        lambda: {reserved for _, reserved in administrator.runners(path, caller.name)} <= {0},
        10,
        "nothing is reserved any more",
    )


def kill(process: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(process, signal.SIGKILL)


def call(caller: Account, path: str) -> requests.Response:
    url = f"{caller.platform.url}/v1/algo/{path}"
    headers = {"Authorization": caller.key, "Content-Type": "text/plain"}
    answer = requests.post(url, "x", headers=headers, timeout=30)
    assert answer.json()["result"] == "x"
    return answer
