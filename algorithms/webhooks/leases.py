"""Who sends a webhook: leases with a fencing number, as for calls (design.md 7)."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone

from algorithms.constants import (
    MOST_WEBHOOKS_OF_ACCOUNT,
    MOST_WEBHOOKS_OF_RECEIVER,
    WEBHOOK_LEASE_SECONDS,
    DeliveryState,
)
from algorithms.models import WebhookDelivery
from algorithms.news import tell_of_failed_webhook
from algorithms.webhooks.schedule import delay_after

GONE = 410
_SETTLING = ("tries", "not_before", "account_id", "receiver")

# Of each receiver of each account the next ones, as far as it has not enough in flight; then of
# each account as many as it may have, new ones before those that have failed already.
_NEXT = """
WITH pairs AS (
    SELECT account_id, receiver,
        count(*) FILTER (WHERE lease_expires_at > %(now)s) AS busy
    FROM algorithms_webhookdelivery WHERE state = 'pending'
    GROUP BY account_id, receiver HAVING min(not_before) <= %(now)s
), accounts AS (
    SELECT account_id, count(*) AS busy FROM algorithms_webhookdelivery
    WHERE state = 'pending' AND lease_expires_at > %(now)s GROUP BY account_id
), candidates AS (
    SELECT due.id, row_number() OVER (
        PARTITION BY pairs.account_id ORDER BY due.place, due.tries, due.not_before
    ) + coalesce(accounts.busy, 0) AS place
    FROM pairs LEFT JOIN accounts USING (account_id), LATERAL (
        SELECT id, tries, not_before, row_number() OVER (ORDER BY not_before) AS place
        FROM algorithms_webhookdelivery
        WHERE state = 'pending' AND account_id = pairs.account_id
            AND receiver = pairs.receiver AND not_before <= %(now)s
        ORDER BY not_before
        LIMIT greatest(0, %(of_receiver)s - pairs.busy)
    ) due
)
SELECT due.id FROM algorithms_webhookdelivery due JOIN candidates USING (id)
WHERE due.state = 'pending' AND due.not_before <= %(now)s
    AND candidates.place <= %(of_account)s
ORDER BY candidates.place, due.not_before LIMIT %(count)s
FOR UPDATE OF due SKIP LOCKED
"""


@dataclass(frozen=True)
class Attempted:
    """What an attempt came to: a status, or an error when there was no answer."""

    status: int | None
    seconds: float
    error: str = ""

    @property
    def succeeded(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


@transaction.atomic
def take_deliveries(count: int) -> list[WebhookDelivery]:
    """Up to `count` deliveries for this worker, each with an attempt of its own."""
    now = timezone.now()
    with connection.cursor() as cursor:
        cursor.execute(
            _NEXT,
            {
                "now": now,
                "count": count,
                "of_account": MOST_WEBHOOKS_OF_ACCOUNT,
                "of_receiver": MOST_WEBHOOKS_OF_RECEIVER,
            },
        )
        ids = [row[0] for row in cursor.fetchall()]
    if not ids:
        return []
    expiry = now + timedelta(seconds=WEBHOOK_LEASE_SECONDS)
    rows = WebhookDelivery.objects.filter(pk__in=ids)
    rows.update(attempt=F("attempt") + 1, lease_expires_at=expiry, not_before=expiry)
    return list(rows)


@transaction.atomic
def settle(delivery_id: UUID, attempt: int, attempted: Attempted) -> bool:
    """Record what the attempt came to; False when the delivery was not its any more."""
    held = WebhookDelivery.objects.held(delivery_id, attempt)
    delivery = held.select_for_update().only(*_SETTLING).first()
    if delivery is None:
        return False
    now = timezone.now()
    delay = delay_after(delivery.tries + 1)
    state, not_before = DeliveryState.PENDING, delivery.not_before
    if attempted.succeeded:
        state = DeliveryState.DELIVERED
    elif attempted.status == GONE or delay is None:
        state = DeliveryState.FAILED
    else:
        not_before = now + timedelta(seconds=delay)
    held.update(
        state=state,
        tries=F("tries") + 1,
        not_before=not_before,
        lease_expires_at=None,
        last_at=now,
        last_status=attempted.status,
        last_seconds=attempted.seconds,
        last_error=attempted.error[:300],
    )
    if state == DeliveryState.FAILED:
        tell_of_failed_webhook(delivery, attempted.error)
    return True
