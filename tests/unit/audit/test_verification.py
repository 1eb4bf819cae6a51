"""Every way of changing the trail is found, by its entry."""

import json
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.db.utils import IntegrityError, InternalError

from algoport.audit.chain import SIGNED_FIELDS, digest
from algoport.audit.checkpoints import checkpoint_file, write_checkpoint
from algoport.audit.models import AuditEntry, AuditHead
from algoport.audit.recording import act
from tests.audit_trail import tamper, unguarded, verify

Trail = Callable[[int], None]

EDITS = {
    "at": "at - interval '1 microsecond'",
    "actor_kind": "'root'",
    "actor_id": f"'{uuid.uuid4()}'",
    "actor_name": "'somebody'",
    "key_id": f"'{uuid.uuid4()}'",
    "via": "'api'",
    "impersonator_id": f"'{uuid.uuid4()}'",
    "impersonator_name": "'somebody'",
    "action": "'test.other'",
    "target_kind": "'user'",
    "target_id": "'1'",
    "target_name": "'demo'",
    "owner_id": f"'{uuid.uuid4()}'",
    "changes": 'changes || \'{"notes": {"index": 7}}\'',
    "request_id": "'req-1'",
    "key_mark": "'0123456789abcdef'",
    "previous_hash": f"'{'1' * 64}'",
    "hash": f"'{'1' * 64}'",
}


def test_a_trail_as_it_was_written_is_whole(trail: Trail) -> None:
    assert verify() == []
    trail(5)
    assert verify() == []
    write_checkpoint()
    trail(5)
    assert verify() == []


def test_every_column_has_an_edit() -> None:
    assert {*EDITS, "number"} == {*SIGNED_FIELDS, "hash"}


@pytest.mark.parametrize("column", EDITS)
def test_an_edit_of_any_column_is_found(trail: Trail, column: str) -> None:
    trail(5)
    tamper(f"UPDATE audit_auditentry SET {column} = {EDITS[column]} WHERE number = 3")
    assert any(line.startswith("entry 3 ") for line in verify())


@pytest.mark.parametrize("column", EDITS)
def test_an_edit_of_the_last_entry_is_found(trail: Trail, column: str) -> None:
    trail(3)
    tamper(f"UPDATE audit_auditentry SET {column} = {EDITS[column]} WHERE number = 3")
    assert any(line.startswith("entry 3 ") for line in verify())


def test_an_entry_given_another_number_is_found(trail: Trail) -> None:
    trail(5)
    tamper("UPDATE audit_auditentry SET number = 9 WHERE number = 5")
    assert "entry 9 was entry 5: the trail was put in another order" in verify()


@pytest.mark.parametrize("which", ["number = 3", "number IN (2, 3)", "number = 1"])
def test_removal_from_the_middle_is_found(trail: Trail, which: str) -> None:
    trail(5)
    tamper(f"DELETE FROM audit_auditentry WHERE {which}")
    expected = {
        "number = 3": "entry 3 is missing",
        "number IN (2, 3)": "entries 2 to 3 are missing",
        "number = 1": "entry 1 is missing",
    }
    assert verify() == [expected[which]]


def test_removal_with_the_gap_closed_is_found(trail: Trail) -> None:
    trail(5)
    tamper(
        "DELETE FROM audit_auditentry WHERE number = 3",
        "UPDATE audit_auditentry SET number = 3 WHERE number = 4",
        "UPDATE audit_auditentry SET number = 4 WHERE number = 5",
        "UPDATE audit_audithead SET number = 4",
    )
    assert verify() == [
        "entry 3 was entry 4: the trail was put in another order",
        "entry 4 was entry 5: the trail was put in another order",
    ]


def test_two_entries_in_each_others_place_are_found(trail: Trail) -> None:
    trail(5)
    tamper(
        "UPDATE audit_auditentry SET number = -1 WHERE number = 2",
        "UPDATE audit_auditentry SET number = 2 WHERE number = 4",
        "UPDATE audit_auditentry SET number = 4 WHERE number = -1",
    )
    found = verify()
    assert "entry 2 was entry 4: the trail was put in another order" in found
    assert "entry 4 was entry 2: the trail was put in another order" in found


def test_contents_of_two_entries_exchanged_are_found(trail: Trail) -> None:
    trail(4)
    tamper(
        "UPDATE audit_auditentry AS e SET changes = o.changes FROM audit_auditentry AS o"
        " WHERE e.number IN (2, 3) AND o.number = 5 - e.number"
    )
    assert verify() == ["entry 2 was edited", "entry 3 was edited"]


@pytest.mark.parametrize(
    ("which", "expected"),
    [("number = 5", "entry 5 is cut off"), ("number > 2", "entries 3 to 5 are cut off")],
)
def test_removal_of_the_tail_is_found(trail: Trail, which: str, expected: str) -> None:
    trail(5)
    tamper(f"DELETE FROM audit_auditentry WHERE {which}")
    assert verify() == [expected]


def test_removal_of_all_is_found(trail: Trail) -> None:
    trail(5)
    tamper("TRUNCATE audit_auditentry")
    assert verify() == ["entries 1 to 5 are cut off"]


def test_a_tail_cut_off_with_the_head_set_back_is_told_by_the_checkpoint(trail: Trail) -> None:
    trail(3)
    write_checkpoint()
    trail(2)
    made = write_checkpoint()
    assert made is not None
    _cut_to(3)
    assert verify() == [f"entries 4 to 5 are cut off: there {made.at}"]


def test_entries_written_in_place_of_those_cut_off_are_not_taken_for_them(trail: Trail) -> None:
    trail(5)
    made = write_checkpoint()
    assert made is not None
    _cut_to(3)
    trail(4)
    assert verify() == [f"entry 5 is not the one that was there {made.at}"]


def test_a_trail_begun_anew_is_told_by_the_checkpoint(trail: Trail) -> None:
    trail(4)
    write_checkpoint()
    tamper(
        "TRUNCATE audit_auditentry",
        "UPDATE audit_audithead SET number = 0, hash = repeat('0', 64)",
    )
    assert [line.partition(":")[0] for line in verify()] == ["entries 1 to 4 are cut off"]


def test_a_checkpoint_noted_elsewhere_speaks_as_well(trail: Trail) -> None:
    trail(5)
    made = write_checkpoint()
    assert made is not None
    checkpoint_file().unlink()
    _cut_to(3)
    assert verify() == []
    found = verify("--checkpoint", f"{made.number}:{made.hash}")
    assert found == ["entries 4 to 5 are cut off: there when the checkpoint was noted"]


def test_a_head_set_back_is_found(trail: Trail) -> None:
    trail(5)
    first = AuditEntry.objects.get(number=4)
    tamper(f"UPDATE audit_audithead SET number = 4, hash = '{first.hash}'")
    assert verify() == ["the head was set back to 4, or entry 5 is forged"]


def test_a_head_with_another_hash_is_found(trail: Trail) -> None:
    trail(2)
    tamper("UPDATE audit_audithead SET hash = repeat('1', 64)")
    assert verify() == ["the head does not name the entry 2 that is there"]


def test_a_head_that_is_gone_is_found_and_nothing_is_done_without_record(trail: Trail) -> None:
    trail(2)
    tamper("DELETE FROM audit_audithead")
    assert verify() == ["the head is missing"]
    with pytest.raises(Exception, match="lost its head"):
        trail(1)


@pytest.mark.parametrize("mark", ["its own", "another"])
def test_a_forged_row_at_the_end_is_found(trail: Trail, mark: str) -> None:
    trail(3)
    last = AuditEntry.objects.get(number=3)
    forged = AuditEntry(**{name: getattr(last, name) for name in SIGNED_FIELDS})
    forged.number, forged.previous_hash = 4, last.hash
    forged.key_mark = last.key_mark if mark == "its own" else "0123456789abcdef"
    values = (getattr(forged, name) for name in SIGNED_FIELDS)
    forged.hash = digest(b"a key of somebody", values)
    AuditEntry.objects.bulk_create([forged])
    with unguarded():
        AuditHead.objects.update(number=4, hash=forged.hash)
    found = verify()
    assert len(found) == 1 and found[0].startswith("entry 4 ")


def test_a_forged_row_in_a_gap_is_found(trail: Trail) -> None:
    trail(5)
    tamper("DELETE FROM audit_auditentry WHERE number = 3")
    fourth = AuditEntry.objects.get(number=4)
    fourth.pk = 3
    AuditEntry.objects.bulk_create([fourth])
    assert verify() == [
        "entry 3 was entry 4: the trail was put in another order",
        "entry 4 does not follow the entry 3 that is there",
    ]


@pytest.mark.parametrize(
    "edit",
    [
        "at = 'infinity'",
        "at = '9999-12-31T23:59:59Z'::timestamptz + interval '1 year'",
        "at = '0044-03-15 BC'",
        "changes = (repeat('[', 3000) || repeat(']', 3000))::jsonb",
        "changes = (repeat('9', 10000))::jsonb",
        "changes = 'null'",
    ],
)
def test_what_python_cannot_read_is_an_edit_like_any_other(trail: Trail, edit: str) -> None:
    trail(3)
    tamper(f"UPDATE audit_auditentry SET {edit} WHERE number = 2")
    assert verify() == ["entry 2 was edited"]


def test_a_checkpoint_line_that_was_changed_is_found(trail: Trail) -> None:
    for _ in range(3):
        trail(1)
        write_checkpoint()
    lines = checkpoint_file().read_text().splitlines()
    second = json.loads(lines[1]) | {"hash": "1" * 64}
    checkpoint_file().write_text("\n".join([lines[0], json.dumps(second), lines[2], ""]))
    assert [line.rpartition(": ")[2] for line in verify()] == [
        "it was changed, or a line before it was removed"
    ]


def test_a_checkpoint_line_that_was_removed_is_found(trail: Trail) -> None:
    for _ in range(3):
        trail(1)
        write_checkpoint()
    lines = checkpoint_file().read_text().splitlines()
    checkpoint_file().write_text("\n".join([lines[0], lines[2], ""]))
    assert len(verify()) == 1


@pytest.mark.parametrize("line", ["{", "[]", "{}", '{"number": 1}', "1", '{"number": "1"}', "\x00"])
def test_any_line_may_stand_in_the_file_of_checkpoints(trail: Trail, line: str) -> None:
    trail(1)
    write_checkpoint()
    with checkpoint_file().open("a") as file:
        file.write(f"{line}\n")
    assert len(verify()) == 1


def test_a_shrunk_trail_is_told_in_the_log_at_once(
    trail: Trail, caplog: pytest.LogCaptureFixture
) -> None:
    trail(3)
    write_checkpoint()
    _cut_to(2)
    assert write_checkpoint() is None
    assert "ends with entry 2 and had entry 3" in caplog.text


def test_a_checkpoint_is_written_once(trail: Trail) -> None:
    assert write_checkpoint() is None
    trail(1)
    assert write_checkpoint() is not None
    assert write_checkpoint() is None
    assert checkpoint_file().stat().st_mode & 0o777 == 0o600


def test_entries_signed_with_a_former_secret_need_it(
    trail: Trail, settings: LazySettings, tmp_path: Path
) -> None:
    trail(2)
    write_checkpoint()
    former, settings.SECRET_KEY = settings.SECRET_KEY, "another secret key " * 4
    trail(2)
    write_checkpoint()
    found = verify()
    assert len(found) == 3 and all("that is not known" in line for line in found)
    known = tmp_path / "former"
    known.write_text(f"{former}\n")
    assert verify("--former-secrets", str(known)) == []


def test_the_database_refuses_what_is_not_an_addition(trail: Trail) -> None:
    trail(2)
    with connection.cursor() as cursor:
        cursor.execute(
            "ALTER TABLE audit_auditentry ENABLE TRIGGER USER;"
            "ALTER TABLE audit_audithead ENABLE TRIGGER USER"
        )
        for statement in (
            "UPDATE audit_auditentry SET action = 'other'",
            "DELETE FROM audit_auditentry",
            "TRUNCATE audit_auditentry",
            "UPDATE audit_audithead SET number = 1",
            "DELETE FROM audit_audithead",
            "TRUNCATE audit_audithead",
            "INSERT INTO audit_audithead VALUES (2, 0, '')",
        ):
            with pytest.raises((InternalError, IntegrityError)), transaction.atomic():
                cursor.execute(statement)
    assert verify() == []


def test_what_is_wrong_ends_with_a_failure(trail: Trail) -> None:
    trail(2)
    tamper("DELETE FROM audit_auditentry WHERE number = 1")
    with pytest.raises(CommandError, match="1 things are wrong"):
        call_command("verify_audit")
    with pytest.raises(CommandError, match="NUMBER:HASH"):
        call_command("verify_audit", "--checkpoint", "1:x")


def _cut_to(number: int) -> None:
    """Cut off what came after, as carefully as the database allows."""
    last = AuditEntry.objects.get(number=number)
    tamper(
        f"DELETE FROM audit_auditentry WHERE number > {number}",
        f"UPDATE audit_audithead SET number = {number}, hash = '{last.hash}'",
    )


def test_an_act_inside_a_rolled_back_transaction_leaves_no_gap(trail: Trail) -> None:
    trail(2)
    with pytest.raises(ZeroDivisionError), transaction.atomic(), act("test.act"):
        raise ZeroDivisionError
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        trail(3)
        raise ZeroDivisionError
    trail(1)
    assert verify() == []
    assert AuditEntry.objects.count() == AuditHead.objects.get().number == 3
