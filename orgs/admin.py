"""Organizations and their types in the admin portal."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join

from algoport.accounts.constants import OrganizationRole
from algoport.accounts.models import Membership
from algoport.accounts.selectors import get_user
from algoport.web.portal.acts import Act, Asked, Done
from algoport.web.portal.pages import PortalAdmin
from orgs.invitations import withdraw
from orgs.models import Invitation, InvitationState, Organization, OrganizationType
from orgs.services import (
    Profile,
    create_organization,
    create_organization_type,
    delete_organization,
    delete_organization_type,
    put_member,
    remove_member,
    update_organization,
)

_MOST_MEMBERS_SHOWN = 200


class OrganizationForm(forms.ModelForm):
    email = forms.CharField(label="Contact e-mail", max_length=100)

    class Meta:
        model = Organization
        fields = ["label", "contact_name", "url", "type", "external_id"]

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        if not self.instance._state.adding:
            self.fields["email"].initial = self.instance.account.email


class AddOrganizationForm(OrganizationForm):
    name = forms.CharField(max_length=30, help_text="Part of addresses; it never changes.")
    owner = forms.CharField(
        label="First owner", max_length=30, help_text="Name of the user who decides who is in it."
    )


class MemberForm(forms.Form):
    username = forms.CharField(label="User name", max_length=100)
    role = forms.ChoiceField(choices=OrganizationRole.choices, initial=OrganizationRole.MEMBER)


class FormerMemberForm(forms.Form):
    username = forms.CharField(label="User name", max_length=100)


def _put_member(asked: Asked) -> Done:
    name, role = asked.values["username"], asked.values["role"]
    put_member(organization=asked.row, username=name, role=role)
    return Done(f"{name} is {role} of {asked.row}.")


def _remove_member(asked: Asked) -> Done:
    name = asked.values["username"]
    remove_member(organization=asked.row, username=name)
    return Done(f"{name} is not in {asked.row}.")


def _delete(asked: Asked) -> Done:
    delete_organization(organization=asked.row)
    return Done(f"{asked.row} has ended.")


def _is_active(asked: Asked) -> bool:
    return bool(asked.row.account.is_active)


@admin.register(Organization)
class OrganizationAdmin(PortalAdmin):
    section = "People"
    may_add = may_change = True
    list_display = ("account", "label", "contact_name", "type", "created_at")
    list_select_related = ("account", "type")
    list_filter = ("type", "account__is_active")
    search_fields = ("account__username", "label", "contact_name")
    search_help_text = "Name, label or contact"
    ordering = ("-created_at",)
    readonly_fields = ("account", "members")
    acts = (
        Act(
            "put-member",
            "Add member or change role",
            _put_member,
            "A member makes and runs the organization's algorithms; an owner decides besides who "
            "is in it, and publishes for everybody.",
            form=MemberForm,
            offered=_is_active,
        ),
        Act(
            "remove-member",
            "Remove member",
            _remove_member,
            "The user does not act for the organization any more.",
            form=FormerMemberForm,
            destroys=True,
            offered=_is_active,
        ),
        Act(
            "delete",
            "Delete",
            _delete,
            "Its name is never given again, its keys stop, and nobody acts for it any more.",
            destroys=True,
            offered=_is_active,
        ),
    )

    def get_fieldsets(self, request: HttpRequest, obj: Organization | None = None) -> Any:
        own = ("label", "contact_name", "email", "url", "type", "external_id")
        if obj is None:
            return [(None, {"fields": ("name", "owner", *own)})]
        return [(None, {"fields": ("account", *own)}), ("Members", {"fields": ("members",)})]

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **options: Any
    ) -> Any:
        options["form"] = AddOrganizationForm if obj is None else OrganizationForm
        options["fields"] = None
        return super().get_form(request, obj, change, **options)

    @admin.display(description="Members")
    def members(self, row: Organization) -> str:
        memberships = Membership.objects.filter(organization=row.account_id).select_related("user")
        shown = memberships.order_by("user__username")[:_MOST_MEMBERS_SHOWN]
        lines = [
            (reverse("admin:accounts_user_change", args=[each.user_id]), each.user, each.role)
            for each in shown
        ]
        listed = format_html_join("", '<li><a href="{}">{}</a>: {}</li>', lines)
        return format_html("<ul>{}</ul>", listed) if lines else "-"

    def save_model(self, request: HttpRequest, obj: Organization, form: Any, change: bool) -> None:
        profile = Profile(
            label=obj.label,
            contact_name=obj.contact_name,
            email=form.cleaned_data["email"],
            url=obj.url,
            type_id=obj.type_id,
            external_id=obj.external_id,
            external_admin_group=obj.external_admin_group,
            external_member_group=obj.external_member_group,
            external_executor_group=obj.external_executor_group,
        )
        if change:
            update_organization(organization=obj, profile=profile)
            return
        owner = get_user(form.cleaned_data["owner"])
        made = create_organization(
            name=form.cleaned_data["name"], profile=profile, creator_id=owner.id
        )
        obj.pk, obj.account = made.pk, made.account


@admin.register(OrganizationType)
class OrganizationTypeAdmin(PortalAdmin):
    section = "People"
    may_add = may_delete = True
    list_display = ("name", "created_at")
    search_fields = ("name",)

    def save_model(
        self, request: HttpRequest, obj: OrganizationType, form: object, change: bool
    ) -> None:
        create_organization_type(name=obj.name)

    def delete_model(self, request: HttpRequest, obj: OrganizationType) -> None:
        delete_organization_type(name=obj.name)


def _withdraw(asked: Asked) -> Done:
    withdraw(organization=asked.row.organization, invitation_id=asked.row.pk)
    return Done(f"The invitation of {asked.row} is withdrawn.")


@admin.register(Invitation)
class InvitationAdmin(PortalAdmin):
    """Who was asked to join which organization, without what makes their links good."""

    section = "People"
    list_display = ("__str__", "role", "state", "invited_by", "created_at", "expires_at")
    list_select_related = ("organization__account", "user", "invited_by")
    list_filter = ("state",)
    search_fields = ("organization__account__username", "user__username", "email")
    search_help_text = "Organization, user or address"
    ordering = ("-created_at",)
    exclude = ("nonce",)
    acts = (
        Act(
            "withdraw",
            "Withdraw",
            _withdraw,
            "Nobody can accept it any more.",
            destroys=True,
            offered=lambda asked: asked.row.state == InvitationState.PENDING,
        ),
    )
