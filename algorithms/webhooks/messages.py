"""From a delivery that was taken to what is sent."""

import time
from dataclasses import dataclass

from django.utils import timezone

from algoport.http.addresses import Destination, parse_destination
from algorithms.models import WebhookDelivery
from algorithms.webhooks.payloads import payload_of
from algorithms.webhooks.signing import signed_headers, signing_secrets


@dataclass(frozen=True)
class Message:
    """A request that is ready to be sent."""

    destination: Destination
    headers: list[tuple[str, str]]
    body: bytes


def message_of(delivery: WebhookDelivery) -> Message:
    """Signed for this attempt. Raises NotDecryptable, AddressNotAllowed."""
    body = _body_of(delivery)
    signing = signing_secrets(delivery.account_id, timezone.now())
    headers = [
        ("Content-Type", "application/json"),
        ("User-Agent", "Algoport-Webhooks"),
        *signed_headers(str(delivery), int(time.time()), body, signing),
    ]
    return Message(parse_destination(delivery.url), headers, body)


def _body_of(delivery: WebhookDelivery) -> bytes:
    if delivery.payload is None:
        body = payload_of(delivery.call_id)
        # Read last: a call that has gone on meanwhile has left what to send instead.
        delivery.refresh_from_db(fields=["payload"])
    return body if delivery.payload is None else bytes(delivery.payload)
