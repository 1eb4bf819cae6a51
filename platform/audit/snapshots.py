"""What a row holds, as an entry may show it: safe for JSON, of bounded size, without secrets."""

import json
import re
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

from django.db.models import BinaryField, Field, Model

from algoport.audit.constants import ENTRY_CHARACTERS, VALUE_CHARACTERS

HIDDEN = "hidden"
_SECRET = re.compile(
    r"password|passwd|secret|token|digest|credential|cipher|encrypted|private_?key|api_?key$"
    r"|access_?key|cred_data|signature",
    re.IGNORECASE,
)
_MOST_ITEMS = 200
_DEEPEST = 8

Snapshot = dict[str, Any]


def read_row(row: Model) -> Snapshot | None:
    """The row's values as the database has them, locked until the transaction ends; None if gone.

    The lock is the one that a change takes: what is told as before is what was changed. What the
    model names in AUDIT_IGNORED, large or derived, is not looked at.
    """
    ignored = getattr(row, "AUDIT_IGNORED", ())
    fields = type(row)._meta.concrete_fields
    names = [field.attname for field in fields if field.name not in ignored]
    rows = type(row)._base_manager.filter(pk=row.pk).order_by()
    return next(iter(rows.select_for_update(no_key=True, of=("self",)).values(*names)), None)


def differences(model: type[Model], before: Snapshot | None, after: Snapshot | None) -> Snapshot:
    """Of each field that changed its value before and after; of a secret one only that it did."""
    found: Snapshot = {}
    for field in model._meta.concrete_fields:
        old = None if before is None else before.get(field.attname)
        new = None if after is None else after.get(field.attname)
        if old == new or (before is None and new == ""):
            continue
        if is_hidden(model, field):
            found[field.attname] = HIDDEN
        else:
            found[field.attname] = _pair(before, old) | _pair(after, new, "after")
    return found


def is_hidden(model: type[Model], field: "Field[Any, Any]") -> bool:
    """Whether nobody is to read this field's values: named by the model, or known for a secret."""
    named = getattr(model, "AUDIT_HIDDEN", ())
    return (
        field.name in named
        or isinstance(field, BinaryField)
        or _SECRET.search(field.name) is not None
    )


def _pair(snapshot: Snapshot | None, value: object, name: str = "before") -> Snapshot:
    return {} if snapshot is None else {name: shown(value)}


def shown(value: object) -> Any:
    """The value as JSON; what is too large is cut, and says how large it was."""
    safe = _safe(value, _DEEPEST)
    text = safe if isinstance(safe, str) else json.dumps(safe)
    if len(text) <= VALUE_CHARACTERS:
        return safe
    return {"cut": text[:VALUE_CHARACTERS], "characters": len(text)}


def shown_notes(notes: Mapping[str, object]) -> Snapshot:
    """Details of an act, by name."""
    return {
        name: HIDDEN if _SECRET.search(name) and value is not None else shown(value)
        for name, value in notes.items()
    }


def clean(text: str, length: int) -> str:
    """The text as PostgreSQL takes it, of at most `length` characters."""
    readable = text.replace("\x00", "\ufffd").encode("utf-8", "replace").decode()
    return readable if len(readable) <= length else readable[: length - 1] + "…"


def bounded(changes: Snapshot) -> Snapshot:
    """The changes as they are, or without the values if these are too many for one entry."""
    if len(json.dumps(changes)) <= ENTRY_CHARACTERS:
        return changes
    small: Snapshot = {"too_large": True}
    if "further_parts" in changes:
        small["further_parts"] = changes["further_parts"]
    for part in ("fields", "notes"):
        if part in changes:
            small[part] = dict.fromkeys(changes[part], "changed")
    if "parts" in changes:
        small["parts"] = [_without_values(each) for each in changes["parts"]]
    return small


def _without_values(part: Snapshot) -> Snapshot:
    return {name: value for name, value in part.items() if isinstance(value, str)}


def _safe(value: object, depth: int) -> Any:
    """JSON that PostgreSQL gives back exactly as it was given."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, Enum):
        return _safe(value.value, depth)
    if isinstance(value, int):
        return value if abs(value) < 2**63 else str(value)
    if isinstance(value, str):
        return clean(value, max(len(value), 1))
    if isinstance(value, float | Decimal | UUID):
        return str(value)
    if isinstance(value, date | datetime):
        return value.isoformat()
    if depth == 0:
        return "…"
    if isinstance(value, Mapping):
        items = list(value.items())[:_MOST_ITEMS]
        return {
            clean(str(name), 100): HIDDEN if _SECRET.search(str(name)) else _safe(item, depth - 1)
            for name, item in items
        }
    if isinstance(value, list | tuple | set | frozenset):
        return [_safe(item, depth - 1) for item in list(value)[:_MOST_ITEMS]]
    return clean(type(value).__name__, 100)
