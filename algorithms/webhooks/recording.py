"""The end of a call and its webhook are one transaction: neither is there without the other."""

import re
from functools import partial

from django.db import transaction
from django.utils import timezone

from algorithms.constants import RECEIVER_LENGTH
from algorithms.models import AsyncCall, WebhookDelivery
from algorithms.webhooks.payloads import payload_of
from algorithms.webhooks.signals import delivery_due


def record_delivery(call: AsyncCall) -> None:
    """To be called in the transaction that ends the call."""
    if not call.webhook:
        return
    WebhookDelivery.objects.create(
        call_id=call.pk,
        account_id=call.caller_id,
        url=call.webhook,
        receiver=_receiver_of(call.webhook),
        not_before=timezone.now(),
    )
    transaction.on_commit(partial(delivery_due.send, WebhookDelivery))


def keep_payloads(call: AsyncCall) -> None:
    """To be called before an ended call goes on: what tells of this end goes on telling of it."""
    if call.webhook:
        telling = WebhookDelivery.objects.filter(call_id=call.pk, payload=None)
        telling.update(payload=payload_of(call.pk))


def _receiver_of(url: str) -> str:
    """Host and port; whatever the URL is, the call must end."""
    return re.split(r"[/?#]", url.partition("://")[2])[0].lower()[:RECEIVER_LENGTH]
