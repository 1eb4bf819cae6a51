"""Hosted data in the admin site: to look at; the Data API changes it."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from dataportal.models import Collection, HostedFile


@admin.register(Collection)
class CollectionAdmin(admin.ModelAdmin):
    list_display = ["name", "owner", "read_acl", "created_at"]
    list_filter = ["read_acl"]
    list_select_related = ["owner"]
    search_fields = ["name", "owner__username"]
    readonly_fields = ["owner", "name", "created_at"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Collection | None = None) -> bool:
        return False


@admin.register(HostedFile)
class HostedFileAdmin(admin.ModelAdmin):
    list_display = ["name", "collection", "size", "modified_at"]
    list_select_related = ["collection__owner"]
    search_fields = ["name"]
    show_full_result_count = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[HostedFile]:
        return super().get_queryset(request).exclude(collection=None)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: HostedFile | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: HostedFile | None = None) -> bool:
        return False
