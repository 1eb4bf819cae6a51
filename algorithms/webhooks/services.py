"""What an account may do with its webhooks."""

from django.db import transaction
from django.utils import timezone

from algoport.accounts.permissions import Principal
from algoport.audit.recording import act
from algorithms.constants import DeliveryState
from algorithms.errors import NoWebhookDelivery
from algorithms.models import AsyncCall, WebhookDelivery, WebhookSecret
from algorithms.querysets import DeliveryQuerySet
from algorithms.queueing.services import get_request
from algorithms.webhooks.policy import check_manages_webhooks
from algorithms.webhooks.signals import delivery_due
from algorithms.webhooks.signing import find_secret, replace_secret


def deliveries_of(call: AsyncCall) -> DeliveryQuerySet:
    """The newest first: every end of the call has one."""
    return WebhookDelivery.objects.filter(call_id=call.pk).order_by("-created_at")


def redeliver(*, principal: Principal, request_id: str) -> WebhookDelivery:
    """Send the last end of a request again, under its id and with all its attempts.

    One that is being sent at this moment is left to it. Raises RequestNotFound, NotAuthorized,
    NoWebhookDelivery.
    """
    call = get_request(principal, request_id)
    check_manages_webhooks(principal)
    last = deliveries_of(call).first()
    if last is None:
        reason = "the request has not ended" if call.webhook else "the request has no webhook"
        raise NoWebhookDelivery(reason=reason)
    return send_again(delivery=last)


@transaction.atomic
def send_again(*, delivery: WebhookDelivery) -> WebhookDelivery:
    """Send what a receiver was to be told again, for whom no rule has to let."""
    with act("webhook.redeliver", delivery):
        WebhookDelivery.objects.filter(pk=delivery.pk).not_in_flight().update(
            state=DeliveryState.PENDING, tries=0, not_before=timezone.now(), lease_expires_at=None
        )
    transaction.on_commit(lambda: delivery_due.send(WebhookDelivery))
    delivery.refresh_from_db()
    return delivery


def get_secret(principal: Principal) -> WebhookSecret | None:
    """What there is to know of the account's signing secret. Raises NotAuthorized."""
    check_manages_webhooks(principal)
    assert principal.user_id is not None
    return find_secret(principal.user_id)


def make_secret(*, principal: Principal) -> str:
    """A new signing secret, told this once. Raises NotAuthorized."""
    check_manages_webhooks(principal)
    assert principal.user_id is not None
    return replace_secret(principal.user_id)
