"""What an entry says of an act."""

import threading
import uuid
from collections.abc import Callable
from contextvars import copy_context

import pytest
from django.db import connection, transaction

from algoport.accounts.models import ApiKey, User
from algoport.audit.actors import Actor, acting
from algoport.audit.constants import VALUE_CHARACTERS, Via
from algoport.audit.models import AuditEntry
from algoport.audit.recording import Tally, act, counting
from algoport.audit.snapshots import HIDDEN
from algoport.http.tracing import Session, Trace, current_trace
from tests.audit_trail import verify


@pytest.fixture
def guest(make_user: Callable[[str], User]) -> User:
    return make_user("guest")


def last() -> AuditEntry:
    entry = AuditEntry.objects.first()
    assert entry is not None
    return entry


def test_an_update_tells_what_changed_and_nothing_else(guest: User) -> None:
    with transaction.atomic(), act("user.update", guest):
        User.objects.filter(pk=guest.pk).update(fullname="Guest", call_limit=3)
    entry = last()
    assert entry.action == "user.update"
    assert (entry.target_kind, entry.target_id, entry.target_name) == (
        "user",
        str(guest.pk),
        "guest",
    )
    assert entry.owner_id == guest.pk
    assert entry.changes == {
        "fields": {
            "fullname": {"before": "", "after": "Guest"},
            "call_limit": {"before": 80, "after": 3},
        }
    }


def test_the_row_before_is_the_databases_not_the_one_in_hand(guest: User) -> None:
    guest.fullname = "Guest"
    with transaction.atomic(), act("user.update", guest):
        guest.save()
    assert last().changes["fields"] == {"fullname": {"before": "", "after": "Guest"}}


def test_a_creation_tells_what_was_made_and_a_removal_what_was_there(guest: User) -> None:
    with transaction.atomic(), act("key.create") as done:
        key = ApiKey.objects.create(owner=guest, label="mine", digest="0" * 64, mask="s")
        done.target = key
    made = last()
    assert (made.target_kind, made.target_id) == ("apikey", str(key.pk))
    assert made.owner_id == guest.pk
    assert made.changes["fields"]["label"] == {"after": "mine"}
    assert made.changes["fields"]["digest"] == HIDDEN
    identifier = str(key.pk)
    with transaction.atomic(), act("key.delete", key):
        key.delete()
    gone = last()
    assert (gone.target_id, gone.target_name) == (identifier, "mine (s)")
    assert gone.changes["fields"]["label"] == {"before": "mine"}
    assert "0" * 64 not in str(gone.changes)


def test_a_secret_that_changed_is_told_without_its_value(guest: User) -> None:
    with transaction.atomic(), act("user.password", guest):
        guest.set_password("another pass phrase")
        guest.save()
    assert last().changes == {"fields": {"password": HIDDEN}}
    with transaction.atomic(), act("user.note", guest) as done:
        done.note(token="a b c", options={"secret_access_key": "a b c", "region": "here"})
    assert last().changes == {
        "notes": {"token": HIDDEN, "options": {"secret_access_key": HIDDEN, "region": "here"}}
    }


def test_an_act_inside_another_belongs_to_it(guest: User) -> None:
    before = AuditEntry.objects.count()
    with transaction.atomic(), act("user.delete", guest):
        with act("user.update", guest):
            User.objects.filter(pk=guest.pk).update(fullname="Guest")
        with act("user.other", guest) as done:
            done.nothing()
        with act("user.end", guest):
            User.objects.filter(pk=guest.pk).update(is_active=False)
    assert AuditEntry.objects.count() == before + 1
    entry = last()
    assert entry.action == "user.delete"
    assert [part["action"] for part in entry.changes["parts"]] == ["user.update", "user.end"]
    assert entry.changes["parts"][1]["fields"] == {"is_active": {"before": True, "after": False}}


def test_nothing_leaves_no_entry_unless_a_part_did_something(guest: User) -> None:
    before = AuditEntry.objects.count()
    with transaction.atomic(), act("user.update", guest) as done:
        done.nothing()
    assert AuditEntry.objects.count() == before
    with transaction.atomic(), act("user.update", guest) as done:
        done.nothing()
        with act("user.end", guest):
            User.objects.filter(pk=guest.pk).update(is_active=False)
    assert AuditEntry.objects.count() == before + 1


def test_a_failure_undoes_the_act_even_if_it_is_caught_in_the_transaction(guest: User) -> None:
    before = AuditEntry.objects.count()
    with transaction.atomic(), pytest.raises(ZeroDivisionError), act("user.update", guest):
        User.objects.filter(pk=guest.pk).update(fullname="Guest")
        raise ZeroDivisionError
    guest.refresh_from_db()
    assert guest.fullname == ""
    assert AuditEntry.objects.count() == before


@pytest.mark.django_db(transaction=True)
def test_outside_of_a_transaction_it_refuses() -> None:
    with pytest.raises(AssertionError), act("test.act"):
        pass


def test_who_acts_and_for_what_request_is_told(db: None) -> None:
    user, key, other = uuid.uuid4(), uuid.uuid4(), uuid.uuid4()
    actor = Actor("admin key", Via.API, user, "demo", key, other, "guest")
    trace = Trace(Session())
    token = current_trace.set(trace)
    try:
        with acting(actor), transaction.atomic(), act("test.act"):
            pass
    finally:
        current_trace.reset(token)
    entry = last()
    assert (entry.actor_kind, entry.via) == ("admin key", "api")
    assert (entry.actor_id, entry.actor_name, entry.key_id) == (user, "demo", key)
    assert (entry.impersonator_id, entry.impersonator_name) == (other, "guest")
    assert entry.request_id == trace.text


def test_nobody_in_particular_is_the_command_that_runs(db: None) -> None:
    with transaction.atomic(), act("test.act"):
        pass
    assert (last().actor_kind, last().via) == ("command", "command")


@pytest.mark.parametrize(
    "value",
    [
        "a\x00b",
        "\ud800",
        1e300,
        float("nan"),
        2**80,
        -(2**63),
        {"a": {"b": [1, None, True, {"c": "d"}]}},
        {"\x00": "\x00"},
        b"bytes",
        {1, 2},
        ["x" * 100_000],
        "y" * 100_000,
        {str(index): index for index in range(5_000)},
        object(),
        uuid.uuid4(),
    ],
    ids=lambda value: type(value).__name__,
)
def test_any_value_is_recorded_and_verified(db: None, value: object) -> None:
    with transaction.atomic(), act("test.act") as done:
        done.note(value=value)
    assert len(str(last().changes)) < 4 * VALUE_CHARACTERS
    assert verify() == []


def test_a_value_within_itself_is_recorded(db: None) -> None:
    value: list[object] = []
    value.append(value)
    with transaction.atomic(), act("test.act") as done:
        done.note(value=value)
    assert verify() == []


def test_an_entry_stays_small(guest: User) -> None:
    with transaction.atomic(), act("user.update", guest) as done:
        for _ in range(100):
            with act("user.part", guest) as part:
                part.note(text="x" * 1_000)
        done.note(**{f"note{index}": "y" * 1_000 for index in range(50)})
    entry = last()
    assert len(str(entry.changes)) < 24_000
    assert entry.changes["further_parts"] == 50
    assert len(entry.changes["parts"]) == 50
    assert verify() == []


@pytest.mark.django_db(transaction=True)
def test_many_at_once_make_one_chain() -> None:
    failures: list[BaseException] = []

    def do_all(index: int) -> None:
        try:
            for number in range(50):
                with transaction.atomic(), act("test.act") as done:
                    done.note(thread=index, number=number)
        except BaseException as exc:
            failures.append(exc)
        finally:
            connection.close()

    threads = [threading.Thread(target=do_all, args=(index,)) for index in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not failures
    entries = AuditEntry.objects.order_by("number")
    assert [entry.number for entry in entries] == list(range(1, 401))
    assert [entry.at for entry in entries] == sorted(entry.at for entry in entries)
    said = [(e.changes["notes"]["thread"], e.changes["notes"]["number"]) for e in entries]
    assert sorted(said) == [(thread, number) for thread in range(8) for number in range(50)]
    assert verify() == []


@pytest.mark.django_db(transaction=True)
def test_an_act_in_another_thread_is_an_act_of_its_own() -> None:
    def do_one() -> None:
        try:
            with transaction.atomic(), act("test.inner"):
                pass
        finally:
            connection.close()

    with pytest.raises(ZeroDivisionError), transaction.atomic(), act("test.outer"):
        thread = threading.Thread(target=copy_context().run, args=(do_one,))
        thread.start()
        thread.join(60)
        raise ZeroDivisionError
    assert [entry.action for entry in AuditEntry.objects.all()] == ["test.inner"]


def test_entries_are_counted_where_they_are_asked_for(guest: User) -> None:
    with counting() as tally, transaction.atomic():
        with act("user.update", guest), act("user.update", guest):
            pass
        with act("user.update", guest):
            pass
        with act("user.update", guest) as done:
            done.nothing()
    assert tally == Tally(entries=2, nothings=1)
