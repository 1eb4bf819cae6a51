"""Several hosts on one machine: network namespaces on a bridge, which can be killed and cut off.

PostgreSQL and Valkey are in a namespace of their own, on TCP. The bridge is there too, where no
rules of this machine's firewall apply.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import psycopg2
import pytest
import redis

from algoport.launcher import postgres, valkey
from algoport.launcher.processes import Program
from algoport.settings.env import socket_folder
from tests.acceptance.platform import ROOT, Platform, answers, wait_until

START_SECONDS = 90
_SERVICES = 1
_TEST = 254


def run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"
    return done.stdout


def require_namespaces() -> None:
    """Left out loudly, or with ALGOPORT_TEST_STRICT failed, where there can be no namespaces."""
    reason = ""
    if os.geteuid() != 0 or shutil.which("ip") is None:
        reason = "hosts are network namespaces, which need root and iproute2"
    else:
        name = f"ap-try-{uuid.uuid4().hex[:6]}"
        made = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True)
        if made.returncode == 0:
            run("ip", "netns", "del", name)
        else:
            reason = f"this machine makes no network namespaces: {made.stderr.strip()}"
    if reason and os.environ.get("ALGOPORT_TEST_STRICT"):
        pytest.fail(reason)
    if reason:
        pytest.skip(reason)


class Network:
    """Namespaces `PREFIX-NAME` with the addresses 10.N.0.X, joined by a bridge."""

    def __init__(self) -> None:
        self._prefix = f"ap{uuid.uuid4().hex[:4]}"
        # Of the tests that run at the same time each has another one.
        self._subnet = f"10.{100 + os.getpid() % 100}"
        self._members: list[str] = []
        self.switch = f"{self._prefix}-sw"
        run("ip", "netns", "add", self.switch)
        self._in(self.switch, "link", "set", "lo", "up")
        self._in(self.switch, "link", "add", "name", "hub", "type", "bridge")
        self._in(self.switch, "addr", "add", f"{self.address(_SERVICES)}/24", "dev", "hub")
        self._in(self.switch, "link", "set", "hub", "up")
        # The test itself.
        self._cable(None, _TEST)

    def address(self, number: int) -> str:
        return f"{self._subnet}.0.{number}"

    def add(self, name: str, number: int) -> str:
        """A host; its namespace."""
        namespace = f"{self._prefix}-{name}"
        run("ip", "netns", "add", namespace)
        self._members.append(namespace)
        self._in(namespace, "link", "set", "lo", "up")
        self._cable(namespace, number)
        return namespace

    def set_link(self, number: int, state: str) -> None:
        """Pull a host's cable (`down`), or put it back (`up`)."""
        self._in(self.switch, "link", "set", f"p{number}", state)

    def close(self) -> None:
        for namespace in [*self._members, self.switch]:
            kill_all(namespace)
            run("ip", "netns", "del", namespace)

    def _cable(self, namespace: str | None, number: int) -> None:
        ours = f"{self._prefix}v{number}"
        run(
            *("ip", "link", "add", ours, "type", "veth"),
            *("peer", "name", f"p{number}", "netns", self.switch),
        )
        self._in(self.switch, "link", "set", f"p{number}", "master", "hub", "up")
        address = f"{self.address(number)}/24"
        if namespace is None:
            run("ip", "addr", "add", address, "dev", ours)
            run("ip", "link", "set", ours, "up")
            return
        run("ip", "link", "set", ours, "netns", namespace)
        self._in(namespace, "addr", "add", address, "dev", ours)
        self._in(namespace, "link", "set", ours, "up")

    def _in(self, namespace: str, *arguments: str) -> None:
        run("ip", "-n", namespace, *arguments)


def kill_all(namespace: str) -> None:
    """Kill everything that runs in a namespace, as when its machine loses power."""

    def is_empty() -> bool:
        pids = run("ip", "netns", "pids", namespace).split()
        for pid in pids:
            try:
                os.kill(int(pid), signal.SIGKILL)
            except ProcessLookupError:
                continue
        return not pids

    wait_until(is_empty, 10, f"nothing runs in {namespace}")


@dataclass
class Host:
    """One host, which runs some parts of the platform with `manage.py up --only`."""

    name: str
    number: int
    namespace: str
    parts: tuple[str, ...]
    cluster: "Cluster"
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def address(self) -> str:
        return self.cluster.network.address(self.number)

    @property
    def url(self) -> str:
        return f"http://{self.address}:8080"

    @property
    def log(self) -> Path:
        return self.cluster.data.parent / f"{self.name}.log"

    @property
    def environ(self) -> dict[str, str]:
        forwarding = {"ALGOPORT_HOST_ADDRESS": f"{self.address}:7000"}
        return {
            **self.cluster.environ,
            "ALGOPORT_HOST_ID": self.name,
            "ALGOPORT_HOST": self.address,
            "ALGOPORT_PORT": "8080",
            **(forwarding if "worker" in self.parts else {}),
        }

    @property
    def platform(self) -> Platform:
        """The platform as this host's web process answers for it."""
        return Platform(self.url, self.cluster.data, self.environ)

    def start(self) -> None:
        command = [sys.executable, "manage.py", "up", "--only", *self.parts]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                ["ip", "netns", "exec", self.namespace, *command],
                cwd=ROOT,
                env=self.environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def wait_until_ready(self) -> None:
        def is_ready() -> bool:
            assert self.process is not None
            assert self.process.poll() is None, self.log.read_text()[-4000:]
            is_known = "worker" not in self.parts or self.name in self.cluster.workers()
            return is_known and ("web" not in self.parts or answers(self.url))

        wait_until(is_ready, START_SECONDS, f"host {self.name} is ready")

    def kill(self) -> None:
        kill_all(self.namespace)
        assert self.process is not None
        self.process.wait()

    def pids(self, marker: str) -> list[int]:
        """Its processes whose command line has this."""
        found = []
        for pid in run("ip", "netns", "pids", self.namespace).split():
            try:
                command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ")
            except OSError:
                continue
            if marker.encode() in command:
                found.append(int(pid))
        return found

    def restart(self, part: str) -> None:
        """Have `up` start a part anew: it is told to stop, and ends what it has to do first."""
        marker = {"web": "gunicorn", "worker": "celery -A algoport --quiet worker"}[part]
        # The master of a web server is older than its workers.
        old = min(self.pids(marker))
        worker = self.cluster.workers().get(self.name, {}).get("worker_id")
        os.kill(old, signal.SIGTERM)

        def is_back() -> bool:
            if old in self.pids(marker):
                return False
            if part == "web":
                return answers(self.url)
            told = self.cluster.workers().get(self.name)
            return told is not None and told["worker_id"] != worker

        wait_until(is_back, START_SECONDS, f"the {part} of {self.name} is back")

    def forwarded(self) -> int:
        """How many calls of other hosts it has at this moment."""
        listening = f"sport = :{7000}"
        lines = run(
            *("ip", "netns", "exec", self.namespace),
            *("ss", "-Htn", "state", "established", listening),
        )
        return len(lines.splitlines())


@dataclass
class Cluster:
    """Hosts that share a data folder, a database and a broker."""

    network: Network
    data: Path
    hosts: dict[str, Host] = field(default_factory=dict)
    services: "list[subprocess.Popen[bytes]]" = field(default_factory=list)

    @property
    def environ(self) -> dict[str, str]:
        services = self.network.address(_SERVICES)
        return {
            "PATH": os.environ["PATH"],
            "HOME": os.environ.get("HOME", "/"),
            "ALGOPORT_DATA": str(self.data),
            "ALGOPORT_RUNTIME": "sandbox",
            "ALGOPORT_WEB_PROCESSES": "1",
            "ALGOPORT_WORKER_THREADS": "4",
            "ALGOPORT_DRAIN_SECONDS": "15",
            "DATABASE_URL": f"postgresql://{postgres.SUPERUSER}@{services}:5432/algoport",
            "REDIS_URL": f"redis://{services}:6379/0",
        }

    def wait(self) -> None:
        """Everything was killed."""
        hosts = [host.process for host in self.hosts.values()]
        for process in [*self.services, *hosts]:
            if process is not None:
                process.wait(10)

    def valkey(self) -> "redis.Redis":
        return redis.Redis.from_url(self.environ["REDIS_URL"], socket_timeout=5)

    def execute(self, sql: str) -> list[tuple[Any, ...]]:
        """The rows that a statement returns."""
        connection = psycopg2.connect(self.environ["DATABASE_URL"])
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(sql)
            rows = cursor.fetchall() if cursor.description else []
        connection.close()
        return rows

    def workers(self) -> dict[str, dict[str, object]]:
        """What the workers that live have announced, by their hosts."""
        with self.valkey() as valkey:
            keys = list(valkey.scan_iter("algoport:worker-host:*"))
            told = [orjson.loads(each) for each in valkey.mget(keys) if each] if keys else []
        return {each["host_id"]: each for each in told}

    def add(self, name: str, *parts: str) -> Host:
        number = len(self.hosts) + 2
        host = Host(name, number, self.network.add(name, number), parts, self)
        self.hosts[name] = host
        return host


@contextmanager
def cluster(environments: Path) -> Iterator[Cluster]:
    """A cluster without hosts; `environments` are those of another platform, to save time."""
    folder = Path(tempfile.mkdtemp(prefix="ap-hosts-"))
    folder.chmod(0o755)
    data = folder / "var"
    data.mkdir()
    shutil.copytree(environments, data / "environments", symlinks=True, copy_function=os.link)
    with ExitStack() as on_end:
        on_end.callback(shutil.rmtree, folder, ignore_errors=True)
        network = Network()
        made = Cluster(network, data)
        on_end.callback(_remove_sockets, made)
        on_end.callback(made.wait)
        on_end.callback(network.close)
        made.services.append(_start_valkey(network, folder))
        made.services.append(_start_postgres(network, folder))
        yield made


def _remove_sockets(made: Cluster) -> None:
    for name in made.hosts:
        shutil.rmtree(socket_folder(made.data, name), ignore_errors=True)


def _start_valkey(network: Network, folder: Path) -> "subprocess.Popen[bytes]":
    command = valkey.valkey_program(folder / "valkey.sock", folder / "valkey.log").command
    address = network.address(_SERVICES)
    more = ("--port", "6379", "--bind", address, "--protected-mode", "no")
    process = _start_in(network.switch, [*command, *more], folder / "valkey.log")

    def is_ready() -> bool:
        try:
            with redis.Redis(address, 6379) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False

    wait_until(is_ready, 20, "Valkey answers")
    return process


def _start_postgres(network: Network, folder: Path) -> "subprocess.Popen[bytes]":
    service, sockets = folder / "pg", folder / "pgs"
    service.mkdir()
    postgres.prepare(service)
    postgres.make_private_folder(sockets)
    address = network.address(_SERVICES)
    with (service / "postgres" / "pg_hba.conf").open("a") as rules:
        rules.write("host all all 10.0.0.0/8 trust\n")
    program: Program = postgres.postgres_program(service, sockets, folder / "pg.log", 300)
    own = ["-c", f"listen_addresses={address}", "-c", "fsync=off"]
    user = program.user
    assert user is not None
    drop = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
    process = _start_in(
        network.switch, [*drop, *program.command, *own], folder / "pg.log", program.folder
    )

    def is_ready() -> bool:
        try:
            connection = psycopg2.connect(host=address, user=postgres.SUPERUSER, dbname="postgres")
        except psycopg2.OperationalError:
            return False
        connection.autocommit = True
        connection.cursor().execute("CREATE DATABASE algoport")
        connection.close()
        return True

    wait_until(is_ready, 30, "PostgreSQL answers")
    return process


def _start_in(
    namespace: str, command: list[str], log: Path, folder: Path | None = None
) -> "subprocess.Popen[bytes]":
    with log.open("ab") as output:
        return subprocess.Popen(
            ["ip", "netns", "exec", namespace, *command],
            cwd=folder,
            env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
