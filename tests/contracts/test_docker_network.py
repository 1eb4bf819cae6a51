"""What a container reaches, with a network and without: probes from inside, servers all around."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from algoport.containers.docker_runtime import DockerRuntime, connect
from algoport.containers.egress_policy import EgressPolicy, PublicInternet
from algoport.containers.engine import Image, RunnerSpec
from algoport.containers.errors import RuntimeUnavailable
from algoport.internet import own_addresses
from tests.contracts.test_runtime import SMALL, Session, leave_out

pytestmark = [pytest.mark.sandbox, pytest.mark.xdist_group("sandbox")]

Start = Callable[[EgressPolicy | None], Session]

SOURCE = """
import os
import socket


def probe(where, size):
    family = socket.AF_UNIX if isinstance(where, str) else socket.AF_INET
    with socket.socket(family) as connection:
        connection.settimeout(1)
        try:
            connection.connect(where if isinstance(where, str) else tuple(where))
        except OSError as exc:
            return type(exc).__name__
        try:
            return connection.recv(size).decode()
        except TimeoutError:
            return "connected"


def apply(places):
    return [probe(where, 100) for where in places]
"""
# Of ranges that are assigned and routed nowhere here: one of the internet, one that is private.
OUTSIDE, OUTSIDE_HOST = "11.203.77.2", "11.203.77.1"
PRIVATE = "10.203.77.2"
PORT = 4711
SERVER = f"""
import socket, threading
for address in ({OUTSIDE!r}, {PRIVATE!r}):
    def serve(server=socket.create_server((address, {PORT}))):
        while True:
            server.accept()[0].sendall(b"hello")
    threading.Thread(target=serve).start()
print("ready", flush=True)
"""


def run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)


@contextmanager
def outside() -> Iterator[None]:
    """A host elsewhere: a network namespace with a public address and a private one."""
    name = f"ap{os.getpid()}"
    run("ip", "netns", "add", name)
    try:
        run("ip", "link", "add", f"{name}a", "type", "veth", "peer", f"{name}b", "netns", name)
        run("ip", "address", "add", f"{OUTSIDE_HOST}/24", "dev", f"{name}a")
        run("ip", "link", "set", f"{name}a", "up")
        run("ip", "route", "add", PRIVATE, "via", OUTSIDE)
        for command in (
            ("link", "set", "lo", "up"),
            ("link", "set", f"{name}b", "up"),
            ("address", "add", f"{OUTSIDE}/24", "dev", f"{name}b"),
            ("address", "add", f"{PRIVATE}/32", "dev", "lo"),
        ):
            run("ip", "-n", name, *command)
        server = subprocess.Popen(
            ["ip", "netns", "exec", name, "python3", "-c", SERVER], stdout=subprocess.PIPE
        )
        assert server.stdout is not None and server.stdout.readline() == b"ready\n"
        try:
            yield
        finally:
            server.kill()
            server.wait()
            server.stdout.close()
    finally:
        run("ip", "netns", "delete", name)


def hello(address: str) -> bytes:
    with socket.create_connection((address, PORT), 5) as connection:
        return connection.recv(100)


@pytest.fixture(scope="module")
def runtime() -> Iterator[DockerRuntime]:
    if os.geteuid() != 0 or shutil.which("iptables") is None or shutil.which("ip") is None:
        leave_out("networks of containers need root, iptables and ip")
    folder = Path(tempfile.mkdtemp(prefix="ap-dn-"))
    folder.chmod(0o755)
    try:
        made = DockerRuntime(folder / "s", folder / "r")
    except RuntimeUnavailable as exc:
        leave_out(str(exc))
    assert "packet filter" in made.check()
    yield made
    made.prune(frozenset(), frozenset())
    made.stop_watchdog()
    shutil.rmtree(folder)


@pytest.fixture
def start(runtime: DockerRuntime, environment: Path) -> Iterator[Start]:
    folder = Path(tempfile.mkdtemp(prefix="ap-src-"))
    source = folder / "algorithm" / os.urandom(8).hex()
    (source / "src").mkdir(parents=True)
    (source / "src" / "A.py").write_text(SOURCE)
    for each in (folder, source.parent, source, source / "src"):
        each.chmod(0o755)
    with ExitStack() as at_end:
        at_end.callback(shutil.rmtree, folder)

        def begin(egress: EgressPolicy | None) -> Session:
            spec = RunnerSpec(
                f"n{os.urandom(6).hex()}",
                Image(environment, source, None),
                SMALL,
                {"ALGORITHM_NAME": "A"},
                egress,
            )
            session = Session(runtime.start_runner(spec), {})
            at_end.callback(session.runner.kill)
            at_end.callback(session.close)
            assert session.until(b"r", b"e")[0] == b"r"
            return session

        yield begin


@pytest.mark.parametrize("network", ["isolated", "full"])
def test_a_container_reaches_nothing_near_us(start: Start, network: str) -> None:
    full = network == "full"
    with outside(), ExitStack() as servers:
        assert hello(OUTSIDE) == hello(PRIVATE) == b"hello"
        everywhere = servers.enter_context(socket.create_server(("0.0.0.0", 0)))
        local = servers.enter_context(socket.create_server(("127.0.0.1", 0)))
        neighbour = start(PublicInternet())
        session = start(PublicInternet() if full else None)
        own = sorted(str(each) for each in own_addresses() if each.version == 4)
        others = addresses_of_containers()
        assert others and OUTSIDE_HOST in own and any(each.startswith("172.") for each in own)
        near: list[object] = [
            *((address, everywhere.getsockname()[1]) for address in own),
            ("127.0.0.1", local.getsockname()[1]),
            *((address, port) for address in others for port in (9000, 3128)),
            ("169.254.169.254", 80),
            ("168.63.129.16", 80),
            (PRIVATE, PORT),
            "/var/run/docker.sock",
            "/run/docker.sock",
            str(neighbour.runner.agent_socket),
        ]
        answers = session.call(near)["result"]
        allowed = {"ConnectionRefusedError", "FileNotFoundError", "OSError", "TimeoutError"}
        assert set(answers) <= allowed, dict(zip(map(str, near), answers, strict=True))
        for server in (everywhere, local):
            server.settimeout(0)
            with pytest.raises(BlockingIOError):
                server.accept()
        reached = session.call([(OUTSIDE, PORT)])["result"]
        assert reached == ["hello"] if full else reached != ["hello"]
        # Where mail is delivered is closed wherever it is.
        assert session.call([(OUTSIDE, 25)])["result"][0] in allowed


def test_the_platforms_own_hosts_are_refused_wherever_they_are(start: Start) -> None:
    with outside():
        assert start(PublicInternet()).call([(OUTSIDE, PORT)])["result"] == ["hello"]
        # A database with a public address, say. Its rules stay for all that come after.
        try:
            session = start(PublicInternet([OUTSIDE]))
            assert session.call([(OUTSIDE, PORT)])["result"] != ["hello"]
        finally:
            rule = ("ALGOPORT", "-d", OUTSIDE, "-j", "REJECT")
            subprocess.run(("iptables", "--wait", "-D", *rule), check=True)


def addresses_of_containers() -> list[str]:
    client = connect()
    try:
        networks = [each["NetworkSettings"]["Networks"] for each in client.containers()]
    finally:
        client.close()
    found = [network["IPAddress"] for each in networks for network in each.values()]
    return [address for address in found if address]


def test_a_container_without_rules_has_no_interface(
    runtime: DockerRuntime, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runtime._network, "_has_rules", False)
    assert "proxy" in runtime.check()
    with outside():
        assert start(PublicInternet()).call([(OUTSIDE, PORT)])["result"] != ["hello"]
