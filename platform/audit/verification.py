"""Finding what was edited, removed, moved or cut off in the trail (docs/adr/0029)."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.db.models import Subquery, TextField
from django.db.models.functions import Cast

from algoport.audit.chain import SIGNED_FIELDS, digest, known_keys
from algoport.audit.checkpoints import BadCheckpoint, Checkpoint, read_checkpoints
from algoport.audit.constants import GENESIS
from algoport.audit.models import AuditEntry, AuditHead

_BATCH = 2_000
# How far from its place an entry is looked for that was put elsewhere.
_NEARBY = 200
_NUMBER = SIGNED_FIELDS.index("number")
_AT = SIGNED_FIELDS.index("at")
_CHANGES = SIGNED_FIELDS.index("changes")
_MARK = SIGNED_FIELDS.index("key_mark")
_PREVIOUS = SIGNED_FIELDS.index("previous_hash")


@dataclass
class Verification:
    """One pass over the trail; `findings` goes through it, the rest is known afterwards.

    Its memory does not grow with the trail. Entries that are appended meanwhile do not disturb it:
    one statement reads entries and head as they stood when it began.
    """

    former_secrets: tuple[str, ...] = ()
    # Checkpoints from elsewhere, in their order.
    noted: tuple[Checkpoint, ...] = ()
    entries: int = 0
    checkpoints: int = 0
    # The last entry of which something outside of the database speaks.
    vouched: int = 0
    _last: int = 0
    _last_hash: str = GENESIS

    def findings(self) -> Iterator[str]:
        """What is wrong, a line for each."""
        keys = known_keys(self.former_secrets)
        # Read before the entries: what it names was committed by then.
        witnesses = [
            _Witness(read_checkpoints(self.former_secrets)),
            _Witness(iter(self.noted)),
        ]
        for witness in witnesses:
            witness.advance()
        head: tuple[int | None, str | None] = (None, None)
        with transaction.atomic():
            for *values, stored, head_number, head_hash in _rows():
                head = head_number, head_hash
                yield from self._look_at(values, stored, keys)
                for witness in witnesses:
                    yield from witness.compare(self._last, stored)
            if not self.entries:
                head = _head()
        yield from self._compare_head(*head)
        for witness in witnesses:
            yield from witness.rest(self._last)
            self.checkpoints += witness.count
            self.vouched = max(self.vouched, min(witness.last, self._last))

    def _look_at(self, values: list[Any], stored: str, keys: dict[str, bytes]) -> Iterator[str]:
        number, expected = values[_NUMBER], self._last + 1
        self.entries += 1
        if number > expected:
            yield f"{_span(expected, number - 1)} missing"
        elif number < expected:
            yield f"entry {number} was put in front of the first"
        key = keys.get(values[_MARK])
        if not _read_texts(values):
            yield f"entry {number} was edited"
        elif key is None:
            yield f"entry {number} is signed with a key {values[_MARK]} that is not known"
        elif digest(key, values) != stored:
            yield _what_became_of(values, stored, key)
        elif number == expected and values[_PREVIOUS] != self._last_hash:
            yield f"entry {number} does not follow the entry {number - 1} that is there"
        self._last, self._last_hash = number, stored

    def _compare_head(self, number: int | None, last_hash: str | None) -> Iterator[str]:
        if number is None:
            yield "the head is missing"
        elif number > self._last:
            yield f"{_span(self._last + 1, number)} cut off"
        elif number < self._last:
            yield f"the head was set back to {number}, or {_span(number + 1, self._last)} forged"
        elif last_hash != self._last_hash:
            yield f"the head does not name the entry {number} that is there"


class _Witness:
    """Checkpoints in their order, beside the entries that they speak of."""

    def __init__(self, source: Iterator[Checkpoint | BadCheckpoint]) -> None:
        self._source = source
        self._next: Checkpoint | BadCheckpoint | None = None
        self.count = self.last = 0

    def advance(self) -> None:
        self._next = next(self._source, None)
        if isinstance(self._next, Checkpoint):
            self.count += 1
            self.last = max(self.last, self._next.number)

    def compare(self, number: int, stored: str) -> Iterator[str]:
        """Speak of this entry, and of those before it that were skipped."""
        while self._next is not None:
            if isinstance(self._next, BadCheckpoint):
                yield self._next.fault
            elif self._next.number > number:
                return
            elif self._next.number == number and self._next.hash != stored:
                yield f"entry {number} is not the one that was there {self._next.at}"
            self.advance()

    def rest(self, last: int) -> Iterator[str]:
        """What was there and is not any more; the last of it says all."""
        final: Checkpoint | None = None
        while self._next is not None:
            if isinstance(self._next, BadCheckpoint):
                yield self._next.fault
            else:
                final = self._next
            self.advance()
        if final is not None:
            yield f"{_span(last + 1, final.number)} cut off: there {final.at}"


def _rows() -> Iterator[tuple[Any, ...]]:
    head = AuditHead.objects.all()
    rows = AuditEntry.objects.order_by("number").annotate(
        head_number=Subquery(head.values("number")),
        head_hash=Subquery(head.values("hash")),
        # PostgreSQL holds times and numbers that Python would stumble over.
        at_text=Cast("at", TextField()),
        changes_text=Cast("changes", TextField()),
    )
    texts = {"at": "at_text", "changes": "changes_text"}
    names = (*(texts.get(name, name) for name in SIGNED_FIELDS), "hash")
    return rows.values_list(*names, "head_number", "head_hash").iterator(_BATCH)


def _read_texts(values: list[Any]) -> bool:
    """Put time and changes in place of their texts; False when no entry was ever written so."""
    try:
        values[_AT] = datetime.fromisoformat(values[_AT])
        values[_CHANGES] = json.loads(values[_CHANGES])
    except (ValueError, RecursionError):
        return False
    return True


def _head() -> tuple[int | None, str | None]:
    """The head where no entry was seen; where the first has just been made it was the start."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT number, hash, EXISTS (SELECT FROM audit_auditentry) FROM audit_audithead"
        )
        head = cursor.fetchone()
    if head is None:
        return None, None
    return (0, GENESIS) if head[2] else (head[0], head[1])


def _what_became_of(values: list[Any], stored: str, key: bytes) -> str:
    """Say that an entry was edited or, when it is whole but for its number, from where it comes."""
    number = values[_NUMBER]
    for original in range(max(1, number - _NEARBY), number + _NEARBY + 1):
        moved = [*values]
        moved[_NUMBER] = original
        if digest(key, moved) == stored:
            return f"entry {number} was entry {original}: the trail was put in another order"
    return f"entry {number} was edited"


def _span(first: int, last: int) -> str:
    if first >= last:
        return f"entry {last} is"
    return f"entries {first} to {last} are"
