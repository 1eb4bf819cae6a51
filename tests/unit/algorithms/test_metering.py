"""Records of calls: written before the answer, in the database once."""

import multiprocessing
import os
import signal
import time
import uuid
from dataclasses import replace
from pathlib import Path

import orjson
import pytest
from django.db import DatabaseError

from algoport import metrics
from algoport.accounts.permissions import Principal, PrincipalKind
from algoport.http.tracing import Session, Trace
from algoport.journals.segments import CLOSED, OPEN, SEGMENT_SECONDS, held
from algorithms.errors import RunFailed
from algorithms.features.switching import Switch
from algorithms.metering import writing
from algorithms.metering.journal import ErrorJournal, Journal
from algorithms.metering.records import CALLS, CallRecord
from algorithms.metering.writing import write_algorithm_errors, write_call_records
from algorithms.models import AlgorithmError
from algorithms.models import CallRecord as Row
from algorithms.selectors import Target
from tests.metrics import value_of

pytestmark = pytest.mark.django_db


def target() -> Target:
    return Target(
        build_id=uuid.uuid4(),
        rootfs="root",
        packages="",
        algorithm_id=uuid.uuid4(),
        owner_id=uuid.uuid4(),
        owner="demo",
        name="Hello",
        pipeline_enabled=True,
        network_access="full",
        is_owner=True,
        may_read_source=True,
        version="1.2.3",
        secrets="",
        machine="cpu",
        base_image="",
    )


def record(bytes_in: int = 3) -> CallRecord:
    caller = Principal(PrincipalKind.KEY, uuid.uuid4(), "demo", key_id=uuid.uuid4())
    return CallRecord(Trace(Session()), caller, target(), bytes_in, "sync")


def test_a_record_arrives_whole(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    made = record(10)
    made.trace.phases["run"] = 0.25
    journal.write(made, 200, "", 77)
    journal.close()
    assert write_call_records(tmp_path) == 1
    row = Row.objects.get()
    assert row.request_id == made.trace.id and row.session_id == made.trace.session.id
    assert row.caller_id == made.caller.user_id and row.key_id == made.caller.key_id
    assert row.algorithm_id == made.target.algorithm_id and row.version == "1.2.3"
    assert abs(row.started_at.timestamp() - made.trace.began_at) < 1e-3
    assert (row.status, row.bytes_in, row.bytes_out, row.run_seconds) == (200, 10, 77, 0.25)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["a\tb", "a\nb", "\\N", "\\", "\x00x", "\ud800", "x" * 500, "é"])
def test_an_algorithm_cannot_break_a_line(tmp_path: Path, name: str) -> None:
    journal = Journal(tmp_path)
    journal.write(record(), 200, name, 1)
    journal.write(record(), 200, "", 1)
    journal.close()
    assert write_call_records(tmp_path) == 2


def test_what_is_being_written_to_is_left_alone(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.write(record(), 200, "", 1)
    assert write_call_records(tmp_path) == 0
    (segment,) = tmp_path.iterdir()
    assert segment.suffix == OPEN
    journal.tend()
    assert segment.exists()
    journal._since -= SEGMENT_SECONDS
    journal.tend()
    assert segment.with_suffix(CLOSED).exists()
    journal.write(record(), 200, "", 1)
    assert write_call_records(tmp_path) == 1


def _write_and_die(folder: Path) -> None:
    journal = Journal(folder)
    for _ in range(100):
        journal.write(record(), 200, "", 1)
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_killed_process_loses_nothing(tmp_path: Path) -> None:
    process = multiprocessing.get_context("fork").Process(target=_write_and_die, args=(tmp_path,))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    (segment,) = tmp_path.iterdir()
    os.utime(segment, (0, 0))
    assert write_call_records(tmp_path) == 100


def test_a_failed_write_is_done_again_without_doubles(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(tmp_path)
    first, second = record(), record()
    journal.write(first, 200, "", 1)
    journal.close()
    (segment,) = tmp_path.iterdir()
    content = segment.read_bytes()
    # Killed between the commit and the removal.
    write_call_records(tmp_path)
    segment.write_bytes(content)
    journal.write(second, 200, "", 1)
    journal.close()
    assert write_call_records(tmp_path) == 1
    assert Row.objects.count() == 2
    with monkeypatch.context() as patch:
        patch.setattr(writing, "CALLS", replace(CALLS, table="nowhere"))
        journal.write(record(), 200, "", 1)
        journal.close()
        with pytest.raises(DatabaseError):
            write_call_records(tmp_path)
    assert write_call_records(tmp_path) == 1


def test_a_segment_that_was_cut_off_holds_up_no_other(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.write(record(), 200, "", 1)
    journal.close()
    (segment,) = tmp_path.iterdir()
    segment.write_bytes(segment.read_bytes()[:-30])
    journal.write(record(), 200, "", 1)
    journal.close()
    assert write_call_records(tmp_path) == 1
    assert [each.suffix for each in tmp_path.iterdir()] == [".unreadable"]


def test_two_workers_do_not_write_the_same(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.write(record(), 200, "", 1)
    journal.close()
    (segment,) = tmp_path.iterdir()
    with held(segment) as descriptor:
        assert descriptor is not None
        assert write_call_records(tmp_path) == 0
    assert write_call_records(tmp_path) == 1


def enabled_errors(folder: Path) -> ErrorJournal:
    journal = ErrorJournal(folder)
    journal.switch = Switch(site=True)
    return journal


def test_a_failure_arrives_whole_and_cut_to_size(tmp_path: Path) -> None:
    journal = enabled_errors(tmp_path)
    made = record()
    given = b"j" + orjson.dumps(["\u00e9" * 5000])
    failure = RunFailed("m" * 20_000, "E" * 100, "s" * 40_000)
    journal.write(made, given, failure)
    journal.close()
    assert write_algorithm_errors(tmp_path) == 1
    row = AlgorithmError.objects.get()
    assert row.request_id == made.trace.id and row.algorithm_id == made.target.algorithm_id
    assert row.caller_id == made.caller.user_id and row.version == "1.2.3" and row.worker
    assert abs(row.created_at.timestamp() - time.time()) < 60
    assert row.input == '["' + "\u00e9" * 126
    assert (len(row.message), len(row.stacktrace), row.error_type) == (10_000, 20_000, "E" * 60)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (b'j{"a":\n1}', '{"a": 1}'),
        (b"thello", '"hello"'),
        (b"b\xff", '"/w=="'),
        (b"t\\N\t\\.", '"\\\\N\\t\\\\."'),
    ],
)
def test_an_entry_tells_the_beginning_of_the_input(tmp_path: Path, given: bytes, told: str) -> None:
    journal = enabled_errors(tmp_path)
    journal.write(record(), given, RunFailed("bad\tinput\n\\.\n", "InputError"))
    journal.close()
    assert write_algorithm_errors(tmp_path) == 1
    row = AlgorithmError.objects.get()
    assert row.input == told and row.message == "bad\tinput\n\\.\n" and row.stacktrace == ""


def test_calls_are_counted_and_their_failures_are_not(tmp_path: Path) -> None:
    def counted() -> float:
        return value_of(metrics.exposition().decode(), "algoport_call_records_written_total")

    before = counted()
    calls, errors = Journal(tmp_path / "calls"), enabled_errors(tmp_path / "errors")
    for made in (record(), record()):
        calls.write(made, 400, "InputError", 1)
        errors.write(made, b"", RunFailed("bad input", "InputError"))
    calls.close()
    errors.close()
    assert (
        write_call_records(tmp_path / "calls") == write_algorithm_errors(tmp_path / "errors") == 2
    )
    assert counted() == before + 2


def test_nothing_is_noted_unless_it_was_switched_on(tmp_path: Path) -> None:
    journal = ErrorJournal(tmp_path)
    journal.write(record(), b"", RunFailed("bad input", "InputError"))
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_fails_no_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = enabled_errors(tmp_path)

    def full(descriptor: int, line: bytes) -> int:
        raise OSError("no space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        journal.write(record(), b"", RunFailed("bad input", "InputError"))
    journal.write(record(), b"", RunFailed("bad input", "InputError"))
    journal.close()
    assert write_algorithm_errors(tmp_path) == 1


def test_failures_are_noted_for_owners_who_have_the_feature(tmp_path: Path) -> None:
    journal = ErrorJournal(tmp_path)
    mine, other = record(), record()
    for switch in (Switch(), Switch(False, {mine.target.owner_id: True})):
        journal.switch = switch
        for each in (mine, other):
            journal.write(each, b"j1", RunFailed("bad", "InputError"))
    journal.close()
    assert write_algorithm_errors(tmp_path) == 1
    assert AlgorithmError.objects.get().request_id == mine.trace.id
