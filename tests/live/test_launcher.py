"""`manage.py up` as its operator meets it: starts, stops, crashes, bad values."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
import requests

from tests.acceptance.platform import (
    ROOT,
    Platform,
    answers,
    free_port,
    start_platform,
    wait_until,
    wait_until_ready,
)

pytestmark = [
    pytest.mark.live,
    pytest.mark.xdist_group("launcher"),
    pytest.mark.timeout(300),
]
SECOND_START_SECONDS = 8
RESTART_SECONDS = 5
FIRST_RUN_KEYS = {
    *("url", "username", "password", "api_key"),
    *("admin_username", "admin_password", "admin_api_key"),
}


class Operator:
    """Starts and stops platforms on one data folder."""

    def __init__(self, folder: Path) -> None:
        self.data = folder / "var"
        self.log = folder / "up.log"
        self.platform: Platform | None = None

    def start(self) -> Platform:
        self.log.unlink(missing_ok=True)
        self.platform = start_platform(self.data, free_port(), self.log)
        wait_until_ready(self.platform, self.log)
        return self.platform

    def running(self) -> Platform:
        """The platform, started if it is not running."""
        if self.platform is not None and self.is_running():
            return self.platform
        return self.start()

    def is_running(self) -> bool:
        process = self.platform.process if self.platform is not None else None
        return process is not None and process.poll() is None

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        assert self.platform is not None
        return self.platform.stop(how)


def up_once(**variables: str) -> "subprocess.CompletedProcess[str]":
    """Run `manage.py up` with these variables until it ends by itself."""
    return subprocess.run(
        [sys.executable, "manage.py", "up"],
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            "HOME": os.environ.get("HOME", "/"),
            "ALGOPORT_RUNTIME": "sandbox",
            **variables,
        },
        capture_output=True,
        text=True,
        timeout=60,
    )


def the_line(done: "subprocess.CompletedProcess[str]") -> str:
    """The one line that a refused start says."""
    assert done.returncode == 1
    (line,) = [each for each in done.stderr.splitlines() if each]
    assert line.startswith("algoport: ")
    return line


def processes_below(folder: Path) -> list[str]:
    """Processes that have to do with a folder: by command, environment or working folder."""
    found = []
    for process in psutil.process_iter():
        try:
            traces = [*process.cmdline(), process.cwd(), process.environ().get("ALGOPORT_DATA", "")]
        except psutil.Error:
            continue
        if any(str(folder) in trace for trace in traces):
            found.append(f"{process.pid} {process.cmdline()}")
    return found


def assert_nothing_is_left(operator: Operator, family: list[psutil.Process]) -> None:
    assert alive(family) == []
    assert processes_below(operator.data) == []
    assert not (operator.data / "run").exists()
    assert not (operator.data / "processes.json").exists()
    assert not (operator.data / "demo-clone").exists()


def alive(family: list[psutil.Process]) -> list[psutil.Process]:
    """Those that still run; one that nobody has waited for yet does not."""
    found = []
    for process in family:
        try:
            if process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.NoSuchProcess:
            continue
    return found


def family_of(platform: Platform) -> list[psutil.Process]:
    assert platform.process is not None
    return psutil.Process(platform.process.pid).children(recursive=True)


@contextmanager
def new_operator() -> Iterator[Operator]:
    """An operator with an empty folder, whose platform is stopped in the end."""
    folder = Path(tempfile.mkdtemp(prefix="ap-up-"))
    folder.chmod(0o755)  # As root, the database's user must get through.
    operator = Operator(folder)
    try:
        yield operator
    finally:
        if operator.is_running():
            operator.stop()
        shutil.rmtree(folder)


@pytest.fixture(scope="module")
def operator() -> Iterator[Operator]:
    """One data folder for the module: what a first start makes takes its time."""
    with new_operator() as made:
        yield made


@pytest.fixture
def folder() -> Iterator[Path]:
    """An empty folder that other users can reach, unlike pytest's own."""
    with tempfile.TemporaryDirectory(prefix="ap-up-") as made:
        Path(made).chmod(0o755)
        yield Path(made)


@pytest.fixture
def stopped(operator: Operator) -> Operator:
    """The operator, after a first start, with nothing running."""
    operator.running()
    operator.stop()
    return operator


def test_a_first_start_leaves_accounts_and_a_published_algorithm(operator: Operator) -> None:
    platform = operator.running()

    assert set(platform.first_run) == FIRST_RUN_KEYS
    assert (operator.data / "first-run.json").stat().st_mode & 0o777 == 0o600
    assert platform.first_run["api_key"] in operator.log.read_text()
    result = platform.demo.client.algo("demo/Hello").pipe("you").result
    assert "you" in result


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_stopped_platform_leaves_nothing(operator: Operator, how: signal.Signals) -> None:
    platform = operator.running()
    family = family_of(platform)

    assert operator.stop(how) == 0

    assert_nothing_is_left(operator, family)


def test_a_second_start_is_quick(stopped: Operator) -> None:
    began = time.monotonic()
    stopped.start()
    seconds = time.monotonic() - began

    assert seconds < SECOND_START_SECONDS


def test_a_killed_platform_takes_everything_along_and_starts_again(operator: Operator) -> None:
    platform = operator.running()
    family = family_of(platform)
    key = platform.first_run["api_key"]

    operator.stop(signal.SIGKILL)
    again = operator.start()

    assert alive(family) == []
    assert again.first_run["api_key"] == key
    family = family_of(again)
    assert operator.stop() == 0
    assert_nothing_is_left(operator, family)


def test_a_lock_of_a_dead_postgres_does_not_matter(stopped: Operator) -> None:
    # After a restart of a container some other process may well have that pid.
    lock = stopped.data / "postgres" / "postmaster.pid"
    lock.write_text(f"{os.getpid()}\n{lock.parent}\n1\n5432\n/nowhere\n\n0 0\nready   \n")
    shutil.chown(lock, lock.parent.owner(), lock.parent.group())

    stopped.start()


@pytest.mark.parametrize(
    ("marker", "name"),
    [
        ("celery -A algoport --quiet worker", "worker"),
        ("celery -A algoport.beat --quiet beat", "beat"),
        ("gunicorn", "web"),
    ],
)
def test_a_killed_process_comes_back(operator: Operator, marker: str, name: str) -> None:
    platform = operator.running()
    victims = platform.processes(marker)
    assert victims

    for pid in victims:
        os.kill(pid, signal.SIGKILL)

    def is_back() -> bool:
        return bool(set(platform.processes(marker)) - set(victims)) and answers(platform.url)

    wait_until(is_back, RESTART_SECONDS, f"{name} is back")
    assert f"{name} was killed by SIGKILL; starting it again now" in operator.log.read_text()


def test_a_killed_database_comes_back(operator: Operator) -> None:
    platform = operator.running()
    postmaster = int((operator.data / "postgres" / "postmaster.pid").read_text().split()[0])
    # In every web process, some threads have connections now.
    assert statuses_of_reads(platform) == {200}

    os.kill(postmaster, signal.SIGKILL)

    def is_back() -> bool:
        # A warm call would be answered without it.
        return requests.get(f"{platform.url}/readyz", timeout=10).status_code == 200

    wait_until(is_back, 30, "the database is back")
    # Nobody meets a connection that was cut.
    assert statuses_of_reads(platform) == {200}
    assert platform.demo.client.algo("demo/Hello").pipe("me").result


def statuses_of_reads(platform: Platform) -> set[int]:
    """What many reads of the management API and of data answer, over connections of their own."""
    headers = {"Authorization": f"Simple {platform.demo.key}"}

    def read(path: str) -> int:
        return requests.get(f"{platform.url}{path}", headers=headers, timeout=30).status_code

    with ThreadPoolExecutor(16) as threads:
        return set(threads.map(read, ("/v1/algorithms/demo/Hello", "/v1/data/.my") * 40))


def test_a_data_folder_in_use_is_refused(operator: Operator) -> None:
    platform = operator.running()
    assert platform.process is not None
    line = the_line(up_once(ALGOPORT_DATA=str(operator.data), ALGOPORT_PORT=str(free_port())))

    assert f"in use by a running platform (pid {platform.process.pid})" in line
    assert answers(platform.url)


def test_two_platforms_run_side_by_side(operator: Operator) -> None:
    first = operator.running()
    with new_operator() as other:
        second = other.start()
        assert answers(first.url) and answers(second.url)
        assert first.first_run["api_key"] != second.first_run["api_key"]
        family = family_of(second)
        assert other.stop() == 0
        assert_nothing_is_left(other, family)
        assert answers(first.url)


def test_a_stop_in_the_middle_of_the_start_leaves_nothing() -> None:
    with new_operator() as operator:
        operator.platform = start_platform(operator.data, free_port(), operator.log)
        wait_until(lambda: "making the database" in operator.log.read_text(), 20, "it has begun")
        family = family_of(operator.platform)
        assert operator.stop() == 0
        assert_nothing_is_left(operator, family)


def test_a_port_in_use_is_refused(folder: Path) -> None:
    with socket.socket() as occupied:
        occupied.bind(("127.0.0.1", 0))
        occupied.listen()
        port = occupied.getsockname()[1]
        line = the_line(up_once(ALGOPORT_DATA=str(folder / "var"), ALGOPORT_PORT=str(port)))

    assert line == f"algoport: cannot listen on 127.0.0.1 port {port}: the port is in use"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ALGOPORT_PORT", "http"),
        ("ALGOPORT_PORT", "70000"),
        ("ALGOPORT_HOST", "no such host"),
        ("ALGOPORT_HOST", "host.invalid"),
        ("ALGOPORT_URL", "localhost"),
        ("ALGOPORT_LOG_LEVEL", "loud"),
        ("ALGOPORT_SECRET_KEY", "short"),
        ("ALGOPORT_WEB_PROCESSES", "0"),
        ("ALGOPORT_WORKER_THREADS", "many"),
        ("ALGOPORT_RUN_CPUS", "0"),
        ("DATABASE_URL", "mysql://localhost/x"),
        ("REDIS_URL", "amqp://localhost"),
        ("ALGOPORT_DATA", "/etc/passwd"),
    ],
)
def test_a_bad_value_is_one_line_that_names_it(folder: Path, name: str, value: str) -> None:
    variables = {"ALGOPORT_DATA": str(folder / "var"), "ALGOPORT_PORT": str(free_port())}

    assert name in the_line(up_once(**{**variables, name: value}))
    assert not (folder / "var" / "postgres").exists()


def test_a_database_that_does_not_answer_is_said(folder: Path) -> None:
    done = up_once(
        ALGOPORT_DATA=str(folder / "var"),
        ALGOPORT_PORT=str(free_port()),
        DATABASE_URL=f"postgresql://nobody@127.0.0.1:{free_port()}/x",
    )

    assert "the database of DATABASE_URL does not answer" in the_line(done)
    assert processes_below(folder) == []
