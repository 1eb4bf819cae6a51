"""`act`: the one way by which a change of the management side gets its entry in the trail."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Model

from algoport.audit.actors import Actor, current_actor
from algoport.audit.chain import SIGNED_FIELDS, digest, signing_key
from algoport.audit.constants import LOCK, MOST_PARTS, NAME_LENGTH
from algoport.audit.errors import AuditTrailDamaged
from algoport.audit.models import AuditEntry, AuditHead
from algoport.audit.snapshots import Snapshot, bounded, clean, differences, read_row, shown_notes
from algoport.http.tracing import current_trace

_OWNER_FIELDS = ("owner_id", "account_id", "organization_id", "user_id")
_current: ContextVar["Act | None"] = ContextVar("act", default=None)
_tally: ContextVar["Tally | None"] = ContextVar("audit_tally", default=None)


@dataclass
class Tally:
    """How many entries were made, and how many acts turned out to be nothing."""

    entries: int = 0
    nothings: int = 0


class Act:
    """What is being done; the block of `act` completes it."""

    def __init__(self, action: str, row: Model | None) -> None:
        self.action = action
        self.target = row
        self.thread = threading.get_ident()
        self.parts: list[Snapshot] = []
        self.is_nothing = False
        self._given = row
        self._given_key = None if row is None else row.pk
        self._before = None if row is None else read_row(row)
        # A row that is removed may not be able to tell its name any more.
        self._name = None if row is None else str(row)
        self._owner = None if row is None else _owner_of(row)
        self._is_removed = False
        self._notes: dict[str, object] = {}

    def note(self, **details: object) -> None:
        """Add details that no field of the target tells."""
        self._notes.update(details)

    def removed(self) -> None:
        """The target is not there any more."""
        self._is_removed = True

    def nothing(self) -> None:
        """Nothing was done: there is to be no entry, unless a part of this act did something."""
        self.is_nothing = True

    def describe(self) -> Snapshot:
        """The entry's target and changes."""
        about: Snapshot = {"action": self.action}
        changes: Snapshot = {}
        if self.target is not None:
            about |= self._identify(self.target)
            if fields := self._fields(self.target):
                changes["fields"] = fields
        if self._notes:
            changes["notes"] = shown_notes(self._notes)
        return about | changes

    def _identify(self, row: Model) -> Snapshot:
        is_given = self._is_given(row)
        return {
            "target_kind": row._meta.model_name,
            "target_id": clean(str(self._given_key if is_given else row.pk), 64),
            "target_name": clean((is_given and self._name) or str(row), NAME_LENGTH),
            "owner_id": self._owner if is_given and self._owner else _owner_of(row),
        }

    def _is_given(self, row: Model) -> bool:
        given = self._given
        if given is None or row is given:
            # Django takes the key away from a row that it deletes.
            return given is not None
        return row._meta.model is given._meta.model and row.pk == self._given_key

    def _fields(self, row: Model) -> Snapshot:
        before = self._before if self._is_given(row) else None
        after = None if self._is_removed or row.pk is None else read_row(row)
        return differences(type(row), before, after)


@contextmanager
def act(action: str, row: Model | None = None) -> Iterator[Act]:
    """Do something and record it, in one: one entry for the outermost act, with those inside.

    To be used inside a transaction, around everything that it changes. `row` is compared as it was
    before and after; for something new set `done.target`. An exception undoes the block and leaves
    no entry.
    """
    assert connection.in_atomic_block, "an act belongs into the transaction of what it changes"
    outer = _current.get()
    with transaction.atomic():
        done = Act(action, row)
        token = _current.set(done)
        try:
            yield done
        finally:
            _current.reset(token)
        # The context of an act may have been copied to a thread with a transaction of its own.
        if outer is not None and outer.thread == done.thread:
            _add_part(outer, done)
            return
        tally = _tally.get() or Tally()
        if done.parts or not done.is_nothing:
            _append(current_actor(), done)
            tally.entries += 1
        else:
            tally.nothings += 1


@contextmanager
def counting() -> Iterator[Tally]:
    """Count what is recorded inside, by this context or one that came of it."""
    tally = Tally()
    token = _tally.set(tally)
    try:
        yield tally
    finally:
        _tally.reset(token)


def _add_part(outer: Act, done: Act) -> None:
    if not done.is_nothing:
        part = done.describe()
        owner = part.pop("owner_id", None)
        outer.parts.append(part if owner is None else part | {"owner_id": str(owner)})
    outer.parts.extend(done.parts)


def _append(actor: Actor, done: Act) -> None:
    about = done.describe()
    changes: Snapshot = {name: about.pop(name) for name in ("fields", "notes") if name in about}
    if done.parts:
        changes["parts"] = done.parts[:MOST_PARTS]
        if len(done.parts) > MOST_PARTS:
            changes["further_parts"] = len(done.parts) - MOST_PARTS
    trace = current_trace.get()
    mark, key = signing_key()
    values: dict[str, Any] = {
        "actor_kind": clean(actor.kind, 40),
        "actor_id": actor.id,
        "actor_name": clean(actor.name, NAME_LENGTH),
        "key_id": actor.key_id,
        "via": actor.via.value,
        "impersonator_id": actor.impersonator_id,
        "impersonator_name": clean(actor.impersonator_name, NAME_LENGTH),
        "target_kind": "",
        "target_id": "",
        "target_name": "",
        "owner_id": None,
        "request_id": "" if trace is None else trace.text,
        "key_mark": mark,
        **about,
        "changes": bounded(changes),
    }
    # As late as possible: all others who record something wait until this transaction has ended.
    number, previous, at = _lock_head()
    values |= {"number": number + 1, "at": at, "previous_hash": previous}
    values["hash"] = digest(key, (values[name] for name in SIGNED_FIELDS))
    AuditEntry.objects.bulk_create([AuditEntry(**values)])
    AuditHead.objects.update(number=number + 1, hash=values["hash"])


def _lock_head() -> tuple[int, str, Any]:
    """Number and hash of the last entry, and the time; nobody else appends until we commit."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        # A statement of its own, that sees what was committed while this one waited.
        cursor.execute("SELECT number, hash, clock_timestamp() FROM audit_audithead")
        head = cursor.fetchone()
    if head is None:
        raise AuditTrailDamaged
    return head[0], head[1], head[2]


def _owner_of(row: Model) -> UUID | None:
    """The account that a row belongs to: as its model says by AUDIT_OWNER, or by a usual name."""
    path = getattr(row, "AUDIT_OWNER", None)
    if path is None:
        path = next((name for name in _OWNER_FIELDS if hasattr(row, name)), None)
    value: Any = row
    for name in path.split(".") if path else ():
        value = getattr(value, name, None)
    return value if path and isinstance(value, UUID) else None
