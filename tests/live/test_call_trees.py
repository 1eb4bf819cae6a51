"""Calls that make calls: one session, one caller, one deadline, at most 24 of them."""

import time
from typing import Any

import pytest
import requests

from tests.acceptance.platform import Account, Platform, deploy, wait_until
from tests.acceptance.steps import unused

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("live"), pytest.mark.timeout(120)]

TREE = """
import json
import socket
import time
import urllib.error
import urllib.request

API = "http://127.0.0.1:9000/v1/algo/"


def call(path, data, query=""):
    request = urllib.request.Request(
        API + path + query, json.dumps(data).encode(), {"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request) as answer:
            return json.load(answer), answer.headers["X-Session-Id"]
    except urllib.error.HTTPError as error:
        return json.load(error), error.headers["X-Session-Id"]


def apply(input):
    if input["do"] == "dive":
        if not input["levels"]:
            return []
        below, session = call("SELF", {"do": "dive", "levels": input["levels"] - 1})
        return [session] + below["result"]
    if input["do"] == "many":
        return [call("SELF", {"do": "dive", "levels": 0})[0] for _ in range(input["count"])]
    if input["do"] == "spread":
        below = call("SELF", {"do": "many", "count": 12})[0]["result"]
        return below + [call("SELF", {"do": "dive", "levels": 0})[0] for _ in range(12)]
    if input["do"] == "sleep":
        time.sleep(input["seconds"])
        return "woke"
    if input["do"] == "begin":
        # The head of a request is taken as soon as its body is asked for.
        global late
        late = socket.create_connection(("127.0.0.1", 9000))
        head = (
            "POST /v1/algo/SELF HTTP/1.1\\r\\nHost: x\\r\\nContent-Type: application/json\\r\\n"
            "Content-Length: 25\\r\\nConnection: close\\r\\nExpect: 100-continue\\r\\n\\r\\n"
        )
        late.sendall(head.encode())
        return late.recv(1000).decode()
    if input["do"] == "end":
        late.sendall(b'{"do":"dive", "levels":0}')
        return late.makefile().read()
    if input["do"] == "wait":
        return call("SELF", {"do": "sleep", "seconds": 30}, "?timeout=300")[0]
    return call(input["path"], input["data"])[0]
"""


def ask(account: Account, path: str, data: Any, query: str = "") -> requests.Response:
    url = f"{account.platform.url}/v1/algo/{path}{query}"
    return requests.post(url, json=data, headers={"Authorization": account.key}, timeout=90)


@pytest.fixture(scope="module")
def author(live: Platform) -> Account:
    return live.account(unused("tree"))


@pytest.fixture(scope="module")
def tree(author: Account) -> str:
    source = TREE.replace("SELF", f"{author.name}/Tree")
    return deploy(author, "Tree", source, publish="public").rsplit("/", 1)[0]


def records(platform: Platform, session: str) -> list[str]:
    code = (
        "from algorithms.models import CallRecord as Record;"
        f"rows = Record.objects.filter(session_id='{session.removeprefix('rses-')}');"
        "print([(row.kind, str(row.caller_id)) for row in rows])"
    )
    output = platform.manage("shell", "--verbosity", "0", "-c", code)
    rows: list[str] = eval(output.strip().splitlines()[-1])
    return rows


def test_a_tree_of_depth_five(live: Platform, tree: str) -> None:
    caller = live.account(unused("caller"))
    answer = ask(caller, tree, {"do": "dive", "levels": 5})
    session = answer.headers["X-Session-Id"]
    assert session.startswith("rses-")
    assert answer.json()["result"] == [session] * 5
    again = ask(caller, tree, {"do": "dive", "levels": 1})
    assert again.headers["X-Session-Id"] != session
    wait_until(lambda: len(records(live, session)) == 6, 20, "all calls are recorded")
    made = records(live, session)
    assert sorted(kind for kind, _ in made) == ["child"] * 5 + ["sync"]
    assert len({who for _, who in made}) == 1


@pytest.mark.parametrize("shape", ["many", "spread"])
def test_24_children_and_no_more(author: Account, tree: str, shape: str) -> None:
    """However deep they are: 12 of them are made by a child, which is one itself."""
    answers = ask(author, tree, {"do": shape, "count": 25}).json()["result"]
    refused = [answer for answer in answers if "result" not in answer]
    made = len(answers) - len(refused) + (1 if shape == "spread" else 0)
    assert made == 24 and refused
    assert "at most 24 calls" in refused[0]["error"]["message"]
    assert ask(author, tree, {"do": "many", "count": 1}).json()["result"][0]["result"] == []


def test_a_deadline_passes_through_the_tree(live: Platform, author: Account, tree: str) -> None:
    began = time.monotonic()
    answer = ask(author, tree, {"do": "wait"}, "?timeout=2").json()
    assert answer["error"]["error_type"] == "TimeoutError"
    assert 1.9 < time.monotonic() - began < 8
    # The child asked for 300 s, and has ended with its parent.
    session = ask(author, tree, {"do": "dive", "levels": 0}).headers["X-Session-Id"]
    wait_until(lambda: len(records(live, session)) == 1, 20, "the next call is recorded")


def test_a_call_that_has_ended_makes_no_calls(author: Account, tree: str) -> None:
    with requests.Session() as session:
        # One connection is served by one process, which has the one runner.
        session.headers["Authorization"] = author.key
        url = f"{author.platform.url}/v1/algo/{tree}"
        begun = session.post(url, json={"do": "begin"}, timeout=60).json()
        assert begun["result"].startswith("HTTP/1.1 100"), begun
        ended = session.post(url, json={"do": "end"}, timeout=60).json()
    assert "No call is in progress" in ended["result"], ended


def test_a_call_that_nobody_waits_for_is_recorded(live: Platform, tree: str) -> None:
    caller = live.account(unused("impatient"))
    url = f"{live.url}/v1/algo/{tree}"
    headers = {"Authorization": caller.key}
    with pytest.raises(requests.ReadTimeout):
        requests.post(url, json={"do": "sleep", "seconds": 60}, headers=headers, timeout=1)
    code = (
        "from algoport.accounts.models import User; from algorithms.models import CallRecord;"
        f"caller = User.objects.get(username='{caller.name}');"
        "rows = CallRecord.objects.filter(caller_id=caller.pk);"
        "print([(row.error_type, row.status, 0.9 < row.run_seconds < 30) for row in rows])"
    )

    def recorded() -> bool:
        output = live.manage("shell", "--verbosity", "0", "-c", code)
        return output.strip().splitlines()[-1] == "[('Cancelled', 499, True)]"

    wait_until(recorded, 30, "the call is recorded")


def test_the_caller_is_inherited(live: Platform, author: Account, tree: str) -> None:
    deploy(author, "Hidden", "def apply(input):\n    return 'seen'\n", publish="private")
    hidden = {"do": "other", "path": f"{author.name}/Hidden/latestPrivate", "data": 1}
    assert ask(author, tree, hidden).json()["result"]["result"] == "seen"
    stranger = live.account(unused("stranger"))
    refused = ask(stranger, tree, hidden).json()["result"]
    assert refused["error"]["code"] == 1000


def test_without_pipelining_there_are_no_children(author: Account, tree: str) -> None:
    source = TREE.replace("SELF", f"{author.name}/Alone")
    alone = deploy(author, "Alone", source, publish="public", pipeline_enabled=False)
    path = alone.rsplit("/", 1)[0]
    answer = ask(author, path, {"do": "other", "path": tree, "data": {"do": "dive", "levels": 0}})
    assert answer.json()["result"]["error"]["code"] == 2001
