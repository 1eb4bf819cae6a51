"""Taking a call into the queue: an answer says yes only after the commit (design.md 7)."""

import hashlib
import logging
from dataclasses import dataclass
from uuid import UUID

from django.db import Error, IntegrityError, transaction
from django.db.models import Count, Sum
from django.utils import timezone

from algoport.accounts.permissions import Principal
from algoport.broker import BrokerUnavailable
from algorithms.constants import MOST_QUEUED_CALLS, QUEUED_BYTES
from algorithms.errors import (
    IdempotencyKeyReused,
    QueueUnavailable,
    TooManyQueuedBytes,
    TooManyQueuedCalls,
)
from algorithms.models import AsyncCall
from algorithms.queueing.signals import call_queued
from algorithms.selectors import Target
from algorithms.webhooks.policy import check_webhook

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class QueueOptions:
    """What a caller may ask of a queued call beyond its timeout in seconds."""

    timeout: int
    retries: int = 0
    idempotency_key: str | None = None
    webhook: str = ""


def accept_call(
    *,
    request_id: UUID,
    session_id: UUID,
    principal: Principal,
    target: Target,
    payload: bytes,
    bytes_in: int,
    options: QueueOptions,
) -> UUID:
    """Commit a call and wake a worker; the id of its request, or of the first one of its key.

    Raises IdempotencyKeyReused, TooManyQueuedCalls, TooManyQueuedBytes, what check_webhook raises,
    and QueueUnavailable when it is not certain that the call will be run.
    """
    if options.webhook:
        check_webhook(principal, options.webhook)
    digest = _digest(target, payload, options)
    run = principal.run
    call = AsyncCall(
        id=request_id,
        session_id=session_id,
        caller_id=principal.user_id,
        key_id=principal.key_id,
        calling_algorithm_id=None if run is None else run.algorithm_id,
        calling_owner_id=None if run is None else run.algorithm_owner_id,
        owner_name=target.owner,
        algorithm_name=target.name,
        algorithm_id=target.algorithm_id,
        build_id=target.build_id,
        version=target.version,
        payload=payload,
        bytes_in=bytes_in,
        timeout=options.timeout,
        attempts_allowed=1 + options.retries,
        idempotency_key=options.idempotency_key,
        digest=digest,
        webhook=options.webhook,
        not_before=timezone.now(),
        accepted_at=timezone.now(),
    )
    try:
        return _accept(call)
    except (Error, BrokerUnavailable) as exc:
        logger.error("a call could not be queued: %s", exc)
        raise QueueUnavailable from exc


def _accept(call: AsyncCall) -> UUID:
    first = _find_first(call)
    if first is not None:
        return first
    _check_room(call)
    try:
        with transaction.atomic():
            call.save(force_insert=True)
            # Before the commit: without the broker nothing is accepted. A worker that looks too
            # early looks again.
            call_queued.send(AsyncCall)
    except IntegrityError:
        first = _find_first(call)
        if first is None:
            raise
        return first
    return call.id


def _find_first(call: AsyncCall) -> UUID | None:
    """The call that was accepted under the same key. Raises IdempotencyKeyReused."""
    if call.idempotency_key is None:
        return None
    found = (
        AsyncCall.objects.filter(caller_id=call.caller_id, idempotency_key=call.idempotency_key)
        .values_list("id", "digest")
        .first()
    )
    if found is None:
        return None
    if bytes(found[1]) != call.digest:
        raise IdempotencyKeyReused
    request_id: UUID = found[0]
    return request_id


def _check_room(call: AsyncCall) -> None:
    queued = AsyncCall.objects.queued().filter(caller_id=call.caller_id)
    sizes = queued.values("bytes_in")[:MOST_QUEUED_CALLS]
    held = sizes.aggregate(calls=Count("*"), bytes=Sum("bytes_in", default=0))
    if held["calls"] >= MOST_QUEUED_CALLS:
        raise TooManyQueuedCalls(limit=MOST_QUEUED_CALLS)
    if held["bytes"] + call.bytes_in > QUEUED_BYTES:
        raise TooManyQueuedBytes(limit=QUEUED_BYTES)


def _digest(target: Target, payload: bytes, options: QueueOptions) -> bytes:
    """What makes two calls the same; the version as it was resolved does not count."""
    asked = f"{target.algorithm_id}\n{options.timeout}\n{options.retries}\n{options.webhook}\n"
    return hashlib.sha256(asked.encode() + payload).digest()
