"""The audit trail in the admin site: to look at, to search and to take away as CSV."""

from functools import partial

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, StreamingHttpResponse
from django.urls import URLPattern, path

from algoport.audit.export import csv_lines
from algoport.audit.models import AuditEntry
from algoport.audit.selectors import search_entries
from algoport.http.streaming import stream
from algoport.web.portal.pages import PortalAdmin


@admin.register(AuditEntry)
class AuditEntryAdmin(PortalAdmin):
    section = "Platform"
    list_display = ("number", "at", "actor_name", "via", "action", "target_kind", "target_name")
    list_filter = ("via", "at")
    # How a word is looked for is said by get_search_results; this shows the field for it.
    search_fields = ("actor_name",)
    search_help_text = "A name or id of who acted or of what was changed, an action or a request"
    ordering = ("-number",)
    change_list_template = "admin/audit_entries.html"

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[AuditEntry], search_term: str
    ) -> tuple[QuerySet[AuditEntry], bool]:
        for word in search_term.split():
            queryset = search_entries(queryset, word)
        return queryset, False

    def get_urls(self) -> list[URLPattern]:
        export = self.admin_site.admin_view(self.export)
        return [path("export.csv", export, name="audit_export"), *super().get_urls()]

    def export(self, request: HttpRequest) -> StreamingHttpResponse:
        """Those entries that the list shows, all pages of them."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        rows = self.get_changelist_instance(request).get_queryset(request)
        response = StreamingHttpResponse(
            stream(request, partial(csv_lines, rows)), content_type="text/csv; charset=utf-8"
        )
        response["Content-Disposition"] = 'attachment; filename="audit.csv"'
        return response
