"""What every runtime must do, run against each one that this machine has."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path
from typing import Any, NoReturn

import psutil
import pytest

from algoport.containers.base_image import describe_environment
from algoport.containers.docker_runtime import DockerRuntime
from algoport.containers.egress_policy import AllowedHosts, EgressPolicy, PublicInternet, Resolve
from algoport.containers.engine import (
    MOST_STEP_OUTPUT,
    BuildStep,
    Image,
    Limits,
    Runner,
    RunnerSpec,
    Runtime,
)
from algoport.containers.errors import HostLacks, RunnerStartFailed, RuntimeUnavailable
from algoport.containers.sandbox import SandboxRuntime
from algoport.internet import Address, own_addresses

pytestmark = [pytest.mark.sandbox, pytest.mark.xdist_group("sandbox")]

ROOT = Path(__file__).resolve().parents[2]
SMALL = Limits(memory_bytes=256 * 1024**2, pids=40, tmp_bytes=32 * 1024**2, open_files=128)


KINDS = ["sandbox", "sandbox without control groups", "sandbox started ahead", "docker"]


@pytest.fixture(scope="module", params=KINDS)
def runtime(request: pytest.FixtureRequest) -> Iterator[Runtime]:
    # Sockets need a short path, sandboxes one that other users can walk.
    folder = Path(tempfile.mkdtemp(prefix="ap-rt-"))
    folder.chmod(0o755)
    (folder / "r").mkdir()
    try:
        made = make_runtime(request.param, folder)
        made.check()
    except RuntimeUnavailable as exc:
        leave_out(str(exc))
    made.start_watchdog(0.05)
    if request.param == "sandbox started ahead":
        made.expect(request.getfixturevalue("environment"), SMALL)
    yield made
    made.prune(frozenset(), frozenset())
    made.stop_watchdog()
    assert list((folder / "r").iterdir()) == []
    shutil.rmtree(folder)


def leave_out(reason: str) -> NoReturn:
    if os.environ.get("ALGOPORT_TEST_STRICT"):
        pytest.fail(reason)
    pytest.skip(reason)


def make_runtime(kind: str, folder: Path) -> Runtime:
    if kind == "docker":
        return DockerRuntime(folder / "s", folder / "r")
    return SandboxRuntime(folder / "s", folder / "r", use_cgroups="without" not in kind)


class Session:
    """A gateway's connection to a runner, without the gateway."""

    def __init__(self, runner: Runner, environ: dict[str, str]) -> None:
        self.runner = runner
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(20)
        self.socket.connect(str(runner.agent_socket))
        self.send_frame(b"b", json.dumps(environ).encode())
        self.stream = self.socket.makefile("rb")

    def read(self) -> tuple[bytes, bytes]:
        head = self.stream.read(5)
        if len(head) < 5:
            return b"", b""
        return head[:1], self.stream.read(int.from_bytes(head[1:], "big"))

    def close(self) -> None:
        self.stream.close()
        self.socket.close()

    def until(self, *kinds: bytes) -> tuple[bytes, bytes, bytes]:
        """The first frame of these kinds, and the output before it."""
        output = b""
        while True:
            kind, payload = self.read()
            if kind == b"o":
                output += payload
            elif kind in kinds or kind == b"":
                return kind, payload, output
            else:
                raise AssertionError((kind, payload))

    def send(self, data: Any, kind: str = "json") -> None:
        value = json.dumps(data).encode() if kind == "json" else data
        payload = kind[:1].encode() + (value.encode() if isinstance(value, str) else value)
        self.send_frame(b"c", payload)

    def send_frame(self, kind: bytes, payload: bytes) -> None:
        self.socket.sendall(kind + len(payload).to_bytes(4, "big") + payload)

    def call(self, data: Any, kind: str = "json") -> dict[str, Any]:
        """The result as the langpack protocol has it."""
        self.send(data, kind)
        got, payload, self.output = self.until(b"d", b"l", b"e")
        if got != b"d":
            return {"ended": got}
        letter, value = payload[:1], payload[1:]
        if letter == b"l":
            line: dict[str, Any] = json.loads(value)
            return line
        if letter == b"e":
            return {"error": json.loads(value)}
        kind = {b"j": "json", b"t": "text", b"b": "binary", b"v": "void"}[letter]
        read: dict[str, Callable[[bytes], Any]] = {
            "json": json.loads,
            "text": bytes.decode,
            "binary": bytes,
            "void": lambda nothing: None,
        }
        return {"result": read[kind](value), "metadata": {"content_type": kind}}


@pytest.fixture
def start(
    runtime: Runtime, environment: Path, request: pytest.FixtureRequest
) -> Iterator[Callable[..., Session]]:
    ahead = request.node.callspec.params["runtime"] == "sandbox started ahead"
    sessions: list[Session] = []

    def begin(
        source: str,
        limits: Limits = SMALL,
        ready: bool = True,
        egress: EgressPolicy | None = None,
        given: dict[str, str] | None = None,
    ) -> Session:
        parent = Path(tempfile.mkdtemp(prefix="ap-src-"))
        request.addfinalizer(lambda: shutil.rmtree(parent))
        # An algorithm's folder, and in it the one of a build.
        folder = parent / "algorithm" / os.urandom(8).hex()
        (folder / "src").mkdir(parents=True)
        (folder / "src" / "A.py").write_text(source)
        for path in (parent, folder.parent, folder, folder / "src"):
            path.chmod(0o755)
        name = f"t{len(sessions)}{os.urandom(4).hex()}"
        image = Image(environment, folder, None)
        spec = RunnerSpec(name, image, limits, {"ALGORITHM_NAME": "A"}, egress)
        if ahead and limits == SMALL and egress is None:
            assert isinstance(runtime, SandboxRuntime)
            wait_until(lambda: runtime.blanks(environment, SMALL))
        session = Session(runtime.start_runner(spec), given or {})
        assert session.runner.id == name
        sessions.append(session)
        if ready:
            kind, _, output = session.until(b"r", b"e")
            assert kind == b"r", output.decode()
            session.output = output
        return session

    yield begin
    for session in sessions:
        session.close()
        session.runner.kill()
        assert not session.runner.is_alive()


def wait_until(condition: Callable[[], object], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_every_kind_of_value(start: Callable[..., Session]) -> None:
    session = start("def apply(input):\n    return input\n")
    assert session.call("x", "text") == {"result": "x", "metadata": {"content_type": "text"}}
    assert session.call({"a": [1, None]})["metadata"] == {"content_type": "json"}
    assert session.call(None) == {"result": None, "metadata": {"content_type": "void"}}
    raw = b"\x00\n\xff"
    assert session.call(raw, "binary") == {"result": raw, "metadata": {"content_type": "binary"}}
    large = "\u00fc" * 4_000_000
    assert session.call(large, "text")["result"] == large


def test_values_of_every_size(start: Callable[..., Session]) -> None:
    session = start("def apply(input):\n    return input\n")
    # Around what is read or kept at once on the way, small ones after large ones, and the limit.
    around = [2**power + more for power in (14, 16, 20, 21) for more in (-6, -5, -1, 0, 1)]
    for size in (*around, 0, 10_000_000, 3):
        text = os.urandom(size // 2 + 1).hex()[:size]
        assert session.call(text, "text")["result"] == text
        assert session.call(text.encode(), "binary")["result"] == text.encode()


def test_a_result_that_is_broken_off_ends_it(start: Callable[..., Session]) -> None:
    session = start(
        "import os\n\n\ndef apply(i):\n"
        "    os.write(3, (1 << 20).to_bytes(4, 'big') + b't' + bytes(i))\n    os._exit(0)\n"
    )
    session.send(100_000)
    head = session.stream.read(5)
    assert head == b"d" + (1 << 20).to_bytes(4, "big")
    # Nothing comes that could be taken for the rest of it.
    assert session.stream.read() == b"t" + bytes(100_000)


def test_output_belongs_to_its_call(start: Callable[..., Session]) -> None:
    session = start(
        "import sys\nprint('loading')\n\n\ndef apply(input):\n"
        "    print('out', input)\n    print('err', file=sys.stderr)\n    return 1\n"
    )
    assert session.output == b"loading\n"
    for word in ("one", "two"):
        session.call(word)
        assert session.output == f"out {word}\nerr\n".encode()


def test_exceptions_and_load(start: Callable[..., Session]) -> None:
    session = start(
        "def load():\n    return {'n': 2}\n\n\ndef apply(input, loaded):\n"
        "    return input // (loaded['n'] - 2) if input else loaded['n']\n"
    )
    assert session.call(0)["result"] == 2
    error = session.call(1)["error"]
    assert error["message"] == "integer division or modulo by zero"
    assert error["error_type"] == "AlgorithmError"
    assert "A.py" in error["stacktrace"] and "pipe.py" not in error["stacktrace"]
    assert session.call(0)["result"] == 2


def test_load_that_fails_is_told_at_every_call(start: Callable[..., Session]) -> None:
    session = start("def load():\n    raise KeyError('model')\n\n\ndef apply(i):\n    return i\n")
    for _ in range(2):
        assert session.call(1)["error"]["error_type"] == "LoadingError"


def test_adk_algorithms_report_their_exceptions(start: Callable[..., Session]) -> None:
    session = start(
        "from Algorithmia import ADK\n\n\ndef load():\n    return 'm'\n\n\n"
        "def apply(input, m):\n    return m + input if input else 1 / 0\n\n\n"
        "algorithm = ADK(apply, load)\nalgorithm.init('x')\n"
    )
    assert session.call("y", "text")["result"] == "my"
    assert session.call("", "text")["error"]["message"] == "division by zero"
    assert session.call("z", "text")["result"] == "mz"


@pytest.mark.parametrize(
    "source",
    ["import nothing_like_this\n", "x = 1\n", "def apply(:\n", "import os\nos._exit(3)\n"],
)
def test_what_cannot_be_loaded_ends(start: Callable[..., Session], source: str) -> None:
    session = start(source, ready=False)
    kind, payload, _ = session.until(b"r", b"e")
    assert kind == b"e" and json.loads(payload)["exit_code"] > 0


def test_results_that_are_no_json(start: Callable[..., Session]) -> None:
    session = start("def apply(i):\n    return [float('nan'), {1, 2}, object()][i]\n")
    for index in range(3):
        assert "JSON" in session.call(index)["error"]["message"]


def test_a_result_that_is_too_large(start: Callable[..., Session]) -> None:
    session = start("def apply(i):\n    return 'x' * i\n", Limits())
    assert session.call(17 * 1024 * 1024) == {"ended": b"l"}
    assert session.call(3)["result"] == "xxx"


def test_endless_output_is_bounded(start: Callable[..., Session]) -> None:
    session = start(
        "def apply(i):\n    for _ in range(i):\n        print('x' * 999)\n    return 1\n"
    )
    assert session.call(20_000)["result"] == 1
    assert len(session.output) < 1_100_000
    assert b"cut off" in session.output[-100:]
    session.call(1)
    assert session.output == b"x" * 999 + b"\n"


def test_memory_is_limited(start: Callable[..., Session], runtime: Runtime) -> None:
    # Shared memory too, which no limit of a single process counts.
    session = start(
        "import mmap, os\n\n\ndef apply(i):\n    kept = []\n    while True:\n"
        "        kept.append(mmap.mmap(-1, 1 << 24))\n        kept[-1].write(os.urandom(1 << 24))\n"
    )
    session.send(1)
    kind, _, _ = session.until(b"d", b"e", b"")
    assert kind in (b"e", b"")
    wait_until(lambda: not session.runner.is_alive())
    assert session.runner.exit_reason == "oom"


def test_processes_are_limited(start: Callable[..., Session]) -> None:
    session = start(
        "import os, time\n\n\ndef apply(i):\n    n = 0\n    try:\n        while True:\n"
        "            if os.fork() == 0:\n                time.sleep(100)\n            n += 1\n"
        "    except OSError:\n        return n\n"
    )
    assert 20 < session.call(1)["result"] < 40


def test_processor_time_is_limited(start: Callable[..., Session], runtime: Runtime) -> None:
    session = start(
        "import hashlib, threading, time\nDATA = bytes(1 << 20)\n\n\ndef apply(seconds):\n"
        "    end = time.monotonic() + seconds\n\n    def burn():\n"
        "        while time.monotonic() < end:\n            hashlib.sha256(DATA)\n\n"
        "    began, used = time.monotonic(), time.process_time()\n"
        "    threads = [threading.Thread(target=burn) for _ in range(2)]\n"
        "    for each in threads:\n        each.start()\n"
        "    for each in threads:\n        each.join()\n"
        "    return (time.process_time() - used) / (time.monotonic() - began)\n",
        replace(SMALL, cpus=0.1),
    )
    # It says where there is none.
    limited = "no limit of processor time" not in runtime.check()
    assert (session.call(1.5)["result"] < 0.2) is limited


def test_memory_that_processes_share_counts_once(
    start: Callable[..., Session], runtime: Runtime
) -> None:
    session = start(
        "import os, time\nkept = b'x' * 100_000_000\n\n\ndef apply(n):\n"
        "    for _ in range(n):\n        if os.fork() == 0:\n"
        "            time.sleep(100)\n    time.sleep(0.5)\n    return sum(kept) > 0\n"
    )
    assert session.call(10)["result"] is True
    runtime.watch()
    assert session.call(0)["result"] is True


def test_disk_is_limited_and_the_rest_read_only(start: Callable[..., Session]) -> None:
    session = start(
        "def apply(path):\n    with open(path, 'wb') as out:\n        for _ in range(10000):\n"
        "            out.write(bytes(1000000))\n    return 'wrote it'\n"
    )
    for path, text in (
        ("/tmp/x", "No space left"),
        ("/dev/shm/x", "No space left"),
        ("/opt/algorithm/x", "Read-only"),
        ("/opt/algoport/agent.py", "Read-only"),
        ("/run/algoport/x", "Read-only"),
        ("/usr/x", "Read-only"),
        ("/x", "Read-only"),
        ("/dev/x", "Read-only"),
        ("/proc/sys/kernel/core_pattern", "denied"),
    ):
        message = session.call(path)["error"]["message"]
        refusals = (text, "Read-only", "Permission denied")
        assert any(each in message for each in refusals), (path, message)


def test_nothing_of_the_host_is_seen(start: Callable[..., Session]) -> None:
    os.environ["ALGOPORT_CANARY"] = "canary-value"
    session = start(
        "import os, socket\n\n\ndef apply(i):\n"
        "    pids = [p for p in os.listdir('/proc') if p.isdigit()]\n"
        "    lines = [open(f'/proc/{p}/cmdline').read() for p in pids]\n"
        "    found = []\n"
        "    for where in (('127.0.0.1', i), ('127.0.0.1', 3128), ('8.8.8.8', 53),\n"
        "                  ('169.254.169.254', 80)):\n"
        "        try:\n            socket.create_connection(where, 1)\n"
        "            found.append(where[0])\n        except OSError:\n            pass\n"
        "    names = socket.if_nameindex()\n"
        "    return [lines, found, names, dict(os.environ), os.path.exists('/etc/shadow'),\n"
        "            os.getuid(), os.listdir('/')]\n"
    )
    with socket.create_server(("127.0.0.1", 0)) as server:
        lines, found, names, environ, shadow, uid, root = session.call(server.getsockname()[1])[
            "result"
        ]
    del os.environ["ALGOPORT_CANARY"]
    assert len(lines) == 3, lines
    assert not any("--ro-bind" in line for line in lines)
    assert not any("proxy" in name.lower() for name in environ)
    assert found == [] and [name for _, name in names] == ["lo"]
    assert "canary-value" not in json.dumps(environ)
    assert set(environ) == {
        "PATH", "HOME", "LANG", "PYTHONUNBUFFERED", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE",
        "ALGORITHMIA_API", "ALGORITHM_NAME", "PWD",
    }  # fmt: skip
    assert not shadow and uid >= 1000
    # An engine brings two more.
    assert set(root) - {"sys", ".dockerenv"} == {
        "bin", "dev", "etc", "lib", "lib64", "opt", "proc", "run", "sbin", "tmp", "usr",
    }  # fmt: skip


def test_dangerous_calls_are_refused(start: Callable[..., Session]) -> None:
    session = start(
        "import ctypes, socket\nc = ctypes.CDLL(None, use_errno=True)\n\n\n"
        "def apply(i):\n    results = {}\n"
        "    for name, number, first in i:\n"
        "        c.syscall(number, ctypes.c_long(first), 0, 0, 0, 0)\n"
        "        results[name] = ctypes.get_errno()\n"
        "    for family in (16, 17, 38, 40):\n"
        "        try:\n            socket.socket(family, socket.SOCK_DGRAM).close()\n"
        "            results[f'family {family}'] = 0\n"
        "        except OSError as exc:\n            results[f'family {family}'] = exc.errno\n"
        "    return results\n"
    )
    if os.uname().machine != "x86_64":
        pytest.skip("the numbers here are those of x86_64")
    calls = [
        ("mount", 165, 0), ("unshare", 272, 0x10000000), ("setns", 308, 0), ("bpf", 321, 0),
        ("ptrace", 101, 0), ("keyctl", 250, 0), ("io_uring_setup", 425, 1),
        ("clone into a user namespace", 56, 0x10000000 | 17), ("perf_event_open", 298, 0),
    ]  # fmt: skip
    results = session.call(calls)["result"]
    assert {results[name] for name, _, _ in calls} == {1}, results  # EPERM
    assert [results[f"family {family}"] for family in (17, 38, 40)] == [97, 97, 97], results


def test_a_hanging_call_is_killed(start: Callable[..., Session]) -> None:
    session = start(
        "import os, signal, time\n\n\ndef apply(i):\n    for p in os.listdir('/proc'):\n"
        "        if p.isdigit() and int(p) not in (1, os.getpid()):\n"
        "            os.kill(int(p), signal.SIGSTOP)\n    time.sleep(1000)\n"
    )
    session.send(1)
    time.sleep(0.3)
    session.runner.kill()
    assert not session.runner.is_alive()
    assert not session.runner.agent_socket.exists()


def test_it_ends_with_its_gateway(start: Callable[..., Session]) -> None:
    session = start("def apply(i):\n    return i\n")
    session.close()
    wait_until(lambda: not session.runner.is_alive())


def test_the_relay_reaches_the_platform_socket(start: Callable[..., Session]) -> None:
    session = start(
        "import urllib.request, os\n\n\ndef apply(i):\n"
        "    url = os.environ['ALGORITHMIA_API'] + '/v1/x'\n"
        "    request = urllib.request.Request(url, data=b'q' * i)\n"
        "    return urllib.request.urlopen(request).read().decode()\n"
    )
    path = session.runner.platform_socket
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        path.chmod(0o666)
        server.listen()

        def answer() -> None:
            for _ in range(2):
                connection, _ = server.accept()
                with connection, connection.makefile("rb") as stream:
                    length = 0
                    while (line := stream.readline()) != b"\r\n":
                        if line.lower().startswith(b"content-length:"):
                            length = int(line.split(b":")[1])
                    size = str(len(stream.read(length))).encode()
                    head = b"HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n" % len(size)
                    connection.sendall(head + size)

        thread = threading.Thread(target=answer)
        thread.start()
        assert session.call(10)["result"] == "10"
        assert session.call(3_000_000)["result"] == "3000000"
        thread.join(5)


class InternetWithTestServer(PublicInternet):
    """The public internet, and a name in it that leads to a server of the test."""

    def find_addresses(self, host: str, port: int, resolve: Resolve) -> list[Address]:
        if host == "service.example":
            return [ip_address("127.0.0.1")]
        return super().find_addresses(host, port, resolve)


def answer_hello(server: socket.socket) -> None:
    connection, _ = server.accept()
    with connection:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello")


CONNECTS = (
    "import os, socket, ssl, urllib.request\n\n\ndef tunnel(where):\n"
    "    with socket.create_connection(('127.0.0.1', 3128)) as proxy:\n"
    "        proxy.sendall(f'CONNECT {where} HTTP/1.1\\r\\n\\r\\n'.encode())\n"
    "        return proxy.recv(2000).decode()\n\n\n"
    "def direct(where):\n    try:\n"
    "        family = socket.AF_UNIX if isinstance(where, str) else socket.AF_INET\n"
    "        with socket.socket(family) as s:\n            s.settimeout(1)\n"
    "            s.connect(where if isinstance(where, str) else tuple(where))\n"
    "            return 'connected'\n"
    "    except OSError as exc:\n        return str(exc)\n\n\n"
    "def fetch(url):\n    return urllib.request.urlopen(url).read().decode()\n\n\n"
    "def look(_):\n    return [dict(os.environ), [name for _, name in socket.if_nameindex()],\n"
    "            len(ssl.create_default_context().get_ca_certs())]\n\n\n"
    "def apply(i):\n    return globals()[i[0]](i[1])\n"
)


def test_a_runner_with_a_network_reaches_the_internet(start: Callable[..., Session]) -> None:
    session = start(CONNECTS, egress=InternetWithTestServer())
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        for _ in range(2):
            threading.Thread(target=answer_hello, args=(server,), daemon=True).start()
        # Found by the variables of its environment, as every library does it.
        assert session.call(["fetch", f"http://service.example:{port}/"])["result"] == "hello"
        answer = session.call(["tunnel", f"service.example:{port}"])["result"]
        assert answer.startswith("HTTP/1.1 200 ")
    environ, interfaces, authorities = session.call(["look", 0])["result"]
    assert {
        environ[name] for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy")
    } == {"http://127.0.0.1:3128"}
    assert environ["NO_PROXY"] == environ["no_proxy"] == "127.0.0.1,localhost"
    # An engine gives it one of its own as well, from which it reaches what the proxy does.
    assert interfaces in (["lo"], ["lo", "eth0"]) and authorities > 0


def test_a_runner_with_a_network_does_not_reach_the_host(start: Callable[..., Session]) -> None:
    session = start(CONNECTS, egress=InternetWithTestServer())
    own = {str(each) for each in own_addresses() if each.version == 4}
    with (
        socket.create_server(("0.0.0.0", 0)) as server,
        socket.socket(socket.AF_UNIX) as abstract,
        tempfile.TemporaryDirectory() as folder,
        socket.socket(socket.AF_UNIX) as named,
    ):
        port = server.getsockname()[1]
        for host in {*own, "localhost", "127.0.0.2", "2130706433", "0", "[::1]", "169.254.169.254"}:
            answer = session.call(["tunnel", f"{host}:{port}"])["result"]
            assert answer.startswith("HTTP/1.1 403 ") and "may not connect" in answer, host
        for host in own:
            assert session.call(["direct", [host, port]])["result"] != "connected", host
        # As the database and the broker of an embedded platform are.
        named.bind(f"{folder}/service.sock")
        abstract.bind(f"\0{folder}")
        for each in (named, abstract):
            each.listen()
            where = each.getsockname()
            where = where.decode() if isinstance(where, bytes) else where
            assert session.call(["direct", where])["result"] != "connected", where
        server.settimeout(0)
        with pytest.raises(BlockingIOError):
            server.accept()


def test_a_proxy_ends_with_its_runner(start: Callable[..., Session]) -> None:
    session = start(CONNECTS, egress=InternetWithTestServer())
    with socket.create_server(("127.0.0.1", 0)) as server:
        code = f"service.example:{server.getsockname()[1]}"
        session.send(["tunnel", code])
        connection, _ = server.accept()
        with connection:
            connection.settimeout(10)
            session.runner.kill()
            assert connection.recv(1) == b""
    assert not session.runner.agent_socket.with_name("egress.sock").exists()


@contextmanager
def folder_for_step() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="ap-step-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def run_step(
    runtime: Runtime, environment: Path, code: str, seconds: float = 20, **changes: Any
) -> tuple[int, str, str, Path]:
    output: list[bytes] = []
    with folder_for_step() as folder:
        (folder / "given").mkdir()
        (folder / "given" / "file").write_text("given")
        step = BuildStep(
            name="test",
            argv=("python3", "-c", code),
            environment=environment,
            writable={"/work": folder},
            read_only={},
            environ={},
            limits=SMALL,
            seconds=seconds,
            **changes,
        )
        result = runtime.run_step(step, output.append)
        listing = [
            (str(path.relative_to(folder)), oct(path.lstat().st_mode), path.lstat().st_uid)
            for path in sorted(folder.rglob("*"))
        ]
        return result.exit_code, result.reason, b"".join(output).decode(), Path(repr(listing))


def test_a_step_writes_and_gives_back(runtime: Runtime, environment: Path) -> None:
    code, reason, output, listing = run_step(
        runtime,
        environment,
        "import os\nprint('hi')\nopen('/work/given/new', 'w').write('x')\n"
        "os.chmod('/work/given/new', 0o4777)\nos.symlink('/etc/passwd', '/work/link')\n"
        "os.mkfifo('/work/fifo')\n",
    )
    assert (code, reason, output) == (0, "", "hi\n")
    me = os.geteuid()
    assert ("given/new", "0o100755", me) in eval(str(listing))
    names = [name for name, _, _ in eval(str(listing))]
    assert names == ["given", "given/file", "given/new", "link"]


def test_a_step_that_fails_hangs_or_eats_memory(runtime: Runtime, environment: Path) -> None:
    assert run_step(runtime, environment, "raise SystemExit(3)")[:2] == (3, "")
    assert run_step(runtime, environment, "import time; time.sleep(60)", 0.6)[1] == "timeout"
    hog = "import mmap\nk=[]\nwhile True: k.append(mmap.mmap(-1, 1<<24)); k[-1].write(b'x'*(1<<24))"
    assert run_step(runtime, environment, hog)[1] == "oom"


def test_a_step_reaches_what_its_policy_names(runtime: Runtime, environment: Path) -> None:
    fetch = (
        "import urllib.request, sys\n"
        "proxy = urllib.request.ProxyHandler({'http': 'http://127.0.0.1:3128'})\n"
        "opener = urllib.request.build_opener(proxy)\n"
        "for port in %r:\n"
        "    try:\n        print(opener.open(f'http://127.0.0.1:{port}/').read().decode())\n"
        "    except Exception as exc:\n        print(exc)\n"
    )

    def serve(server: socket.socket) -> None:
        connection, _ = server.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello")

    with (
        socket.create_server(("127.0.0.1", 0)) as allowed,
        socket.create_server(("127.0.0.1", 0)) as other,
    ):
        threading.Thread(target=serve, args=(allowed,), daemon=True).start()
        good, bad = allowed.getsockname()[1], other.getsockname()[1]
        policy = AllowedHosts(frozenset({("127.0.0.1", good)}))
        output = run_step(runtime, environment, fetch % [good, bad], egress=policy)[2]
    assert "hello" in output
    assert "403" in output and f"may not connect to 127.0.0.1:{bad}" in output
    assert "hello" not in run_step(runtime, environment, fetch % [good])[2]


def test_a_step_out_of_memory_ends_at_once(runtime: Runtime, environment: Path) -> None:
    hog = "import mmap\nk=[]\nwhile True: k.append(mmap.mmap(-1, 1<<24)); k[-1].write(b'x'*(1<<24))"
    began = time.monotonic()
    assert run_step(runtime, environment, hog, seconds=60)[1] == "oom"
    assert time.monotonic() - began < 20


def test_nothing_of_a_step_outlives_it(runtime: Runtime, environment: Path) -> None:
    code = (
        "import os\nfor _ in range(30):\n    if os.fork() == 0:\n        os.setsid()\n"
        "        os.closerange(0, 3)\n        while True:\n            for i in range(99):\n"
        "                open(f'/work/{os.getpid()}', 'w').close()\n"
        "                os.rename(f'/work/{os.getpid()}', f'/work/x{i}')\n"
    )
    for _ in range(4):
        assert run_step(runtime, environment, code)[:2] == (0, "")


def test_refusals_do_not_flood_the_output(runtime: Runtime, environment: Path) -> None:
    code = (
        "import socket, time\nend = time.monotonic() + 1\nwhile time.monotonic() < end:\n"
        "    with socket.create_connection(('127.0.0.1', 3128)) as s:\n"
        "        s.sendall(b'CONNECT ' + b'a' * 250 + b':1 HTTP/1.1\\r\\n\\r\\n')\n"
        "        s.recv(100)\n"
    )
    output = run_step(runtime, environment, code, egress=AllowedHosts(frozenset()))[2]
    assert "may not connect" in output and len(output) < MOST_STEP_OUTPUT + 100


def test_memory_that_no_process_maps_is_limited(start: Callable[..., Session]) -> None:
    session = start(
        "import os\n\n\ndef apply(i):\n    f = os.memfd_create('x')\n"
        "    for _ in range(i):\n        os.write(f, bytes(1 << 20))\n    return 'held'\n"
    )
    session.send(600)
    kind, payload, _ = session.until(b"d", b"e", b"")
    assert b"held" not in payload, kind


def test_a_source_that_is_gone_is_told(runtime: Runtime, environment: Path) -> None:
    spec = RunnerSpec("gone", Image(environment, Path("/not-there"), None), SMALL, {})
    with pytest.raises(RunnerStartFailed, match="not-there"):
        runtime.start_runner(spec)


def test_a_base_image_needs_an_engine(runtime: Runtime, tmp_path: Path) -> None:
    if not runtime.why_no_base_image():
        assert isinstance(runtime, DockerRuntime)  # See test_docker_images.py.
        return
    recipe = ROOT / "algorithms/environments/python3"
    own = describe_environment(tmp_path, "own", "python:3.11-slim", recipe)
    spec = RunnerSpec("own", Image(own, tmp_path, None), SMALL)
    with pytest.raises(HostLacks, match=r"made of python:3.11-slim.* needs Docker"):
        runtime.start_runner(spec)
    step = BuildStep("x", ("true",), own, {}, {}, {}, SMALL, 20)
    with pytest.raises(HostLacks, match="needs Docker"):
        runtime.run_step(step, lambda output: None)


def test_a_graphics_card_is_not_promised(runtime: Runtime, environment: Path) -> None:
    if not runtime.why_no_gpu():
        pytest.skip("this machine has a graphics card")
    image = Image(environment, environment, None)
    spec = RunnerSpec("card", image, SMALL, needs_gpu=True)
    with pytest.raises(RunnerStartFailed, match="graphics card"):
        runtime.start_runner(spec)


OWNER = """
import sys, time
sys.path.insert(0, {root!r})
import algoport
from pathlib import Path
from algoport.containers.engine import Image, Limits, RunnerSpec
from tests.contracts.test_runtime import make_runtime
runtime = make_runtime({kind!r}, Path({folder!r}))
image = Image(Path({environment!r}), Path({source!r}), None)
print(runtime.start_runner(RunnerSpec("left", image, Limits())).agent_socket, flush=True)
time.sleep(100)
"""


@pytest.mark.parametrize("kind", ["sandbox", "docker"])
def test_what_a_dead_worker_left_is_reaped(environment: Path, kind: str) -> None:
    with folder_for_step() as folder:
        source = folder / "algorithm" / os.urandom(8).hex()
        for each in (folder / "r", source / "src"):
            each.mkdir(parents=True)
        try:
            survivor = make_runtime(kind, folder)
        except RuntimeUnavailable as exc:
            leave_out(str(exc))
        code = OWNER.format(
            root=str(ROOT), kind=kind, folder=str(folder), environment=str(environment),
            source=str(source),
        )  # fmt: skip
        owner = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, cwd=ROOT)
        assert owner.stdout is not None
        token = Path(owner.stdout.readline().decode()).relative_to(folder / "r").parts[0]
        assert processes_of(token)
        assert survivor.reap_leftovers() == 0, "a live worker's runner was reaped"
        owner.send_signal(signal.SIGKILL)
        owner.wait()
        owner.stdout.close()
        wait_until(lambda: not processes_of(token))
        assert survivor.reap_leftovers() == 1
        survivor.prune(frozenset(), frozenset())
        survivor.start_watchdog()
        survivor.stop_watchdog()
        assert list((folder / "r").iterdir()) == []


def processes_of(token: str) -> list[int]:
    """What runs in sandboxes of a worker."""
    mark = f"--worker={token}:"
    found = psutil.process_iter(["cmdline"])
    return [each.pid for each in found if any(mark in part for part in each.info["cmdline"] or ())]


def test_a_runner_started_ahead_is_like_any_other(
    runtime: Runtime, environment: Path, start: Callable[..., Session]
) -> None:
    """What it sees of itself does not depend on how it was started."""
    source = (
        "import os, sys\n\n\ndef apply(input):\n"
        "    return [__file__, os.path.samefile('.', '/opt/algorithm'), sys.argv, sys.path[-4:],\n"
        "            sorted(os.listdir('/tmp')),\n"
        "            sorted(os.environ), sys.modules['__main__'].__file__, os.listdir('src'),\n"
        "            sorted(os.listdir('/proc/self/fd')),\n"
        "            {'agent', 'pipe', 'program', 'relay'} & set(sys.modules) != set()]\n"
    )
    seen = start(source).call(None)["result"]
    assert seen[0] == "/opt/algorithm/src/A.py" and seen[1] is True
    assert seen[2] == [seen[6]] == ["/opt/algoport/pipe.py"]
    assert seen[3][-3:-1] == ["/opt/packages", "/opt/algorithm"]
    assert seen[4] == ["algoout"] and "A.py" in seen[7]
    assert {"PYTHONPATH", "ALGORITHMIA_API", "ALGORITHM_NAME", "PATH", "HOME"} <= set(seen[5])
    assert not [name for name in seen[5] if name.startswith("ALGOPORT_")]
    # The channel to the agent, and the listing itself.
    assert seen[8] == ["0", "1", "2", "3", "4"]
    assert not seen[9]


def test_what_is_started_ahead_is_used_once(
    runtime: Runtime, environment: Path, start: Callable[..., Session]
) -> None:
    source = "import os\n\n\ndef apply(input):\n    return os.path.realpath('/opt/algorithm')\n"
    inside = {start(source).call(None)["result"] for _ in range(2)}
    ready = isinstance(runtime, SandboxRuntime) and runtime.blanks(environment, SMALL)
    ahead = ready or "/run/algoport/algorithm" in inside
    assert inside == {"/run/algoport/algorithm" if ahead else "/opt/algorithm"}
    big = "X = '" + "x" * 2_000_000 + "'\n" + source
    assert start(big).call(None)["result"] == "/opt/algorithm"


def test_what_comes_with_the_connection_is_in_the_environment_and_in_no_file(
    start: Callable[..., Session],
) -> None:
    source = (
        "import os\n\nAT_IMPORT = os.environ['TOKEN']\n\n\ndef apply(i):\n"
        "    text = open('/run/algoport/start.json').read()\n"
        "    held = [os.environ[name] for name in ('TOKEN', 'ALGORITHMIA_API')]\n"
        "    return [AT_IMPORT, *held, 'ALGORITHM_NAME' in text, 'canary' in text]\n"
    )
    session = start(source, given={"TOKEN": "canary\nvalue", "ALGORITHMIA_API": "http://else"})
    expected = ["canary\nvalue", "canary\nvalue", "http://127.0.0.1:9000", True, False]
    assert session.call(1)["result"] == expected
    without = start("import os\n\n\ndef apply(i):\n    return 'TOKEN' in os.environ\n")
    assert without.call(1)["result"] is False
