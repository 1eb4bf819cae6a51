"""Algorithms in the admin: to look at; changes go through the API's services."""

from django.contrib import admin
from django.http import HttpRequest

from algorithms.models import Algorithm, Build, Environment, Version, WebhookDelivery


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
