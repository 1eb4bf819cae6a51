"""What callers may do with the requests that they have queued."""

from datetime import datetime
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone

from algoport.accounts.permissions import Action, Principal, RequestResource, can
from algoport.audit.recording import act
from algoport.errors import NotAuthorized
from algorithms.constants import ENDED_STATES, REQUESTS_KEPT, RESULT_BYTES, AsyncState
from algorithms.errors import RequestHasEnded, RequestNotDead, RequestNotFound
from algorithms.models import AsyncCall
from algorithms.querysets import AsyncCallQuerySet
from algorithms.queueing.signals import call_cancelled, call_queued
from algorithms.samples.runs import record_output
from algorithms.webhooks.recording import keep_payloads, record_delivery

PREFIX = "req-"

# Results beyond what is kept for one account, oldest first.
_TOO_MUCH = """
UPDATE algorithms_asynccall SET result = NULL, payload = NULL WHERE id IN (
    SELECT id FROM (
        SELECT id, sum(coalesce(length(result), 0) + coalesce(length(payload), 0))
            OVER (PARTITION BY caller_id ORDER BY ended_at DESC, id) AS kept
        FROM algorithms_asynccall WHERE ended_at IS NOT NULL
    ) sizes WHERE kept > %s
) AND (result IS NOT NULL OR payload IS NOT NULL)
"""


def requests_of(principal: Principal) -> AsyncCallQuerySet:
    """The requests that the principal may see, newest first. Raises NotAuthorized."""
    assert principal.user_id is not None
    calling = None if principal.run is None else principal.run.algorithm_id
    if not can(principal, Action.SEE_REQUEST, RequestResource(principal.user_id, calling)):
        raise NotAuthorized
    rows = AsyncCall.objects.filter(caller_id=principal.user_id)
    return rows if calling is None else rows.filter(calling_algorithm_id=calling)


def get_request(principal: Principal, request_id: str) -> AsyncCall:
    """A request of the principal's account. Raises RequestNotFound."""
    try:
        identifier = UUID(request_id.removeprefix(PREFIX))
    except ValueError as exc:
        raise RequestNotFound from exc
    call = AsyncCall.objects.filter(pk=identifier).first()
    if call is None:
        raise RequestNotFound
    resource = RequestResource(call.caller_id, call.calling_algorithm_id)
    if not can(principal, Action.SEE_REQUEST, resource):
        raise RequestNotFound
    return call


def cancel_request(*, principal: Principal, request_id: str) -> AsyncCall:
    """End a request that has not ended; one that runs is stopped.

    Raises RequestNotFound, RequestHasEnded.
    """
    return end_call(call=get_request(principal, request_id))


def end_call(*, call: AsyncCall) -> AsyncCall:
    """End a call that has not ended, for whom no rule has to let. Raises RequestHasEnded."""
    cancelled = AsyncCall.objects.filter(pk=call.pk).exclude(state__in=ENDED_STATES)
    with transaction.atomic(), act("request.cancel", call) as done:
        changed = cancelled.update(
            state=AsyncState.CANCELLED, ended_at=timezone.now(), lease_expires_at=None, payload=None
        )
        if changed:
            record_delivery(call)
            record_output(call, result=None, content_type="")
            transaction.on_commit(lambda: call_cancelled.send(AsyncCall, call_id=call.pk))
        else:
            done.nothing()
    call.refresh_from_db()
    if not changed:
        raise RequestHasEnded(state=call.state)
    return call


def redrive_request(*, principal: Principal, request_id: str) -> AsyncCall:
    """Queue a dead request again, with as many attempts as it had.

    Raises RequestNotFound, RequestNotDead.
    """
    return redrive_call(call=get_request(principal, request_id))


@transaction.atomic
def redrive_call(*, call: AsyncCall) -> AsyncCall:
    """Queue a dead call again, for whom no rule has to let. Raises RequestNotDead."""
    dead = AsyncCall.objects.filter(pk=call.pk, state=AsyncState.DEAD, payload__isnull=False)
    if not dead.select_for_update().exists():
        raise RequestNotDead(state=call.state)
    with act("request.redrive", call):
        keep_payloads(call)
        dead.update(
            state=AsyncState.QUEUED,
            tries=0,
            not_before=timezone.now(),
            refused_at=None,
            ended_at=None,
            error="",
            error_type="",
            stacktrace="",
        )
        call_queued.send(AsyncCall)
    call.refresh_from_db()
    return call


def remove_old_requests(now: datetime | None = None) -> int:
    """Forget requests that ended a week ago, and results beyond an account's share."""
    limit = (now or timezone.now()) - REQUESTS_KEPT
    removed, _ = AsyncCall.objects.filter(ended_at__lt=limit).delete()
    with connection.cursor() as cursor:
        cursor.execute(_TOO_MUCH, [RESULT_BYTES])
    return removed
