"""Queued calls as the call plane accepts them."""

import uuid
from typing import Any

from django.utils import timezone

from algoport.accounts.models import User
from algoport.accounts.permissions import Principal
from algorithms.models import AsyncCall
from algorithms.queueing.accepting import QueueOptions, accept_call
from algorithms.selectors import resolve_call


def make_queued_call(
    principal: Principal, payload: bytes = b"j{}", timeout: int = 300, **options: Any
) -> AsyncCall:
    """A call of demo/Hello that waits for a worker, with these QueueOptions."""
    request_id = accept_call(
        request_id=uuid.uuid4(),
        session_id=uuid.uuid4(),
        principal=principal,
        target=resolve_call(principal, "demo", "Hello", ""),
        payload=payload,
        bytes_in=len(payload),
        options=QueueOptions(timeout, **options),
    )
    return AsyncCall.objects.get(pk=request_id)


def make_call(caller: User, **fields: Any) -> AsyncCall:
    """A row of demo/Hello that nobody has accepted: its algorithm is not there."""
    now = timezone.now()
    return AsyncCall.objects.create(
        id=uuid.uuid4(),
        session_id=uuid.uuid4(),
        caller=caller,
        owner_name="demo",
        algorithm_name="Hello",
        algorithm_id=uuid.uuid4(),
        build_id=uuid.uuid4(),
        version="1.0.0",
        bytes_in=2,
        timeout=10,
        digest=b"",
        not_before=now,
        accepted_at=now,
        **fields,
    )
