"""What is allowed, or not any more, is so within a second, in every web process."""

import http.client
import time
from collections.abc import Callable, Iterator

import psutil
import pytest
import requests

from tests.acceptance.platform import SETTINGS, Account, Platform, deploy
from tests.acceptance.steps import ECHO, unused

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("live"), pytest.mark.timeout(120)]

Connections = dict[int, http.client.HTTPConnection]


@pytest.fixture
def connections(live: Platform) -> Iterator[Connections]:
    """A kept connection to each web process, by its process id."""
    port = int(live.url.rsplit(":", 1)[1])
    found: Connections = {}
    spare = []
    for _ in range(200):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        connection.request("GET", "/healthz")
        connection.getresponse().read()
        served_by = _server_of(live, connection)
        if served_by in found:
            spare.append(connection)
        else:
            found[served_by] = connection
        if len(found) == 2:
            break
    assert len(found) == 2
    yield found
    for connection in (*found.values(), *spare):
        connection.close()


def _server_of(platform: Platform, connection: http.client.HTTPConnection) -> int:
    own = connection.sock.getsockname()
    for process in platform.processes("gunicorn"):
        for each in psutil.Process(process).net_connections("tcp"):
            if each.raddr and (each.raddr.ip, each.raddr.port) == own:
                return process
    raise AssertionError("no web process has the connection")


def status(connection: http.client.HTTPConnection, account: Account, path: str) -> int:
    headers = {"Authorization": account.key, "Content-Type": "text/plain"}
    connection.request("POST", f"/v1/algo/{path}", "x", headers)
    answer = connection.getresponse()
    answer.read()
    return answer.status


def seconds_until(
    connections: Connections,
    account: Account,
    path: str,
    wanted: int,
    change: Callable[[], None],
    before: int = 200,
) -> dict[int, float]:
    """For each process, the time from the end of the change until it answers otherwise."""
    for connection in connections.values():
        for _ in range(3):
            assert status(connection, account, path) == before
    change()
    changed = time.monotonic()
    took: dict[int, float] = {}
    while len(took) < len(connections) and time.monotonic() - changed < 10:
        for process, connection in connections.items():
            if process not in took and status(connection, account, path) == wanted:
                took[process] = time.monotonic() - changed
    assert len(took) == len(connections), f"not everywhere within 10 s: {took}"
    return took


def in_shell(platform: Platform, code: str) -> None:
    platform.manage("shell", "--verbosity", "0", "-c", code)


REVOKE = """
from algoport.accounts.models import ApiKey
from algoport.accounts.services import revoke_key
revoke_key(key=ApiKey.objects.get(owner__username="{name}"))
"""
DEACTIVATE = """
from algoport.accounts.models import User
from algoport.accounts.administration import deactivate_account
deactivate_account(account=User.objects.get(username="{name}"))
"""


@pytest.mark.parametrize("act", [REVOKE, DEACTIVATE], ids=["revoked key", "deactivated account"])
def test_who_may_no_longer_call(act: str, live: Platform, connections: Connections) -> None:
    account = live.account(unused("gone"))
    path = deploy(account, "Echo", ECHO, publish="public").rsplit("/", 1)[0]
    took = seconds_until(
        connections, account, path, 401, lambda: in_shell(live, act.format(name=account.name))
    )
    assert max(took.values()) <= 1


def test_a_deleted_algorithm(live: Platform, connections: Connections) -> None:
    account = live.account(unused("deletes"))
    path = deploy(account, "Echo", ECHO)
    took = seconds_until(
        connections,
        account,
        path,
        404,
        lambda: requests.delete(
            f"{live.url}/v1/algorithms/{account.name}/Echo",
            headers={"Authorization": account.key},
            timeout=30,
        ).raise_for_status(),
    )
    assert max(took.values()) <= 1


def test_an_approved_version(live: Platform, connections: Connections) -> None:
    owner, member, stranger = (live.account(unused("approves")) for _ in range(3))
    group = unused("approvers")
    in_shell(
        live,
        "from algoport.accounts.models import User;"
        "from orgs.services import Profile, create_organization, put_member;"
        f"profile = Profile('Approvers', '{owner.name}', '{group}@example.com');"
        f"creator = User.objects.get(username='{owner.name}').id;"
        f"made = create_organization(name='{group}', profile=profile, creator_id=creator);"
        f"put_member(organization=made, username='{member.name}', role=None)",
    )
    path = f"{group}/Echo"
    details, settings = {"label": "Echo"}, {**SETTINGS, "algorithm_callability": "public"}
    member.client.algo(path).create(details=details, settings=settings)
    member.client.algo(path).compile()
    held = member.client.algo(path).publish(version_info={"version_type": "minor"})
    assert held["version_info"]["approval"] == "held"
    assert member.client.algo(f"{path}/0.1.0").pipe("you").result == "hello you"
    took = seconds_until(
        connections,
        stranger,
        # What may be called is refused for this, before a runner is asked for.
        f"{path}?timeout=0",
        400,
        lambda: requests.post(
            f"{live.url}/v1/algorithms/{path}/versions/0.1.0/approve",
            headers={"Authorization": owner.key},
            timeout=30,
        ).raise_for_status(),
        before=404,
    )
    assert max(took.values()) <= 1
    assert stranger.client.algo(path).pipe("you").result == "hello you"
