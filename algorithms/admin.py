"""Algorithms in the admin: to look at; changes go through the API's services."""

import redis
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from algorithms.models import (
    Algorithm,
    AlgorithmError,
    Approval,
    AsyncCall,
    Build,
    CallRecord,
    Environment,
    Reservation,
    Version,
    WebhookDelivery,
)
from algorithms.querysets import AsyncCallQuerySet
from algorithms.running.overview import read_pools


class ReadOnlyAdmin(admin.ModelAdmin):
    """Rows whose rules live in services: shown, never edited here."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object | None = None) -> bool:
        return False


@admin.register(Algorithm)
class AlgorithmAdmin(ReadOnlyAdmin):
    list_display = ("name", "owner", "callability", "environment", "created_at")
    list_select_related = ("owner", "environment")
    list_filter = ("callability", "environment", "network_access")
    search_fields = ("name", "owner__username", "label")


@admin.register(Build)
class BuildAdmin(ReadOnlyAdmin):
    list_display = ("id", "algorithm", "commit_sha", "state", "started_at", "finished_at")
    list_select_related = ("algorithm__owner",)
    list_filter = ("state",)
    search_fields = ("=id", "commit_sha", "algorithm__name")


@admin.register(Version)
class VersionAdmin(ReadOnlyAdmin):
    list_display = ("algorithm", "__str__", "callability", "created_at")
    list_select_related = ("algorithm__owner",)
    list_filter = ("callability",)
    search_fields = ("algorithm__name", "algorithm__owner__username")


@admin.register(Approval)
class ApprovalAdmin(ReadOnlyAdmin):
    list_display = ("__str__", "owner", "state", "created_at", "decided_by", "decided_at")
    list_select_related = ("version", "owner", "decided_by")
    list_filter = ("state",)
    search_fields = ("owner__username", "version__algorithm__name")


@admin.register(Environment)
class EnvironmentAdmin(ReadOnlyAdmin):
    list_display = ("name", "display_name", "language", "machine_type")


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(ReadOnlyAdmin):
    list_display = ("__str__", "account", "receiver", "state", "attempt", "last_status", "last_at")
    list_select_related = ("account",)
    list_filter = ("state",)
    search_fields = ("=id", "account__username", "receiver")
    # What follows the host is often a password of the receiver's.
    exclude = ("url", "payload")


@admin.register(CallRecord)
class CallRecordAdmin(ReadOnlyAdmin):
    list_display = ("__str__", "started_at", "kind", "version", "status", "error_type")
    list_filter = ("kind", "status")
    search_fields = ("=request_id", "=session_id", "=caller_id", "=algorithm_id")
    ordering = ("-started_at",)
    show_full_result_count = False


@admin.register(AsyncCall)
class AsyncCallAdmin(ReadOnlyAdmin):
    """Queued calls without what went in and came out: that is their callers' own."""

    list_display = ("__str__", "caller", "address", "state", "tries", "accepted_at", "ended_at")
    list_select_related = ("caller",)
    list_filter = ("state",)
    search_fields = ("=id", "=session_id", "caller__username")
    ordering = ("-accepted_at",)
    show_full_result_count = False
    exclude = ("payload", "digest", "idempotency_key", "result", "error", "stacktrace")

    def get_queryset(self, request: HttpRequest) -> AsyncCallQuerySet:
        return AsyncCall.objects.without_payload()


@admin.register(Reservation)
class ReservationAdmin(ReadOnlyAdmin):
    list_display = ("algorithm", "caller", "version_type", "version_identifier", "num_slots")
    list_select_related = ("algorithm__owner", "caller")
    search_fields = ("algorithm__name", "caller__username")


@admin.register(AlgorithmError)
class AlgorithmErrorAdmin(ReadOnlyAdmin):
    list_display = ("__str__", "created_at", "algorithm_id", "version", "error_type", "worker")
    list_filter = ("error_type",)
    search_fields = ("=request_id", "=caller_id", "=algorithm_id")
    ordering = ("-created_at",)
    show_full_result_count = False


def runners(request: HttpRequest) -> HttpResponse:
    """What the pools of all processes hold; to be wrapped by the site's `admin_view`."""
    context = {**admin.site.each_context(request), "title": "Runners"}
    try:
        context["pools"] = read_pools()
    except redis.RedisError:
        context["unavailable"] = True
        return render(request, "admin/runners.html", context, status=503)
    return render(request, "admin/runners.html", context)
