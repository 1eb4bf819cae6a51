"""Accounts and keys in the admin."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from algoport.accounts.models import ApiKey, User
from algoport.accounts.services import change_account, revoke_key


@admin.register(User)
class UserAdmin(admin.ModelAdmin):
    list_display = ("username", "email", "kind", "is_staff", "is_active", "created_at")
    list_filter = ("kind", "is_staff", "is_active")
    search_fields = ("username", "email", "fullname")
    fields = (
        *("username", "email", "fullname", "company_name", "company_role"),
        *("is_active", "call_limit"),
    )
    readonly_fields = ("username", "email")

    def save_model(self, request: HttpRequest, obj: User, form: object, change: bool) -> None:
        change_account(account=obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return False


@admin.register(ApiKey)
class ApiKeyAdmin(admin.ModelAdmin):
    list_display = ("label", "mask", "owner", "key_type", "created_at", "revoked_at")
    list_select_related = ("owner",)
    list_filter = ("key_type",)
    search_fields = ("label", "owner__username")
    exclude = ("digest",)
    actions = ("revoke",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: ApiKey | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: ApiKey | None = None) -> bool:
        return False

    @admin.action(description="Revoke the selected keys", permissions=["view"])
    def revoke(self, request: HttpRequest, queryset: QuerySet) -> None:
        for key in queryset:
            revoke_key(key=key)
