"""Calls as bytes on the wire: what the clients compare to the letter (wire.md 2, 3)."""

import http.client
import json
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from tests.acceptance.platform import (
    ROOT,
    Account,
    Platform,
    create,
    deploy,
    run_git,
    working_copy,
)
from tests.acceptance.steps import ECHO, unused

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("live"), pytest.mark.timeout(120)]

Ask = Callable[..., http.client.HTTPResponse]


@pytest.fixture(scope="module")
def caller(live: Platform) -> Account:
    account = live.account(unused("caller"))
    deploy(account, "Echo", ECHO, publish="public")
    source = (
        "import sys\n\n\ndef apply(input):\n    print('said', input)\n"
        "    if input == 'raise':\n        raise ValueError('bad input')\n"
        "    if input == 'shout':\n        raise ValueError('\\x1b[31mno\\x07\\n' + 'x' * 10**5)\n"
        "    if input == 'exit':\n        import os\n        os._exit(7)\n"
        "    return {'void': None, 'bytes': b'\\xff', 'json': {'a': 1}, 'big': 'x' * 16_000_000}"
        ".get(input, input)\n"
    )
    deploy(account, "Talks", source, publish="public")
    return account


@pytest.fixture
def ask(live: Platform, caller: Account) -> Iterator[Ask]:
    connection = http.client.HTTPConnection(live.url.removeprefix("http://"), timeout=60)

    def send(path: str, body: Any = "x", kind: str | None = "text/plain", **headers: str) -> Any:
        sent = {"Authorization": f"Simple {caller.key}"}
        if kind is not None:
            sent["Content-Type"] = kind
        connection.request("POST", f"/v1/algo/{caller.name}/{path}", body, sent | headers)
        answer = connection.getresponse()
        answer.text = answer.read()  # type: ignore[attr-defined]
        return answer

    yield send
    connection.close()


def test_the_answer_to_the_letter(ask: Any) -> None:
    answer = ask("Echo", "Neo")
    assert answer.status == 200 and answer.reason == "OK"
    names = [name for name, _ in answer.getheaders()]
    assert "Content-Type" in names and "Content-Length" in names
    body = json.loads(answer.text)
    assert list(body) == ["result", "metadata"]
    assert list(body["metadata"]) == ["content_type", "duration"]
    assert body["metadata"]["duration"] > 0
    assert b" " not in answer.text.replace(b" world", b"")


@pytest.mark.parametrize(
    ("body", "kind", "result", "content_type"),
    [
        ("t\u00e9xt".encode(), "text/plain; charset=UTF-8", "t\u00e9xt", "text"),
        ("text", "application/text", "text", "text"),
        ('"text"', "application/json;charset=UTF-8", "text", "text"),
        ('{ "a":\n [1, 2] }', "application/json", {"a": [1, 2]}, "json"),
        ("null", "application/json", None, "void"),
        (b"\xff\x00", "application/octet-stream", "/wA=", "binary"),
        ("12", None, 12, "json"),
    ],
)
def test_kinds_of_input(ask: Any, body: Any, kind: str, result: Any, content_type: str) -> None:
    answer = json.loads(ask("Echo", body, kind).text)
    assert answer["result"] == result
    assert answer["metadata"]["content_type"] == content_type


def test_paths_and_case(ask: Any, caller: Account) -> None:
    for path in ("echo", "Echo/", "ECHO/0.1.0/", "Echo/latest", "Echo/0.x"):
        assert json.loads(ask(path).text)["result"] == "x", path


@pytest.mark.parametrize(
    ("path", "body", "kind", "status", "code"),
    [
        ("Echo", b"{", "application/json", 400, 2013),
        ("Echo", b'1},{"x":2', "application/json", 400, 2013),
        ("Echo", b"\xff", "text/plain", 400, 6001),
        ("Echo", b"x", "multipart/form-data; boundary=x", 415, 6001),
        ("Echo?timeout=0", b"x", "text/plain", 400, 6001),
        ("Echo?timeout=" + "9" * 5000, b"x", "text/plain", 400, 6001),
        ("Echo?output=void&retries=" + "9" * 5000, b"x", "text/plain", 400, 6001),
        ("Echo?timeout=3001", b"x", "text/plain", 400, 6001),
        ("Echo?timeout=soon", b"x", "text/plain", 400, 6001),
        ("Echo?output=loud", b"x", "text/plain", 400, 6001),
        ("Echo?retries=1", b"x", "text/plain", 400, 6001),
        ("Echo/9.9.9", b"x", "text/plain", 404, 1000),
        ("Echo/1/2", b"x", "text/plain", 404, 1000),
        ("Echo", b"x" * (10 * 1024 * 1024 + 1), "text/plain", 413, 2015),
    ],
)
def test_refusals(ask: Any, path: str, body: bytes, kind: str, status: int, code: int) -> None:
    answer = ask(path, body, kind)
    assert answer.status == status
    error = json.loads(answer.text)
    assert error["code"] == error["error"]["code"] == code
    assert json.loads(ask("Echo").text)["result"] == "x"


def test_unknown_algorithm_and_missing_key(ask: Any, live: Platform, caller: Account) -> None:
    answer = ask("thisshouldneverexist")
    message = f"algorithm algo://{caller.name}/thisshouldneverexist not found"
    assert answer.status == 404 and json.loads(answer.text)["error"]["message"] == message
    bare = requests.post(f"{live.url}/v1/algo/{caller.name}/Echo", data="x", timeout=10)
    assert bare.status_code == 401
    assert bare.json()["error"]["message"] == "authorization required"
    for value in ("Simple simNOTAKEY", "simNOTAKEY", "Bearer x.y.z", "Basic eDp5"):
        wrong = ask("Echo", Authorization=value)
        assert wrong.status == 401 and json.loads(wrong.text)["code"] == 2002, value


def test_errors_and_stdout(ask: Any, live: Platform, caller: Account) -> None:
    error = json.loads(ask("Talks", "raise").text)
    assert list(error) == ["error", "metadata"] and list(error["metadata"]) == ["duration"]
    assert error["error"]["message"] == "bad input"
    assert error["error"]["error_type"] == "AlgorithmError"
    assert "bad input" in error["error"]["stacktrace"]
    for value in ("True", "true", "TRUE"):
        body = json.loads(ask(f"Talks?stdout={value}", "a").text)
        assert body["metadata"]["stdout"] == "said a\n"
    assert "stdout" not in json.loads(ask("Talks?stdout=False", "a").text)["metadata"]
    other = live.account(unused("other"))
    url = f"{live.url}/v1/algo/{caller.name}/Talks?stdout=true"
    headers = {"Authorization": other.key, "Content-Type": "text/plain"}
    theirs = requests.post(url, data="raise", headers=headers, timeout=30).json()
    assert "stdout" not in theirs["metadata"]
    assert "stacktrace" not in theirs["error"] and "stack_trace" not in theirs["error"]


def test_raw_output(ask: Any) -> None:
    for given, kind, body in (
        ("a", "text/plain; charset=utf-8", b"a"),
        ("json", "application/json", b'{"a":1}'),
        ("bytes", "application/octet-stream", b"\xff"),
    ):
        answer = ask("Talks?output=raw", given)
        assert (answer.status, answer.getheader("Content-Type"), answer.text) == (200, kind, body)
    failed = ask("Talks?output=raw", "raise")
    assert failed.status == 400 and failed.text == b"bad input"
    assert failed.getheader("X-Error-Message") == "bad input"
    # A header holds less than a body.
    failed = ask("Talks?output=raw", "shout")
    assert failed.status == 400 and failed.text == b"\x1b[31mno\x07\n" + b"x" * 10**5
    assert re.fullmatch(r"\[31mno x{480,500}", failed.getheader("X-Error-Message"))


def test_the_end_of_a_process_and_too_much_output(ask: Any) -> None:
    ended = json.loads(ask("Talks", "exit").text)
    assert ended["error"]["message"] == "exited with code 7"
    assert json.loads(ask("Talks", "void").text)["result"] is None
    large = json.loads(ask("Talks", "big").text)
    assert large["error"]["error_type"] == "TooLargeError"


def test_a_time_out_has_its_text(ask: Any, live: Platform, caller: Account) -> None:
    path = deploy(
        caller, "Sleeps", "import time\n\n\ndef apply(i):\n    time.sleep(i)\n    return i\n"
    )
    began = time.monotonic()
    answer = ask(path.split("/", 1)[1] + "?timeout=1", "30", "application/json")
    assert 0.9 < time.monotonic() - began < 3
    error = json.loads(answer.text)["error"]
    assert error["message"] == (
        "Failed to run algorithm - may have timed-out or hit out-of-memory error"
    )
    assert error["error_type"] == "TimeoutError" and "stacktrace" not in error
    assert json.loads(ask(path.split("/", 1)[1], "0", "application/json").text)["result"] == 0


def test_a_slow_algorithm_serves_several_calls_at_once(
    ask: Any, live: Platform, caller: Account
) -> None:
    path = deploy(
        caller, "Slow", "import time\n\n\ndef apply(i):\n    time.sleep(1)\n    return i\n"
    )
    headers = {"Authorization": caller.key}
    results: list[Any] = []

    def call(number: int) -> None:
        url = f"{live.url}/v1/algo/{path}"
        answer = requests.post(url, json=number, headers=headers, timeout=60)
        results.append(answer.json()["result"])

    threads = [threading.Thread(target=call, args=(number,)) for number in range(8)]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == list(range(8))
    assert time.monotonic() - began < 6


def test_upload_after_an_answer_on_the_same_connection(live: Platform, caller: Account) -> None:
    caller.client.dir("data://.my/early").create()
    host = live.url.removeprefix("http://")
    for _ in range(30):
        connection = http.client.HTTPConnection(host, timeout=20)
        for body in (b"{}", bytes(900_000)):
            headers = {"Authorization": caller.key}
            connection.request("PUT", "/v1/data/.my/early/file", body, headers)
            assert connection.getresponse().read() == (
                b'{"result":"data://%s/early/file"}' % caller.name.encode()
            )
        connection.close()


def test_code_that_lives_on_after_its_call_is_nobody(live: Platform, caller: Account) -> None:
    source = (
        "import threading, time, urllib.request, urllib.error\nseen = []\n\n\n"
        "def later():\n    time.sleep(1)\n    try:\n"
        "        urllib.request.urlopen('http://127.0.0.1:9000/v1/data/')\n"
        "        seen.append(200)\n    except urllib.error.HTTPError as exc:\n"
        "        seen.append(exc.code)\n\n\n"
        "def apply(i):\n    if i == 'start':\n        threading.Thread(target=later).start()\n"
        "    return list(seen)\n"
    )
    path = deploy(caller, "Lingers", source)
    session = requests.Session()
    headers = {"Authorization": caller.key}
    url = f"{live.url}/v1/algo/{path}"
    assert session.post(url, json="start", headers=headers, timeout=30).json()["result"] == []
    # A call meanwhile would have its rights: nobody calls until it has asked, however slowly.
    time.sleep(4)
    assert session.post(url, json="look", headers=headers, timeout=30).json()["result"] == [401]


def test_algorithms_do_not_manage_algorithms_nor_bring_other_keys(
    live: Platform, caller: Account
) -> None:
    source = (
        "import json, urllib.request, urllib.error\n\n\ndef apply(i):\n"
        "    request = urllib.request.Request('http://127.0.0.1:9000' + i['path'],\n"
        "        data=json.dumps(i['body']).encode() if i['body'] is not None else None,\n"
        "        headers=i['headers'], method=i['method'])\n"
        "    try:\n        return [200, urllib.request.urlopen(request).read().decode()]\n"
        "    except urllib.error.HTTPError as exc:\n"
        "        return [exc.code, exc.read().decode()]\n"
    )
    path = deploy(caller, "Asks", source)
    other = live.account(unused("other"))

    def inside(method: str, route: str, body: Any = None, **headers: str) -> list[Any]:
        given = {"method": method, "path": route, "body": body, "headers": headers}
        result: list[Any] = caller.client.algo(path).pipe(given).result
        return result

    mine = f"/v1/algorithms/{caller.name}"
    assert inside("DELETE", f"{mine}/Asks")[0] == 403
    assert inside("POST", f"{mine}/Asks/compile", {})[0] == 403
    assert inside("POST", f"{mine}/Asks/versions", {})[0] == 403
    assert inside("POST", mine, {"name": "New"})[0] == 403
    assert inside("GET", f"/git/{caller.name}/Asks.git/info/refs?service=git-upload-pack")[0] == 404
    # A key that code brings along is not looked at: it speaks for its caller.
    listing = inside("GET", "/v1/data/", Authorization=f"Simple {other.key}")
    assert json.loads(listing[1])["folders"][0]["name"] == caller.name


def test_a_revoked_key_stops_within_a_second(live: Platform, caller: Account) -> None:
    key = live.manage("create_key", caller.name, "--algo", "algo://*").strip().splitlines()[-1]
    url = f"{live.url}/v1/algo/{caller.name}/Echo"

    def status() -> int:
        headers = {"Authorization": key, "Content-Type": "text/plain"}
        return requests.post(url, data="x", headers=headers, timeout=10).status_code

    assert {status() for _ in range(10)} == {200}
    code = (
        "from algoport.accounts.models import ApiKey; from algoport.accounts.services import *; "
        "from algoport.accounts.authentication import digest_key; "
        f"revoke_key(key=ApiKey.objects.get(digest=digest_key({key!r})))"
    )
    subprocess.run(
        [sys.executable, "manage.py", "shell", "-v", "0", "-c", code],
        cwd=ROOT, env=live.environ, check=True, capture_output=True,
    )  # fmt: skip
    time.sleep(1)
    assert {status() for _ in range(10)} == {401}


def test_key_scopes_from_the_command_line(live: Platform, caller: Account) -> None:
    narrow = live.manage(
        "create_key", caller.name, "--algo", f"algo://{caller.name}/Echo", "--data", "read"
    ).strip()
    headers = {"Authorization": narrow, "Content-Type": "text/plain"}
    base = f"{live.url}/v1"

    def status(method: str, path: str) -> int:
        return requests.request(method, base + path, data="x", headers=headers).status_code

    assert status("POST", f"/algo/{caller.name}/Echo") == 200
    assert status("POST", f"/algo/{caller.name}/Talks") == 403
    assert status("GET", "/data/") == 200
    assert status("PUT", "/data/.my/none/x") in (403, 404)
    assert status("POST", f"/algorithms/{caller.name}") == 403
    admin = live.first_run["admin_api_key"]
    headers["Authorization"] = admin
    assert status("POST", f"/algo/{caller.name}/Echo") == 404
    assert status("GET", "/data/") == 403


def test_pushes_that_do_not_build(live: Platform, caller: Account) -> None:
    path = create(caller, "Pushed")
    with working_copy(caller, path) as copy:
        copy.write("src/Pushed.py", "def apply(:\n")
        broken = copy.push()
        assert broken.ok and "build failed" in broken.output and "SyntaxError" in broken.output
        copy.write("src/Pushed.py", "raise RuntimeError('no model')\n")
        raising = copy.push()
        assert "no model" in raising.output and "build failed" in raising.output
        copy.write("requirements.txt", "no-such-package-anywhere-1234567\n")
        copy.write("src/Pushed.py", ECHO)
        missing = copy.push()
        assert "build failed: installing dependencies" in missing.output
        branch = copy.push("Branch", "origin", "HEAD:refs/heads/other")
        assert branch.ok and "only master is built" in branch.output
        run_git("-C", str(copy.folder), "reset", "--quiet", "--hard", "HEAD~2")
        rewritten = copy.push("Rewrite", "--force", "origin", "HEAD:master")
        assert not rewritten.ok
    builds = caller.client.algo(path).get_builds()["results"]
    assert {build["status"] for build in builds} == {"failed"} and len(builds) == 3


def test_a_body_that_no_page_needs_is_cut_off(live: Platform, caller: Account) -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(400):
            yield bytes(100_000)

    for body in (bytes(9_000_000), endless()):
        try:
            answer = requests.post(
                f"{live.url}/v1/algorithms/{caller.name}",
                data=body,
                headers={"Authorization": caller.key},
                timeout=30,
            )
            assert answer.status_code >= 400
        except requests.ConnectionError:
            continue
    assert requests.get(f"{live.url}/healthz", timeout=5).status_code == 200


def test_many_pushes_at_once_leave_room_for_calls(live: Platform, caller: Account) -> None:
    other = live.account(unused("busy"))
    paths = [create(other, f"Busy{number}") for number in range(6)]
    outputs: list[str] = []

    def push(path: str) -> None:
        with working_copy(other, path) as copy:
            name = path.split("/")[1]
            copy.write(f"src/{name}.py", "import time\n\ntime.sleep(1)\n\n\n" + ECHO)
            outputs.append(copy.push().output)

    threads = [threading.Thread(target=push, args=(path,)) for path in paths]
    for thread in threads:
        thread.start()
    time.sleep(1)
    began = time.monotonic()
    fresh = deploy(caller, unused("Meanwhile"), ECHO)
    assert caller.client.algo(fresh).pipe("x").result == "x"
    assert time.monotonic() - began < 10
    for thread in threads:
        thread.join(60)
    assert len(outputs) == 6 and all("algo://" in output for output in outputs)


def test_the_times_of_an_answer_sum_up_to_the_wall_time(live: Platform) -> None:
    account = live.account(unused("timed"))
    source = "import time\n\n\ndef apply(input):\n    time.sleep(input)\n    return input\n"
    path = deploy(account, "Sleeps", source, publish="public").rsplit("/", 1)[0]
    session = requests.Session()
    session.headers["Authorization"] = account.key
    url = f"{live.url}/v1/algo/{path}"
    session.post(url, json=0, timeout=30)
    began = time.perf_counter()
    answer = session.post(url, json=1, timeout=30)
    wall = (time.perf_counter() - began) * 1000
    told = dict(part.split(";dur=") for part in answer.headers["Server-Timing"].split(", "))
    phases = {name: float(value) for name, value in told.items()}
    total = phases.pop("total")
    assert list(phases) == ["auth", "resolve", "queue", "start", "load", "run", "relay"]
    assert abs(sum(phases.values()) - total) < 0.02
    assert total == pytest.approx(wall, rel=0.02)
    assert phases["run"] > 990
    assert answer.headers["X-Request-Id"].startswith("req-")
    assert answer.headers["X-Session-Id"].startswith("rses-")
    for other in ("/healthz", "/v1/nothing", "/git/x"):
        headers = requests.get(live.url + other, timeout=10).headers
        assert headers["X-Request-Id"] != answer.headers["X-Request-Id"]
        assert "total;dur=" in headers["Server-Timing"]
