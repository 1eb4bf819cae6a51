"""Queued calls as the call plane accepts them."""

import uuid
from typing import Any

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
