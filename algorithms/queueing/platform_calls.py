"""Calls that the platform makes for an algorithm's owner, without a key."""

import logging
import uuid
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from algoport.broker import BrokerUnavailable
from algorithms.models import AsyncCall, Build
from algorithms.queueing.signals import call_queued

logger = logging.getLogger(__name__)


def queue_for_owner(*, build: Build, payload: bytes, seconds: int) -> UUID:
    """Queue one attempt of a build, as its algorithm's owner; the id of the request.

    To be called in a transaction; the build's algorithm and its owner have to be loaded. It counts
    as a call of the owner, and is theirs to see and to cancel.
    """
    algorithm, now = build.algorithm, timezone.now()
    version = getattr(build, "version", None)
    call = AsyncCall.objects.create(
        id=uuid.uuid4(),
        session_id=uuid.uuid4(),
        caller=algorithm.owner,
        owner_name=algorithm.owner.username,
        algorithm_name=algorithm.name,
        algorithm_id=algorithm.id,
        build_id=build.id,
        version=build.commit_sha if version is None else version.semantic_version,
        payload=payload,
        bytes_in=len(payload) - 1,
        timeout=seconds,
        digest=b"",
        not_before=now,
        accepted_at=now,
    )
    transaction.on_commit(_wake)
    return call.id


def _wake() -> None:
    try:
        call_queued.send(AsyncCall)
    except BrokerUnavailable as exc:
        # Workers look for themselves every second.
        logger.warning("cannot hurry a call: %s", exc)
