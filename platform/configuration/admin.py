"""The site's configuration in the admin: to look at; the API changes it."""

from django.contrib import admin
from django.http import HttpRequest

from algoport.configuration.models import FrontendEntry, SiteImage


class ReadOnlyAdmin(admin.ModelAdmin):
    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object | None = None) -> bool:
        return False


@admin.register(FrontendEntry)
class FrontendEntryAdmin(ReadOnlyAdmin):
    list_display = ("keyname", "created_at", "updated_at")
    search_fields = ("keyname", "value")


@admin.register(SiteImage)
class SiteImageAdmin(ReadOnlyAdmin):
    list_display = ("kind", "content_type", "digest", "updated_at")
    search_fields = ("kind",)
    exclude = ("content",)
