"""What administrators do with calls and webhooks of others."""

from django.db import transaction

from algoport.audit.recording import act
from algorithms.models import AsyncCall, WebhookDelivery
from algorithms.queueing.services import end_call, redrive_call
from algorithms.webhooks.services import send_again


@transaction.atomic
def redrive(*, call: AsyncCall) -> None:
    """Queue anybody's dead call again. Raises RequestNotDead."""
    with act("request.redrive", call):
        redrive_call(call=call)


@transaction.atomic
def cancel(*, call: AsyncCall) -> None:
    """End anybody's call. Raises RequestHasEnded."""
    with act("request.cancel", call):
        end_call(call=call)


@transaction.atomic
def redeliver(*, delivery: WebhookDelivery) -> None:
    """Tell anybody's receiver again."""
    with act("webhook.redeliver", delivery):
        send_again(delivery=delivery)
