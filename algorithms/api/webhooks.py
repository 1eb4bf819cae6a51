"""Webhooks of queued calls, and what they are signed with."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from algoport.accounts.api.authentication import principal_of
from algoport.api.description import refusals
from algoport.api.timestamps import to_milliseconds
from algorithms.api.shapes import (
    DeliveryShape,
    NewSecretShape,
    RequestWebhookShape,
    SecretStateShape,
)
from algorithms.constants import DeliveryState
from algorithms.errors import NoWebhookDelivery, RequestNotFound
from algorithms.models import WebhookDelivery
from algorithms.queueing.services import get_request
from algorithms.webhooks.services import deliveries_of, get_secret, make_secret, redeliver


class WebhookView(APIView):
    @extend_schema(
        responses={200: RequestWebhookShape, **refusals(RequestNotFound)},
    )
    def get(self, request: Request, request_id: str) -> Response:
        """Tell what was sent of a queued call's end."""
        call = get_request(principal_of(request), request_id)
        deliveries = [delivery_body(row) for row in deliveries_of(call)]
        return Response({"webhook": call.webhook or None, "deliveries": deliveries})


class RedeliverView(APIView):
    @extend_schema(
        request=None,
        responses={200: DeliveryShape, **refusals(RequestNotFound, NoWebhookDelivery)},
    )
    def post(self, request: Request, request_id: str) -> Response:
        """Send a queued call's end once more."""
        delivery = redeliver(principal=principal_of(request), request_id=request_id)
        return Response(delivery_body(delivery))


class SecretView(APIView):
    @extend_schema(
        responses=SecretStateShape,
    )
    def get(self, request: Request) -> Response:
        """Tell whether there is a secret that webhooks are signed with."""
        row = get_secret(principal_of(request))
        made_at = None if row is None else to_milliseconds(row.made_at)
        return Response({"exists": row is not None, "made_at": made_at})

    @extend_schema(
        request=None,
        responses=NewSecretShape,
    )
    def post(self, request: Request) -> Response:
        """Make a secret that webhooks are signed with, in place of the one before."""
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
