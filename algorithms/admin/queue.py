"""Queued calls and webhooks, and sending again what has died."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from algoport.web.portal.acts import Act, Asked, Done, bulk_action
from algoport.web.portal.pages import PortalAdmin
from algorithms.admin.columns import RequestColumn
from algorithms.admin.search import PeriodFilter, SearchedByNames
from algorithms.constants import AsyncState, DeliveryState
from algorithms.models import AsyncCall, WebhookDelivery
from algorithms.querysets import AsyncCallQuerySet
from algorithms.queueing.services import end_call, redrive_call
from algorithms.webhooks.services import send_again


class AcceptedFilter(PeriodFilter):
    time_field = "accepted_at"


def _redrive(asked: Asked) -> Done:
    redrive_call(call=asked.row)
    return Done(f"{asked.row} is queued again.")


def _cancel(asked: Asked) -> Done:
    end_call(call=asked.row)
    return Done(f"{asked.row} is cancelled.")


@admin.register(AsyncCall)
class AsyncCallAdmin(SearchedByNames):
    """Queued calls without what went in and came out: that is their callers' own."""

    section = "Calls"
    list_display = (
        RequestColumn("id"),
        "caller",
        "address",
        "state",
        "tries",
        "accepted_at",
        "ended_at",
    )
    list_select_related = ("caller",)
    list_filter = ("state", AcceptedFilter)
    search_fields = ("id",)
    ordering = ("-accepted_at",)
    exclude = (
        *("payload", "digest", "idempotency_key", "result", "error", "stacktrace"),
        # What follows the host is often a password of the receiver's.
        "webhook",
    )
    acts = (
        Act(
            "redrive",
            "Queue again",
            _redrive,
            "The call is run again with as many attempts as it had.",
            offered=lambda asked: asked.row.state == AsyncState.DEAD,
        ),
        Act(
            "cancel",
            "Cancel",
            _cancel,
            "The call ends without a result; one that runs is stopped.",
            destroys=True,
            offered=lambda asked: asked.row.state in (AsyncState.QUEUED, AsyncState.RUNNING),
        ),
    )
    actions = (
        bulk_action(
            "redrive",
            "Queue again",
            "Each of these calls that is dead is run again, with as many attempts as it had.",
            lambda request, call: redrive_call(call=call),
        ),
    )

    def get_queryset(self, request: HttpRequest) -> AsyncCallQuerySet:
        return AsyncCall.objects.without_payload()


def _send_again(asked: Asked) -> Done:
    send_again(delivery=asked.row)
    return Done(f"{asked.row} is sent again.")


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(PortalAdmin):
    section = "Calls"
    list_display = ("__str__", "account", "receiver", "state", "attempt", "last_status", "last_at")
    list_select_related = ("account",)
    list_filter = ("state",)
    search_fields = ("account__username", "receiver")
    search_help_text = "Account or receiver"
    ordering = ("-created_at",)
    # What follows the host is often a password of the receiver's.
    exclude = ("url", "payload")
    acts = (
        Act(
            "send-again",
            "Send again",
            _send_again,
            "The receiver is told again, under the same id and with all attempts.",
            offered=lambda asked: asked.row.state != DeliveryState.PENDING,
        ),
    )
    actions = (
        bulk_action(
            "send_again",
            "Send again",
            "The receivers are told again, under the same ids and with all attempts.",
            lambda request, delivery: send_again(delivery=delivery),
        ),
    )

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).defer("payload")
