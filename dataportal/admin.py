"""Hosted data and connectors in the admin portal: to look at; the APIs change them."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from algoport.accounts.models import User
from algoport.web.portal.pages import PortalAdmin
from dataportal.connectors.services import remove_connectors
from dataportal.models import Collection, Connector, DataAccess, HostedFile, HostedUsage
from dataportal.querysets import ConnectorQuerySet, HostedFileQuerySet
from dataportal.usage import change_limits


@admin.register(Collection)
class CollectionAdmin(PortalAdmin):
    section = "Data"
    list_display = ["__str__", "kind", "owner", "read_acl", "created_at"]
    list_filter = ["kind", "read_acl"]
    list_select_related = ["owner"]
    search_fields = ["name", "owner__username"]
    search_help_text = "Collection or owner"
    fields = [*("kind", "owner", "name", "read_acl", "algorithm_id", "session_id", "created_at")]


@admin.register(HostedUsage)
class HostedUsageAdmin(PortalAdmin):
    """What accounts have, and the limits of those for whom they are others."""

    section = "Data"
    may_add = may_change = True
    list_display = ["owner", "bytes", "files", "byte_limit", "file_limit"]
    list_select_related = ["owner"]
    search_fields = ["owner__username"]
    search_help_text = "Name of the account"
    ordering = ["-bytes"]
    raw_id_fields = ["owner"]
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


@admin.register(HostedFile)
class HostedFileAdmin(PortalAdmin):
    """Files by where they are; a platform has many, so they are found by their address."""

    section = "Data"
    list_display = ["name", "collection", "size", "modified_at"]
    list_select_related = ["collection__owner"]
    search_fields = ["name"]
    search_help_text = "data://OWNER/COLLECTION or data://OWNER/COLLECTION/FILE"
    fields = ["name", "collection", "size", "digest", "modified_at"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[HostedFile]:
        return super().get_queryset(request).exclude(collection=None)

    def get_search_results(
        self, request: HttpRequest, queryset: HostedFileQuerySet, term: str
    ) -> tuple[HostedFileQuerySet, bool]:
        owner, _, place = term.removeprefix("data://").strip("/").partition("/")
        if not owner:
            return queryset, False
        collection, _, name = place.partition("/")
        collections = Collection.objects.filter(owner__in=User.objects.named(owner))
        if collection:
            collections = collections.filter(name__iexact=collection)
        found = queryset.filter(collection__in=collections)
        return (found.filter(name=name) if name else found), False


@admin.register(Connector)
class ConnectorAdmin(PortalAdmin):
    """What their owners may see of them; credentials are nobody's to see."""

    section = "Data"
    may_delete = True
    list_display = ["__str__", "owner", "protocol", "label", "path", "writeable", "is_default"]
    list_filter = ["protocol", "writeable", "is_default"]
    list_select_related = ["owner"]
    search_fields = ["label", "path", "owner__username"]
    search_help_text = "Label, path restriction or owner"
    ordering = ["-created_at"]
    fields = [
        *("owner", "protocol", "label", "path", "writeable", "is_default"),
        *("options", "revision", "created_at"),
    ]

    def delete_model(self, request: HttpRequest, obj: Connector) -> None:
        remove_connectors(Connector.objects.filter(pk=obj.pk))

    def delete_queryset(self, request: HttpRequest, queryset: ConnectorQuerySet) -> None:
        remove_connectors(queryset)


@admin.register(DataAccess)
class DataAccessAdmin(PortalAdmin):
    """Who has used whose data; there are many, so they are found by the owner."""

    section = "Data"
    list_display = ["__str__", "owner", "account", "algorithm_id", "status", "accessed_at"]
    search_fields = ["owner"]
    search_help_text = "Owner of the data, or OWNER/ACCOUNT for what one account did with it"
    ordering = ["-accessed_at"]

    def get_search_results(
        self, request: HttpRequest, queryset: Any, term: str
    ) -> tuple[Any, bool]:
        owner, _, account = term.lower().partition("/")
        if not owner:
            return queryset, False
        found = queryset.filter(owner=owner)
        return (found.filter(account=account) if account else found), False
