"""The site's configuration in the portal: to look at; the API changes it."""

from django.contrib import admin

from algoport.configuration.models import FrontendEntry, SiteImage
from algoport.web.portal.pages import PortalAdmin


@admin.register(FrontendEntry)
class FrontendEntryAdmin(PortalAdmin):
    list_display = ("keyname", "created_at", "updated_at")
    search_fields = ("keyname", "value")


@admin.register(SiteImage)
class SiteImageAdmin(PortalAdmin):
    list_display = ("kind", "content_type", "digest", "updated_at")
    search_fields = ("kind",)
    exclude = ("content",)
