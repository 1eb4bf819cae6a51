"""Webhooks of queued calls, and what they are signed with."""

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from algoport.accounts.api.authentication import principal_of
from algoport.api.timestamps import to_milliseconds
from algorithms.constants import DeliveryState
from algorithms.models import WebhookDelivery
from algorithms.queueing.services import get_request
from algorithms.webhooks.services import deliveries_of, get_secret, make_secret, redeliver


class WebhookView(APIView):
    def get(self, request: Request, request_id: str) -> Response:
        call = get_request(principal_of(request), request_id)
        deliveries = [delivery_body(row) for row in deliveries_of(call)]
        return Response({"webhook": call.webhook or None, "deliveries": deliveries})


class RedeliverView(APIView):
    def post(self, request: Request, request_id: str) -> Response:
        delivery = redeliver(principal=principal_of(request), request_id=request_id)
        return Response(delivery_body(delivery))


class SecretView(APIView):
    def get(self, request: Request) -> Response:
        row = get_secret(principal_of(request))
        made_at = None if row is None else to_milliseconds(row.made_at)
        return Response({"exists": row is not None, "made_at": made_at})

    def post(self, request: Request) -> Response:
        return Response({"secret": make_secret(principal=principal_of(request))})


def delivery_body(delivery: WebhookDelivery) -> dict[str, Any]:
    """A delivery with its last attempt; seconds are those of that attempt."""
    pending = delivery.state == DeliveryState.PENDING
    last = None
    if delivery.last_at is not None:
        last = {
            "at": to_milliseconds(delivery.last_at),
            "status": delivery.last_status,
            "seconds": delivery.last_seconds,
            "error": delivery.last_error or None,
        }
    return {
        "webhook_id": str(delivery),
        "state": delivery.state,
        "attempts": delivery.attempt,
        "created_at": to_milliseconds(delivery.created_at),
        "next_attempt_at": to_milliseconds(delivery.not_before) if pending else None,
        "last_attempt": last,
    }
