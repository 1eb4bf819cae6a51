"""Which processes a killed predecessor has left, and which only look so."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path

from algoport.launcher.leftovers import (
    ProcessRecord,
    RecordBook,
    boot_id,
    end_leftovers,
    end_processes_in,
    read_records,
    still_running,
)
from algoport.launcher.processes import ProcessStatus, descendants_of, read_status

WEB = ProcessRecord("web", pid=100, start_time=5000)


def row(
    pid: int, *, session: int, start_time: int = 5000, is_zombie: bool = False
) -> ProcessStatus:
    return ProcessStatus(pid, 1, session, start_time, is_zombie)


def test_a_recorded_process_and_its_session_are_left_over() -> None:
    table = [row(100, session=100), row(101, session=100, start_time=5001), row(7, session=7)]

    assert [each.pid for each in still_running([WEB], table)] == [100, 101]


def test_members_outlive_their_leader() -> None:
    assert [each.pid for each in still_running([WEB], [row(101, session=100)])] == [101]


def test_a_pid_that_was_used_again_is_somebody_else() -> None:
    table = [row(100, session=100, start_time=9000), row(102, session=100, start_time=9001)]

    assert still_running([WEB], table) == []


def test_the_dead_are_not_waited_for() -> None:
    assert still_running([WEB], [row(100, session=100, is_zombie=True)]) == []


def test_records_are_read_back(tmp_path: Path) -> None:
    book = RecordBook(tmp_path / "processes.json")
    book.add("me", os.getpid())

    (record,) = read_records(tmp_path / "processes.json")

    status = read_status(os.getpid())
    assert status is not None
    assert record == ProcessRecord("me", os.getpid(), status.start_time)


def test_records_of_the_ended_are_removed(tmp_path: Path) -> None:
    book = RecordBook(tmp_path / "processes.json")
    book.add("me", os.getpid())
    book.remove(os.getpid())

    assert read_records(tmp_path / "processes.json") == []
    book.close()
    assert list(tmp_path.iterdir()) == []


def test_records_from_before_a_reboot_mean_nothing(tmp_path: Path) -> None:
    path = tmp_path / "processes.json"
    rows = [{"name": "web", "pid": 1, "start_time": 1}]
    path.write_text(json.dumps({"boot_id": "another", "processes": rows}))
    assert read_records(path) == []

    path.write_text(json.dumps({"boot_id": boot_id(), "processes": rows}))
    assert len(read_records(path)) == 1


def test_without_a_predecessor_there_are_no_records(tmp_path: Path) -> None:
    assert read_records(tmp_path / "processes.json") == []


def test_leftovers_get_the_time_to_end() -> None:
    with subprocess.Popen(["sleep", "0.3"], start_new_session=True) as process:
        status = read_status(process.pid)
        assert status is not None
        end_leftovers([ProcessRecord("sleep", process.pid, status.start_time)])
        assert process.wait() == 0


def test_processes_that_work_in_a_folder_are_ended(tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", "60"], cwd=tmp_path) as process:
        began = time.monotonic()
        end_processes_in(tmp_path)
        assert time.monotonic() - began < 5
        assert process.wait() == -signal.SIGQUIT


def test_descendants_are_found_at_every_depth() -> None:
    table = [
        ProcessStatus(2, 1, 2, 0, False),
        ProcessStatus(3, 2, 2, 0, False),
        ProcessStatus(4, 3, 4, 0, False),
        ProcessStatus(5, 1, 5, 0, False),
    ]

    assert [each.pid for each in descendants_of(2, table)] == [3, 4]
