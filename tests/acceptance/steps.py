"""What the platform must do for its users, step by step, with git and the PyPI client only.

`make demo` shows these steps one after the other; the live tests run each as a test.
"""

import json
import tempfile
from collections.abc import Callable
from typing import Any

import requests
from Algorithmia.errors import AlgorithmException

from tests.acceptance.platform import (
    Account,
    Platform,
    create,
    deploy,
    run_git,
    wait_until,
    working_copy,
)

Say = Callable[[str], None]

ECHO = "def apply(input):\n    return input\n"
GREETER = """import humanize
from Algorithmia import ADK


def apply(input):
    return f"Hello {input}, {humanize.intcomma(1234567)}"


algorithm = ADK(apply)
algorithm.init("Algorithmia")
"""


def unused(prefix: str) -> str:
    """A name that no earlier step took."""
    unused.count += 1  # type: ignore[attr-defined]
    return f"{prefix}{unused.count}"  # type: ignore[attr-defined]


unused.count = 0  # type: ignore[attr-defined]


def first_algorithm(platform: Platform, say: Say) -> None:
    """Create, clone, edit, push, call by commit, publish, call by version."""
    demo = platform.account(unused("greeting"))
    path = create(demo, "Greeter")
    say(f"created {path} with the PyPI client")
    with working_copy(demo, path) as copy:
        say("cloned it: " + ", ".join(sorted(entry.name for entry in copy.folder.iterdir())))
        copy.write("src/Greeter.py", GREETER)
        copy.write("requirements.txt", "humanize\n")
        push = copy.push("Greet with a package from PyPI")
    for line in push.output.splitlines():
        say(f"  {line.rstrip()}")
    assert push.ok
    assert push.output.count("remote:") > 4
    assert f"algo://{path}/{push.sha}" in push.output
    result = demo.client.algo(f"{path}/{push.sha}").pipe("Neo")
    say(f"by commit: {result.result!r} {result.metadata}")
    assert result.result == "Hello Neo, 1,234,567"
    assert result.metadata.content_type == "text"
    published = demo.client.algo(path).publish(
        settings={"algorithm_callability": "public"},
        version_info={"version_type": "minor", "release_notes": "First", "sample_input": "Neo"},
    )
    assert published["version_info"]["semantic_version"] == "0.1.0"
    for version in ("", "/0.1.0", "/0.1.*", "/0.1", "/latest"):
        result = demo.client.algo(path + version).pipe("you")
        say(f"{path}{version}: {result.result!r}")
        assert result.result == "Hello you, 1,234,567"


def management(platform: Platform, say: Say) -> None:
    """compile, builds, logs, versions, info, exists."""
    demo = platform.account(unused("managing"))
    path = create(demo, "Managed")
    algo = demo.client.algo(path)
    assert demo.client.algo(path).exists()
    assert not demo.client.algo(f"{demo.name}/Nothing").exists()
    compiled = algo.compile()
    sha = compiled["version_info"]["git_hash"]
    say(f"compiled {sha}")
    assert compiled["compilation"]["successful"] is True
    builds = algo.get_builds()["results"]
    assert [build["status"] for build in builds] == ["succeeded"]
    assert builds[0]["commit_sha"] == sha
    logs = algo.get_build_logs(builds[0]["build_id"])["logs"]
    assert "Beginning container customization" in logs
    versions = algo.versions()["results"]
    assert versions[0]["version_info"]["git_hash"] == sha
    info = algo.info()
    say("info: " + json.dumps(info)[:160])
    assert demo.client.algo(f"{path}/{sha}").pipe("again").result == "hello again"


def payloads(platform: Platform, say: Say) -> None:
    """Every kind of input comes back as it went in; failures say what failed."""
    demo = platform.account(unused("payloads"))
    echo = demo.client.algo(deploy(demo, "Echo", ECHO))
    values: list[Any] = [
        "text",
        "",
        {"a": [1, 2.5, None, True], "\u00fcmlaut": "\U0001f600"},
        [1, "two", {"three": 3}],
        None,
        b"\x00\xff raw bytes",
        "\u0434\u043b\u044f \u65e5\u672c \U0001f680",
        'line one\nline two\r\n\ttab "quoted" \\',
        "9" * (9 * 1024 * 1024),
    ]
    for value in values:
        result = echo.pipe(value)
        say(f"{str(value)[:40]!r} -> {result.metadata.content_type}")
        assert result.result == value, type(value)
    raising = demo.client.algo(
        deploy(
            demo,
            "Raising",
            "from Algorithmia.errors import AlgorithmException\n\n\ndef apply(input):\n"
            "    if input == 'typed':\n"
            "        raise AlgorithmException('no such bucket', 'EntityNotFoundError')\n"
            "    return 1 // 0\n",
        )
    )
    for given, message, kind in (
        ("typed", "no such bucket", "EntityNotFoundError"),
        ("other", "integer division or modulo by zero", "AlgorithmError"),
    ):
        try:
            raising.pipe(given)
        except AlgorithmException as exc:
            say(f"raised: {exc.message} ({exc.error_type})")
            assert exc.message == message and exc.error_type == kind
            assert "Raising.py" in exc.stack_trace
        else:
            raise AssertionError("nothing was raised")
    too_large = requests.post(
        f"{platform.url}/v1/algo/{demo.name}/Echo",
        data=b"x" * (10 * 1024 * 1024 + 1),
        headers={"Authorization": f"Simple {demo.key}", "Content-Type": "text/plain"},
        timeout=60,
    )
    assert too_large.status_code in (404, 413)


def hosted_data(platform: Platform, say: Say) -> None:
    """Collections and files, from outside and from inside an algorithm without a key."""
    demo = platform.account(unused("data"))
    use_data(demo.client)
    say("collections and files from outside: ok")
    source = (
        "import Algorithmia\n\n\ndef apply(input):\n"
        "    client = Algorithmia.client()\n"
        "    folder = client.dir('data://.my/inside')\n"
        "    if not folder.exists():\n        folder.create()\n"
        "    file = client.file('data://.my/inside/note.txt')\n"
        "    file.put(input)\n"
        "    other = client.file('data://.my/inside/note.json')\n"
        "    other.putJson({'said': input})\n"
        "    listed = sorted(entry.getName() for entry in folder.list())\n"
        "    called = client.algo('OWNER/Inner').pipe(input).result\n"
        "    return [file.getString(), other.getJson(), listed, called, file.delete()]\n"
    )
    deploy(demo, "Inner", "def apply(input):\n    return 'inner ' + input\n", publish="public")
    outer = deploy(demo, "Outer", source.replace("OWNER", demo.name))
    result = demo.client.algo(outer).pipe("hi").result
    say(f"from inside: {result}")
    assert result[0] == "hi"
    assert result[1] == {"said": "hi"}
    assert result[2] == ["note.json", "note.txt"]
    assert result[3] == "inner hi"
    assert demo.client.file("data://.my/inside/note.json").getJson() == {"said": "hi"}
    closed = deploy(demo, "Closed", source.replace("OWNER", demo.name), pipeline_enabled=False)
    try:
        demo.client.algo(closed).pipe("hi")
    except AlgorithmException as exc:
        say(f"without pipelining: {exc.message}")
        assert "403" in exc.message
    else:
        raise AssertionError("a child call was not refused")


def use_data(client: Any) -> None:
    """The data calls of the PyPI client."""
    folder = client.dir("data://.my/coll")
    folder.create()
    assert folder.exists()
    file = client.file("data://.my/coll/a file \u00fc.txt")
    assert not file.exists()
    file.put("hello \u00fc")
    assert file.exists()
    assert file.getString() == "hello \u00fc"
    assert file.getBytes() == "hello \u00fc".encode()
    client.file("data://.my/coll/j.json").putJson({"a": 1})
    assert client.file("data://.my/coll/j.json").getJson() == {"a": 1}
    with tempfile.NamedTemporaryFile() as local:
        local.write(b"\x00" * 100_000)
        local.flush()
        client.file("data://.my/coll/zeros.bin").putFile(local.name)
    assert client.file("data://.my/coll/zeros.bin").getBytes() == b"\x00" * 100_000
    names = sorted(entry.getName() for entry in folder.list())
    assert names == ["a file \u00fc.txt", "j.json", "zeros.bin"], names
    file.delete()
    assert not file.exists()


def strangers(platform: Platform, say: Say) -> None:
    """What is private does not exist for others; what is public can be called, not changed."""
    owner, other = platform.account(unused("owner")), platform.account(unused("other"))
    address = deploy(owner, "Secret", ECHO)
    path = address.rsplit("/", 1)[0]
    sha = address.rsplit("/", 1)[1]
    owner.client.dir(f"data://{owner.name}/mine").create()
    owner.client.file(f"data://{owner.name}/mine/x.txt").put("x")
    headers = {"Authorization": f"Simple {other.key}"}
    base = f"{platform.url}/v1"
    attempts = (
        ("GET", f"/algorithms/{path}"),
        ("DELETE", f"/algorithms/{path}"),
        ("POST", f"/algorithms/{path}/compile"),
        ("POST", f"/algorithms/{path}/versions"),
        ("GET", f"/algorithms/{path}/builds"),
        ("GET", f"/algorithms/{path}/versions"),
        ("GET", f"/algorithms/{path}/versions/{sha}"),
        ("POST", f"/algo/{path}"),
        ("POST", f"/algo/{address}"),
        ("GET", f"/connector/data/{owner.name}/mine"),
        ("GET", f"/data/{owner.name}/mine/x.txt"),
        ("HEAD", f"/data/{owner.name}/mine/x.txt"),
        ("PUT", f"/data/{owner.name}/mine/y.txt"),
        ("DELETE", f"/data/{owner.name}/mine/x.txt"),
        ("DELETE", f"/data/{owner.name}/mine?force=true"),
    )
    for method, route in attempts:
        answer = requests.request(method, base + route, headers=headers, json={}, timeout=30)
        say(f"stranger {method} {route}: {answer.status_code}")
        assert answer.status_code == 404, (method, route, answer.status_code, answer.text)
    with tempfile.TemporaryDirectory() as folder:
        clone = run_git("clone", other.repository(path), f"{folder}/copy", check=False)
    assert clone.returncode != 0 and "not found" in clone.stderr, clone.stderr
    assert owner.client.file(f"data://{owner.name}/mine/x.txt").getString() == "x"
    public = deploy(owner, "Open", ECHO, publish="public").rsplit("/", 1)[0]
    assert other.client.algo(public).pipe("mine?").result == "mine?"
    for method, route in attempts[1:4]:
        changed = route.replace("/Secret", "/Open")
        answer = requests.request(method, base + changed, headers=headers, json={}, timeout=30)
        say(f"stranger {method} {changed}: {answer.status_code}")
        assert answer.status_code == 403, (method, changed, answer.status_code)
    with tempfile.TemporaryDirectory() as folder:
        closed = run_git("clone", other.repository(public), f"{folder}/copy", check=False)
    assert closed.returncode != 0 and "403" in closed.stderr, closed.stderr


HOSTILE = """import json, os, resource, signal, socket, subprocess, sys, time


def apply(input):
    return globals()[input]()


def ok():
    return "fine"


def shadow():
    return open("/etc/shadow").read()


def proc():
    return sorted(open(f"/proc/{p}/cmdline").read() for p in os.listdir("/proc") if p.isdigit())


def net():
    found = []
    for address in (("1.1.1.1", 80), ("169.254.169.254", 80), ("127.0.0.1", PORT)):
        try:
            socket.create_connection(address, 2)
            found.append(address[0])
        except OSError:
            pass
    return found


def environment():
    return dict(os.environ)


def forks():
    children = 0
    try:
        while True:
            if os.fork() == 0:
                time.sleep(60)
            children += 1
    except OSError:
        raise RuntimeError(f"stopped at {children} children")


def memory():
    kept = []
    while True:
        kept.append(bytearray(os.urandom(1024) * 16384))


def disk():
    with open("/tmp/big", "wb") as out:
        for _ in range(10_000):
            out.write(bytes(1_000_000))
    return "wrote 10 GB"


def root():
    open("/opt/algorithm/mine", "w")


def flood():
    while True:
        print("x" * 1000)


def sleep():
    time.sleep(10_000)


def killall():
    os.kill(-1, signal.SIGKILL)


def stop_agent():
    for p in os.listdir("/proc"):
        if p.isdigit() and int(p) != os.getpid():
            try:
                os.kill(int(p), signal.SIGSTOP)
            except OSError:
                pass
    time.sleep(10_000)
"""


def hostile_code(platform: Platform, say: Say) -> None:
    """Code that does its worst harms itself alone; the next call works."""
    demo = platform.account(unused("hostile"))
    before = platform.sandboxes()
    port = platform.url.rsplit(":", 1)[1]
    address = deploy(demo, "Hostile", HOSTILE.replace("PORT", port))

    def call(what: str, seconds: int = 20) -> dict[str, Any]:
        answer = requests.post(
            f"{platform.url}/v1/algo/{address}",
            params={"timeout": str(seconds)},
            headers={"Authorization": demo.key, "Content-Type": "text/plain"},
            data=what,
            timeout=seconds + 30,
        )
        body: dict[str, Any] = answer.json()
        say(f"{what}: {json.dumps(body)[:150]}")
        assert answer.status_code == 200
        return body

    assert "No such file" in call("shadow")["error"]["message"]
    assert not any("gunicorn" in line for line in call("proc")["result"])
    assert call("net")["result"] == []
    environ = call("environment")["result"]
    assert demo.key not in json.dumps(environ)
    assert not [name for name in environ if "KEY" in name or "TOKEN" in name or "DATABASE" in name]
    assert "stopped at" in call("forks")["error"]["message"]
    assert "Read-only" in call("root")["error"]["message"]
    assert "No space left" in call("disk")["error"]["message"]
    assert call("memory")["error"]["error_type"] == "OutOfMemoryError"
    assert call("ok")["result"] == "fine"
    for worst in ("flood", "sleep", "stop_agent"):
        assert call(worst, 2)["error"]["error_type"] == "TimeoutError", worst
        assert call("ok")["result"] == "fine"
    assert "error" in call("killall", 5)
    assert call("ok")["result"] == "fine"
    # Left are, of two processes each: in each web process a runner of this caller and one that is
    # nobody's yet, and two sandboxes that the worker has started ahead since.
    most = 2 * (2 * 2 + 2)
    wait_until(lambda: len(platform.sandboxes() - before) <= most, 20, "the dead runners are gone")


def one_runner_per_caller(platform: Platform, say: Say) -> None:
    """A warm runner serves its caller again, and nobody else."""
    owner, other = platform.account(unused("first")), platform.account(unused("second"))
    source = (
        "import os\n\nseen = []\n\n\ndef apply(input):\n    seen.append(input)\n"
        "    with open('/tmp/trace', 'a') as out:\n        out.write(input)\n"
        "    return [os.getpid(), len(seen), open('/tmp/trace').read()]\n"
    )
    path = deploy(owner, "Counter", source, publish="public").rsplit("/", 1)[0]
    session = requests.Session()

    def call(account: Account, text: str) -> Any:
        # One connection stays with one web process, whose runner is warm.
        headers = {"Authorization": account.key, "Content-Type": "text/plain"}
        url = f"{platform.url}/v1/algo/{path}"
        return session.post(url, headers=headers, data=text, timeout=30).json()["result"]

    first = [call(owner, "a") for _ in range(3)]
    stranger = call(other, "b")
    say(f"one caller: {first}; another: {stranger}")
    assert [seen for _, seen, _ in first] == [1, 2, 3]
    assert stranger[1:] == [1, "b"]


STEPS = (
    first_algorithm,
    management,
    payloads,
    hosted_data,
    strangers,
    hostile_code,
    one_runner_per_caller,
)
