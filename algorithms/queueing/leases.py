"""Who runs a queued call: leases with a fencing number (design.md 7).

Every function is one transaction. A worker that was paused past its lease finds that its attempt is
not the call's any more, and can neither renew nor settle.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection, transaction
from django.db.models import F, Value
from django.db.models.functions import Coalesce
from django.utils import timezone

from algorithms.constants import (
    ASYNC_LEASE_SECONDS,
    ERROR_MESSAGE_CHARACTERS,
    ERROR_STACKTRACE_CHARACTERS,
    LONGEST_RETRY_SECONDS,
    RETRY_SECONDS,
    AsyncState,
    CallKind,
)
from algorithms.models import AsyncCall, CallRecord
from algorithms.news import tell_of_dead_call
from algorithms.querysets import AsyncCallQuerySet
from algorithms.samples.runs import record_output
from algorithms.webhooks.recording import record_delivery

WORKER_LOST = "The worker that ran the call was lost, and no further attempt was allowed."
CUT = "\n[the text is cut here: it is too long]"

# What an end needs to know of its call.
_ENDING = (
    "id",
    "caller_id",
    "tries",
    "attempts_allowed",
    "webhook",
    "session_id",
    "key_id",
    "algorithm_id",
    "build_id",
    "version",
    "bytes_in",
    "started_at",
)
_RECORDED = ("queue", "start", "load", "run")

# The oldest calls of each caller in turn, so that a long queue of one keeps nobody else waiting.
_NEXT = """
WITH callers AS (
    SELECT caller_id, coalesce(paused.most, %(count)s) AS most
    FROM (SELECT DISTINCT caller_id FROM algorithms_asynccall WHERE state = 'queued') queued
    LEFT JOIN unnest(%(paused)s::uuid[], %(most)s::int[]) AS paused (caller_id, most)
        USING (caller_id)
    WHERE paused.most IS DISTINCT FROM 0
), candidates AS (
    SELECT candidate.id, candidate.place
    FROM callers, LATERAL (
        SELECT id, row_number() OVER (ORDER BY accepted_at) AS place
        FROM algorithms_asynccall
        WHERE state = 'queued' AND caller_id = callers.caller_id AND not_before <= %(now)s
        ORDER BY accepted_at LIMIT %(count)s
    ) candidate
    WHERE candidate.place <= callers.most
    ORDER BY candidate.place LIMIT 2 * %(count)s
)
SELECT waiting.id FROM algorithms_asynccall waiting JOIN candidates USING (id)
WHERE waiting.state = 'queued'
ORDER BY candidates.place, waiting.accepted_at LIMIT %(count)s
FOR UPDATE OF waiting SKIP LOCKED
"""


@dataclass(frozen=True)
class Settlement:
    """How an attempt ended; `result` is JSON, and None after a failure."""

    result: bytes | None
    content_type: str
    seconds: float
    error: str = ""
    error_type: str = ""
    stacktrace: str = ""
    phases: Mapping[str, float] = field(default_factory=dict)


@transaction.atomic
def take_calls(count: int, most_of: Mapping[UUID, int] | None = None) -> list[AsyncCall]:
    """Up to `count` calls for this worker, each with an attempt of its own, without what is large.

    Of a caller that `most_of` names no more than it says.
    """
    now = timezone.now()
    bounds = most_of or {}
    asked = {"now": now, "count": count, "paused": list(bounds), "most": list(bounds.values())}
    with connection.cursor() as cursor:
        cursor.execute(_NEXT, asked)
        ids = [row[0] for row in cursor.fetchall()]
    if not ids:
        return []
    rows = AsyncCall.objects.filter(pk__in=ids)
    rows.update(
        state=AsyncState.RUNNING,
        attempt=F("attempt") + 1,
        tries=F("tries") + 1,
        lease_expires_at=_expiry(),
        started_at=now,
    )
    return list(rows.without_payload().select_related("caller"))


def payload_of(call_id: UUID, attempt: int) -> bytes | None:
    """What the call's runner is given; None when the call is not the attempt's any more."""
    payload = _held(call_id, attempt).values_list("payload", flat=True).first()
    return None if payload is None else bytes(payload)


def renew_leases(attempts: Iterable[tuple[UUID, int]]) -> set[UUID]:
    """The calls, of these with their attempts, that are still this worker's."""
    kept = set()
    with transaction.atomic():
        for call_id, attempt in attempts:
            if _held(call_id, attempt).update(lease_expires_at=_expiry()):
                kept.add(call_id)
    return kept


@transaction.atomic
def settle(call_id: UUID, attempt: int, settlement: Settlement) -> bool:
    """Record how the attempt ended; False when the call was not its any more."""
    call = _held_to_end(call_id, attempt)
    if call is None:
        return False
    changes: dict[str, object] = {
        "content_type": settlement.content_type,
        "seconds": settlement.seconds,
        "error": _storable(settlement.error, ERROR_MESSAGE_CHARACTERS),
        "error_type": _storable(settlement.error_type[:60], 60),
        "stacktrace": _storable(settlement.stacktrace, ERROR_STACKTRACE_CHARACTERS),
    }
    if settlement.result is not None:
        _end(call, AsyncState.FINISHED, settlement.phases, result=settlement.result, **changes)
    elif not _try_again(call, **changes):
        state = AsyncState.DEAD if call.attempts_allowed > 1 else AsyncState.FAILED
        _end(call, state, settlement.phases, **changes)
    return True


def put_back(call_id: UUID, attempt: int, seconds: float) -> bool:
    """The platform could not run it now: queue it again, as if it had not been tried."""
    now = timezone.now()
    refused_at = Coalesce("refused_at", Value(now))
    return _queue_untried(call_id, attempt, now + timedelta(seconds=seconds), refused_at=refused_at)


def let_go(call_id: UUID, attempt: int) -> bool:
    """This worker stops before it has begun to run it: queue it again as if it was never taken."""
    return _queue_untried(call_id, attempt, timezone.now())


@transaction.atomic
def give_up(call_id: UUID, attempt: int, error: str, error_type: str) -> bool:
    """End a call that cannot be run at all."""
    call = _held_to_end(call_id, attempt)
    if call is None:
        return False
    _end(call, AsyncState.DEAD, {}, error=error, error_type=error_type)
    return True


@transaction.atomic
def record_cancelled(call_id: UUID, attempt: int, phases: Mapping[str, float]) -> None:
    """What a run has cost whose call was cancelled; of a call that goes on, nothing."""
    rows = AsyncCall.objects.filter(pk=call_id, attempt=attempt, state=AsyncState.CANCELLED)
    call = rows.only(*_ENDING).first()
    if call is not None:
        _record(call, phases, {"error_type": "Cancelled"})


@transaction.atomic
def reclaim_lost() -> int:
    """Queue again, or end, what the workers have lost that had it; how many calls that were."""
    lost = AsyncCall.objects.lost().select_for_update(skip_locked=True)
    calls = list(lost.only(*_ENDING)[:100])
    for call in calls:
        _lose(call)
    return len(calls)


@transaction.atomic
def lose(call_id: UUID, attempt: int) -> None:
    """This worker stops and takes the attempt with it."""
    call = _held_to_end(call_id, attempt)
    if call is not None:
        _lose(call)


def _queue_untried(call_id: UUID, attempt: int, due: datetime, **changes: object) -> bool:
    return bool(
        _held(call_id, attempt).update(
            state=AsyncState.QUEUED,
            tries=F("tries") - 1,
            not_before=due,
            lease_expires_at=None,
            **changes,
        )
    )


def _lose(call: AsyncCall) -> None:
    if not _try_again(call):
        _end(call, AsyncState.DEAD, {}, error=WORKER_LOST, error_type="WorkerLost")


def _try_again(call: AsyncCall, **changes: object) -> bool:
    """Queue the call for its next attempt; False when it has had its last."""
    if call.tries >= call.attempts_allowed:
        return False
    later = _retry_at(call.tries)
    AsyncCall.objects.filter(pk=call.pk).update(
        state=AsyncState.QUEUED,
        not_before=later,
        refused_at=None,
        lease_expires_at=None,
        **changes,
    )
    return True


def _end(call: AsyncCall, state: str, phases: Mapping[str, float], **changes: object) -> None:
    """Every way to an end but cancelling goes through here.

    What may be needed for another run is kept; the call's record is part of the transaction. That
    of a call that is cancelled is written by who stops its run (`record_cancelled`).
    """
    if state in (AsyncState.FINISHED, AsyncState.FAILED):
        changes["payload"] = None
    AsyncCall.objects.filter(pk=call.pk).update(
        state=state, ended_at=timezone.now(), lease_expires_at=None, **changes
    )
    _record(call, phases, changes)
    record_delivery(call)
    if state == AsyncState.DEAD:
        tell_of_dead_call(call, str(changes.get("error", "")))
    result = changes.get("result")
    record_output(
        call,
        result=result if isinstance(result, bytes) else None,
        content_type=str(changes.get("content_type", "")),
    )


def _record(call: AsyncCall, phases: Mapping[str, float], changes: Mapping[str, object]) -> None:
    """One record for each request: a redriven one tells of its last end."""
    assert call.started_at is not None
    result = changes.get("result")
    row = CallRecord(
        request_id=call.pk,
        session_id=call.session_id,
        caller_id=call.caller_id,
        key_id=call.key_id,
        algorithm_id=call.algorithm_id,
        build_id=call.build_id,
        version=call.version,
        kind=CallKind.ASYNC,
        started_at=call.started_at,
        total_seconds=(timezone.now() - call.started_at).total_seconds(),
        status=200,
        error_type=changes.get("error_type", ""),
        bytes_in=call.bytes_in,
        bytes_out=len(result) if isinstance(result, bytes) else 0,
        **{f"{phase}_seconds": phases.get(phase, 0.0) for phase in _RECORDED},
    )
    told = [each.name for each in CallRecord._meta.concrete_fields if not each.primary_key]
    CallRecord.objects.bulk_create(
        [row], update_conflicts=True, unique_fields=["request_id"], update_fields=told
    )


def _held(call_id: UUID, attempt: int) -> AsyncCallQuerySet:
    return AsyncCall.objects.running().filter(pk=call_id, attempt=attempt)


def _held_to_end(call_id: UUID, attempt: int) -> AsyncCall | None:
    """The call with what its end needs to know, locked, while this attempt has it."""
    return _held(call_id, attempt).select_for_update().only(*_ENDING).first()


def _storable(text: str, longest: int) -> str:
    """What an algorithm has told of its failure, of which each part can be anything."""
    if len(text) > longest:
        text = text[:longest] + CUT
    # PostgreSQL text cannot hold NUL.
    return text.replace("\x00", "\N{REPLACEMENT CHARACTER}")


def _retry_at(tries: int) -> datetime:
    seconds = min(LONGEST_RETRY_SECONDS, RETRY_SECONDS * 2 ** max(0, tries - 1))
    return timezone.now() + timedelta(seconds=seconds)


def _expiry() -> datetime:
    return timezone.now() + timedelta(seconds=ASYNC_LEASE_SECONDS)
