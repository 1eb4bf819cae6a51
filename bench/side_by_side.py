"""Other model servers beside us, each in an environment of its own, in alternating rounds.

A folder in bench/peers holds a peer's pinned packages and its `hello`; its environment is made in
bench/peers/.venvs when it is asked for first.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from bench.load import Connection, Load, Request, run_load
from bench.measure import Measure
from tests.acceptance.platform import free_port

PEERS = Path(__file__).with_name("peers")
ROUNDS = 3
_START_SECONDS = 60


class PeerFailed(Exception):
    """A peer could not be installed or started; the comparison is not made without it."""


@dataclass(frozen=True)
class Peer:
    """A model server: how it is started (`{port}`, `{port2}`, `{port3}` are free ports), how
    `hello` is called in it, and what it is to answer."""

    name: str
    command: tuple[str, ...]
    path: str
    body: dict[str, object]
    environ: dict[str, str] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        return PEERS / self.name

    @property
    def venv(self) -> Path:
        return PEERS / ".venvs" / self.name

    def version(self) -> str:
        lines = (self.folder / "requirements.txt").read_text().splitlines()
        return next(line.partition("==")[2] for line in lines if line.startswith(f"{self.name}=="))

    def request(self, port: int) -> Request:
        headers = {"Content-Type": "application/json"}
        return Request(port, self.path, json.dumps(self.body).encode(), headers)


# All of them: one worker process, no access log.
ALL = (
    # Its default, a pool of one process for inference: the model is separate from the server. The
    # pool does not start with uvloop 0.22 and later. No compression of answers, no debug log.
    Peer(
        "mlserver",
        ("mlserver", "start", "."),
        "/v2/models/hello/infer",
        {
            "inputs": [
                {
                    "name": "input",
                    "shape": [1],
                    "datatype": "BYTES",
                    "parameters": {"content_type": "str"},
                    "data": ["you"],
                }
            ]
        },
        {
            "MLSERVER_HOST": "127.0.0.1",
            "MLSERVER_HTTP_PORT": "{port}",
            "MLSERVER_GRPC_PORT": "{port2}",
            "MLSERVER_METRICS_PORT": "{port3}",
            "MLSERVER_DEBUG": "false",
            "MLSERVER_GZIP_ENABLED": "false",
        },
    ),
    Peer("litserve", ("python", "service.py", "{port}"), "/predict", {"input": "you"}),
    # `serve` without --reload is its production mode.
    Peer(
        "bentoml",
        ("bentoml", "serve", "service:Hello", "--host", "127.0.0.1", "--port", "{port}"),
        "/hello",
        {"input": "you"},
        {"BENTOML_DO_NOT_TRACK": "true"},
    ),
)


def install(peer: Peer) -> None:
    """Make the peer's environment, unless it is there already. Raises PeerFailed."""
    wanted = (peer.folder / "requirements.txt").read_bytes()
    # Written last: an installation that was interrupted is repeated.
    installed = peer.venv / "installed-requirements.txt"
    if installed.exists() and installed.read_bytes() == wanted:
        return
    print(f"installing {peer.name} {peer.version()} (once)", flush=True)
    shutil.rmtree(peer.venv, ignore_errors=True)
    pip = (str(peer.venv / "bin/python"), "-m", "pip", "--disable-pip-version-check")
    for command in (
        (sys.executable, "-m", "venv", str(peer.venv)),
        (*pip, "install", "--quiet", "-r", str(peer.folder / "requirements.txt")),
    ):
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            raise PeerFailed(f"{peer.name} could not be installed:\n{done.stderr.strip()[-2000:]}")
    installed.write_bytes(wanted)


@contextmanager
def running(peer: Peer) -> Iterator[Request]:
    """The peer, serving; the request that calls its `hello`. Raises PeerFailed."""
    ports = {"port": free_port(), "port2": free_port(), "port3": free_port()}
    request = peer.request(ports["port"])
    program, *arguments = (each.format(**ports) for each in peer.command)
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            [str(peer.venv / "bin" / program), *arguments],
            cwd=peer.folder,
            env={
                "PATH": f"{peer.venv / 'bin'}:{os.environ['PATH']}",
                "HOME": os.environ.get("HOME", "/tmp"),
                **{name: value.format(**ports) for name, value in peer.environ.items()},
            },
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            deadline = time.monotonic() + _START_SECONDS
            while not _says_hello(request):
                if process.poll() is not None or time.monotonic() > deadline:
                    log.seek(0)
                    said = log.read().decode("utf-8", "replace")[-2000:]
                    raise PeerFailed(f"{peer.name} does not serve:\n{said}")
                time.sleep(0.1)
            yield request
        finally:
            _end(process)
            process.wait()


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Kill it and what it started: some peers leave their workers behind, in other sessions."""
    with suppress(psutil.NoSuchProcess):
        top = psutil.Process(process.pid)
        for each in (top, *top.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                each.kill()


def _says_hello(request: Request) -> bool:
    try:
        connection = Connection(request.port)
    except ConnectionRefusedError:
        return False
    with connection.socket:
        connection.socket.settimeout(5)
        try:
            connection.exchange(request.encode())
        except (ConnectionError, TimeoutError):
            return False
        return connection.status == 200 and b"hello you" in connection.body


@dataclass
class Rounds:
    """What the rounds of one server measured."""

    one: list[Load] = field(default_factory=list)
    many: list[Load] = field(default_factory=list)

    def measure(self, request: Request, seconds: float) -> None:
        self.one.append(run_load(request, connections=1, seconds=seconds))
        self.many.append(run_load(request, connections=16, seconds=seconds))

    @property
    def p50_ms(self) -> float:
        return statistics.median(each.p50_ms for each in self.one)

    @property
    def p99_ms(self) -> float:
        return statistics.median(each.p99_ms for each in self.one)

    @property
    def per_second(self) -> float:
        return statistics.median(each.per_second for each in self.many)

    def line(self, name: str) -> str:
        return (
            f"  {name:20} 1 connection: p50 {self.p50_ms:5.2f} ms, p99 {self.p99_ms:5.2f} ms;"
            f" 16 connections: {self.per_second:5.0f} calls/s"
        )


def compare(ours: Request, seconds: float) -> list[Measure]:
    """Us and each peer in turn. Raises PeerFailed.

    The best peer is the one that does best against us in the rounds that alternated with its own:
    on a busy machine, figures of different minutes do not compare.
    """
    pairs: list[tuple[Rounds, Rounds]] = []
    for peer in ALL:
        us, them = Rounds(), Rounds()
        with running(peer) as request:
            run_load(request, connections=16, seconds=1)
            for _ in range(ROUNDS):
                us.measure(ours, seconds)
                them.measure(request, seconds)
        print(them.line(f"{peer.name} {peer.version()}"))
        print(us.line("  algoport beside it"), flush=True)
        pairs.append((us, them))
    quickest = max(pairs, key=lambda pair: pair[0].p50_ms / pair[1].p50_ms)
    steadiest = max(pairs, key=lambda pair: pair[0].p99_ms / pair[1].p99_ms)
    busiest = min(pairs, key=lambda pair: pair[0].per_second / pair[1].per_second)
    p50, p99 = (f"{name}, 1 connection / best peer" for name in ("p50", "p99"))
    rate = "calls, 16 connections / best peer"
    return [
        Measure(p50, quickest[0].p50_ms, "ms", quickest[1].p50_ms, 0.8),
        Measure(p99, steadiest[0].p99_ms, "ms", steadiest[1].p99_ms, 1.2),
        Measure(rate, busiest[0].per_second, "/s", busiest[1].per_second, 2, more_is_better=True),
    ]
