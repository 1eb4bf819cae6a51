"""Restarts, the words for them, and what a start says."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from algoport.launcher import postgres
from algoport.launcher.console import greeting
from algoport.launcher.errors import StartRefused
from algoport.launcher.programs import Folders, child_environ, worker_program
from algoport.launcher.supervisor import describe_end, restart_delay

ROOT = Path(__file__).resolve().parents[3]
# In a process of its own: it takes over the signals and the children of its process.
SCRIPT = """
import algoport, os, signal, sys
from pathlib import Path
from algoport.launcher.leftovers import RecordBook
from algoport.launcher.processes import Program
from algoport.launcher.supervisor import Supervisor

folder = Path(sys.argv[1])
said = []

def say(line):
    said.append(line)
    print(line, flush=True)
    if len(said) == 2:
        os.kill(os.getpid(), signal.SIGTERM)

supervisor = Supervisor(RecordBook(folder / "processes.json"), say)
supervisor.take_signals()
print("step", supervisor.run_step("step", lambda: 3))
command = ("/bin/sh", "-c", "sleep 77 & echo started; " + sys.argv[2])
supervisor.start(Program("it", command, folder, dict(os.environ), folder / "it.log"))
supervisor.watch()
supervisor.stop([["it"]])
print("children", Path("/proc/self/task/%d/children" % os.getpid()).read_text().split())
"""


@pytest.mark.parametrize(
    ("failures", "seconds"), [(0, 0), (1, 0.5), (2, 1), (3, 2), (7, 30), (50, 30)]
)
def test_delays_grow_to_a_limit(failures: int, seconds: float) -> None:
    assert restart_delay(failures) == seconds


def test_ends_are_described() -> None:
    assert describe_end(-signal.SIGKILL) == "was killed by SIGKILL"
    assert describe_end(3) == "ended with status 3"


# A process that goes on as its child again and again, so that a list of processes is soon outdated.
HOPPER = "python3 -c 'import os, time\nwhile not os.fork(): time.sleep(0.003)' & "


@pytest.mark.parametrize("leaves", ["", HOPPER])
def test_a_supervisor_restarts_and_leaves_nothing(tmp_path: Path, leaves: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path), f"{leaves}sleep 0.1; exit 4"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
    )

    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "step 3"
    assert lines[1] == "it ended with status 4; starting it again now"
    assert lines[2] == "started"
    assert lines[-1] == "children []"
    assert not (tmp_path / "processes.json").exists()


def test_children_keep_byte_code_and_find_the_data_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.setenv("ALGOPORT_DATA", "relative")

    environ = child_environ("web", Path("/data"), Path("/metrics"))

    assert "PYTHONDONTWRITEBYTECODE" not in environ
    assert environ["ALGOPORT_DATA"] == "/data"
    assert environ["ALGOPORT_PROCESS"] == "web"


def test_the_worker_takes_every_queue() -> None:
    folders = Folders(ROOT, Path("/data"), Path("/data"), Path("/metrics"))
    command = " ".join(worker_program(folders, 4, "info").command)

    assert "celery -A algoport --quiet worker --pool threads --concurrency 4" in command
    assert "-Q builds,runners,calls,periodic" in command


def test_the_greeting_has_all_that_is_needed(tmp_path: Path) -> None:
    account = {"username": "demo", "password": "secret", "api_key": "sim123"}
    (tmp_path / "first-run.json").write_text(json.dumps(account))

    text = greeting("http://h:1", tmp_path, "sandbox", True, 1.25)

    for part in ("http://h:1", "demo / secret", "sim123", "sandbox", "1.2 s", "first-run.json"):
        assert part in text
    assert "curl http://h:1/v1/algo/demo/Hello" in text


def test_the_greeting_without_isolation_promises_no_call(tmp_path: Path) -> None:
    text = greeting("http://h:1", tmp_path, None, False, 1.0)

    assert "no algorithm can be run" in text
    assert "curl" not in text


def test_a_database_of_another_version_is_refused(tmp_path: Path) -> None:
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres" / "PG_VERSION").write_text("16\n")

    with pytest.raises(StartRefused, match="is of PostgreSQL 16; these programs are 18"):
        postgres.prepare(tmp_path)


def test_the_server_is_reached_by_its_socket_alone(tmp_path: Path) -> None:
    if os.geteuid() == 0 and not postgres._has_system_user():
        postgres._ensure_system_user()
    program = postgres.postgres_program(tmp_path, tmp_path / "pg", tmp_path / "log", 100)

    assert "listen_addresses=" in program.command
    assert "fsync=off" not in program.command
    assert program.stop_signal == program.orphan_signal == signal.SIGINT
