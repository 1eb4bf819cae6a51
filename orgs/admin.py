"""Organizations and their types in the admin."""

from django.contrib import admin
from django.http import HttpRequest

from orgs.models import Organization, OrganizationType
from orgs.services import (
    Profile,
    create_organization_type,
    delete_organization_type,
    update_organization,
)


@admin.register(Organization)
class OrganizationAdmin(admin.ModelAdmin):
    list_display = ("account", "label", "contact_name", "type", "created_at")
    list_select_related = ("account", "type")
    list_filter = ("type", "account__is_active")
    search_fields = ("account__username", "label", "contact_name")
    fields = ("account", "label", "contact_name", "url", "type", "external_id")
    readonly_fields = ("account",)

    def save_model(
        self, request: HttpRequest, obj: Organization, form: object, change: bool
    ) -> None:
        profile = Profile(
            label=obj.label,
            contact_name=obj.contact_name,
            email=obj.account.email,
            url=obj.url,
            type_id=obj.type_id,
            external_id=obj.external_id,
            external_admin_group=obj.external_admin_group,
            external_member_group=obj.external_member_group,
            external_executor_group=obj.external_executor_group,
        )
        update_organization(organization=obj, profile=profile)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Organization | None = None) -> bool:
        return False


@admin.register(OrganizationType)
class OrganizationTypeAdmin(admin.ModelAdmin):
    list_display = ("name", "created_at")
    search_fields = ("name",)

    def save_model(
        self, request: HttpRequest, obj: OrganizationType, form: object, change: bool
    ) -> None:
        create_organization_type(name=obj.name)

    def has_change_permission(
        self, request: HttpRequest, obj: OrganizationType | None = None
    ) -> bool:
        return False

    def delete_model(self, request: HttpRequest, obj: OrganizationType) -> None:
        delete_organization_type(name=obj.name)
