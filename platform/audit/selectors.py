"""Reading the audit trail; whoever asks has been found to be an administrator."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Q, QuerySet

from algoport.audit.models import AuditEntry

_BATCH = 1_000


@dataclass(frozen=True, slots=True)
class EntryFilter:
    """Which entries are asked for; what is empty leaves nothing out.

    `actor` and `target` are names or ids, `owner` an id.
    """

    actor: str = ""
    action: str = ""
    target: str = ""
    target_kind: str = ""
    owner: UUID | None = None
    request_id: str = ""
    since: datetime | None = None
    until: datetime | None = None


def find_entries(wanted: EntryFilter) -> QuerySet[AuditEntry]:
    """The entries that are asked for, newest first; each filter has its index."""
    rows = AuditEntry.objects.order_by("-number")
    if wanted.actor:
        actor = _id(wanted.actor)
        rows = (
            rows.filter(actor_id=actor) if actor else rows.filter(actor_name__iexact=wanted.actor)
        )
    if wanted.target:
        rows = rows.filter(_is_target(wanted.target))
    exact = {
        "action": wanted.action,
        "target_kind": wanted.target_kind,
        "owner_id": wanted.owner,
        "request_id": wanted.request_id,
    }
    rows = rows.filter(**{name: value for name, value in exact.items() if value})
    return _between(rows, wanted.since, wanted.until)


def search_entries(rows: QuerySet[AuditEntry], word: str) -> QuerySet[AuditEntry]:
    """Those in which a word is the actor, the action, the target or the request."""
    found = Q(action=word) | Q(request_id=word) | _is_target(word)
    found |= Q(actor_name__iexact=word) | Q(target_name__iexact=word)
    identifier = _id(word)
    if identifier is not None:
        found |= Q(actor_id=identifier) | Q(owner_id=identifier)
    return rows.filter(found)


def each_entry(rows: QuerySet[AuditEntry]) -> Iterator[list[AuditEntry]]:
    """All of them, newest first, in batches: a query and some memory for each."""
    rows = rows.order_by("-number")
    batch = list(rows[:_BATCH])
    while batch:
        yield batch
        batch = list(rows.filter(number__lt=batch[-1].number)[:_BATCH])


def _is_target(text: str) -> Q:
    identifier = _id(text)
    if identifier is not None:
        return Q(target_id=str(identifier))
    # Some rows have numbers for ids; no name is one.
    return Q(target_id=text) if text.isdigit() else Q(target_name__iexact=text)


def _id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _between(
    rows: QuerySet[AuditEntry], since: datetime | None, until: datetime | None
) -> QuerySet[AuditEntry]:
    """Those of a time, which are a range of numbers: an old range is not searched for from now."""
    if since is not None:
        first = AuditEntry.objects.filter(at__gte=since).order_by("at").values("number")[:1]
        rows = rows.filter(number__gte=first)
    if until is not None:
        last = AuditEntry.objects.filter(at__lt=until).order_by("-at").values("number")[:1]
        rows = rows.filter(number__lte=last)
    return rows
