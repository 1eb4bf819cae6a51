"""Hosted data and connectors in the admin site: to look at; the APIs change them."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from algoport.accounts.permissions import CollectionKind
from dataportal.connectors.services import remove_connectors
from dataportal.models import Collection, Connector, DataAccess, HostedFile, HostedUsage
from dataportal.querysets import ConnectorQuerySet
from dataportal.usage import change_limits


@admin.register(Collection)
class CollectionAdmin(admin.ModelAdmin):
    list_display = ["__str__", "kind", "owner", "read_acl", "created_at"]
    list_filter = ["kind", "read_acl"]
    list_select_related = ["owner"]
    search_fields = ["name", "owner__username"]
    readonly_fields = ["kind", "owner", "name", "algorithm_id", "session_id", "created_at"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Collection | None = None) -> bool:
        if obj is not None and obj.kind != CollectionKind.USER:
            return False
        return super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Collection | None = None) -> bool:
        return False


@admin.register(HostedUsage)
class HostedUsageAdmin(admin.ModelAdmin):
    """What accounts have, and the limits of those for whom they are others."""

    list_display = ["owner", "bytes", "files", "byte_limit", "file_limit"]
    list_select_related = ["owner"]
    search_fields = ["owner__username"]
    autocomplete_fields = ["owner"]
    fields = ["owner", "bytes", "files", "byte_limit", "file_limit"]

    def get_readonly_fields(
        self, request: HttpRequest, obj: HostedUsage | None = None
    ) -> list[str]:
        return ["bytes", "files"] if obj is None else ["owner", "bytes", "files"]

    def save_model(
        self, request: HttpRequest, obj: HostedUsage, form: object, change: bool
    ) -> None:
        # The sums of the form may be old ones.
        change_limits(owner_id=obj.owner_id, byte_limit=obj.byte_limit, file_limit=obj.file_limit)

    def has_delete_permission(self, request: HttpRequest, obj: HostedUsage | None = None) -> bool:
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


@admin.register(Connector)
class ConnectorAdmin(admin.ModelAdmin):
    """What their owners may see of them; credentials are nobody's to see."""

    list_display = ["__str__", "owner", "protocol", "label", "path", "writeable", "is_default"]
    list_filter = ["protocol", "writeable", "is_default"]
    list_select_related = ["owner"]
    search_fields = ["label", "path", "owner__username"]
    fields = [
        *("owner", "protocol", "label", "path", "writeable", "is_default"),
        *("options", "revision", "created_at"),
    ]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Connector | None = None) -> bool:
        return False

    def delete_model(self, request: HttpRequest, obj: Connector) -> None:
        remove_connectors(Connector.objects.filter(pk=obj.pk))

    def delete_queryset(self, request: HttpRequest, queryset: ConnectorQuerySet) -> None:
        remove_connectors(queryset)


@admin.register(DataAccess)
class DataAccessAdmin(admin.ModelAdmin):
    list_display = ["__str__", "owner", "account", "algorithm_id", "status", "accessed_at"]
    search_fields = ["=owner", "=account", "=id"]
    ordering = ["-accessed_at"]
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: DataAccess | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: DataAccess | None = None) -> bool:
        return False
