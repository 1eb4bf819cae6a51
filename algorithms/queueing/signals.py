"""Signals of the queue."""

from django.dispatch import Signal

# A call waits for a worker; sent inside the transaction that stores it.
call_queued = Signal()
# Somebody wants a running call to end (call_id).
call_cancelled = Signal()
