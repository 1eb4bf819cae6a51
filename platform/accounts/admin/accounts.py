"""Accounts and keys in the admin portal."""

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth.models import Group
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from algoport.accounts.administration import (
    deactivate_account,
    make_administrator,
    remove_administrator,
    restore_account,
    set_call_limit,
    set_external_id,
)
from algoport.accounts.constants import MOST_CALLS_OF_ACCOUNT, AccountKind
from algoport.accounts.models import ApiKey, Membership, User
from algoport.accounts.second_factors import remove_second_factors
from algoport.accounts.services import create_user, revoke_key, update_user
from algoport.accounts.sessions import end_sessions
from algoport.accounts.web.impersonation import begin
from algoport.accounts.web.password_reset import send_password_reset
from algoport.web.portal.acts import Act, Asked, Done, bulk_action
from algoport.web.portal.pages import PortalAdmin


class WorkLimitForm(forms.Form):
    call_limit = forms.IntegerField(
        label="Most calls at the same time",
        min_value=1,
        max_value=MOST_CALLS_OF_ACCOUNT,
        help_text="A whole number greater than zero.",
    )


class ExternalIdForm(forms.Form):
    external_id = forms.CharField(
        label="External id",
        max_length=255,
        required=False,
        help_text="What the identity provider's tokens call the user; empty for nobody.",
    )


class AddUserForm(forms.ModelForm):
    password = forms.CharField(
        required=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}, render_value=False),
        help_text="Empty: the user signs in after a password reset, or by key alone.",
        strip=False,
    )
    administrator = forms.BooleanField(required=False)

    class Meta:
        model = User
        fields = ["username", "email", "fullname", "company_name", "company_role"]

    def _get_validation_exclusions(self) -> set[str]:
        """The service tells what is wrong with a name or address, in the protocol's words."""
        return set(super()._get_validation_exclusions()) | {"username", "email"}


def _limit_work(asked: Asked) -> Done:
    set_call_limit(account=asked.row, limit=asked.values["call_limit"])
    return Done(f"{asked.row} may have {asked.row.call_limit} calls at the same time.")


def _deactivate(asked: Asked) -> Done:
    deactivate_account(account=asked.row)
    return Done(f"{asked.row} is deactivated: no sign-in and none of its keys is good.")


def _restore(asked: Asked) -> Done:
    restore_account(account=asked.row)
    return Done(f"{asked.row} is active again.")


def _make_administrator(asked: Asked) -> Done:
    make_administrator(account=asked.row)
    return Done(f"{asked.row} is an administrator.")


def _remove_administrator(asked: Asked) -> Done:
    remove_administrator(account=asked.row)
    goto = reverse("home") if asked.row == asked.request.user else ""
    return Done(f"{asked.row} is no administrator any more.", goto)


def _set_external_id(asked: Asked) -> Done:
    set_external_id(account=asked.row, external_id=asked.values["external_id"])
    return Done(f"{asked.row} is {asked.row.external_id or 'nobody'} to the identity provider.")


def _end_sessions(asked: Asked) -> Done:
    end_sessions(user=asked.row)
    return Done(f"{asked.row} is signed out everywhere.")


def _remove_second_factors(asked: Asked) -> Done:
    remove_second_factors(user=asked.row)
    return Done(f"{asked.row} signs in with the password alone.")


def _send_password_reset(asked: Asked) -> Done:
    send_password_reset(asked.request, asked.row)
    return Done(f"A link for a new password is on its way to {asked.row.email}.")


def _revoke(asked: Asked) -> Done:
    revoke_key(key=asked.row)
    return Done(f"{asked.row} is revoked.")


def _is_user(asked: Asked) -> bool:
    return asked.row.kind == AccountKind.USER


def _impersonate(asked: Asked) -> HttpResponse:
    return begin(asked.request, asked.row)


ACCOUNT_ACTS = (
    Act(
        "impersonate",
        "Impersonate",
        _impersonate,
        "You are this user everywhere, with their rights and no others, until you choose Stop, "
        "sign out, or an hour has gone by. That you did is recorded.",
        offered=lambda asked: _is_user(asked) and not asked.row.is_staff and asked.row.is_active,
    ),
    Act(
        "work-limits",
        "Update work limits",
        _limit_work,
        "Calls above the limit are refused with 429, in every process within a second.",
        form=WorkLimitForm,
        initial=lambda row: {"call_limit": row.call_limit},
    ),
    Act(
        "make-administrator",
        "Make administrator",
        _make_administrator,
        "An administrator may use this portal, make admin keys and impersonate users.",
        offered=lambda asked: _is_user(asked) and not asked.row.is_staff and asked.row.is_active,
    ),
    Act(
        "remove-administrator",
        "Remove administrator",
        _remove_administrator,
        "The account stays; this portal is closed to it and its admin keys stop working.",
        destroys=True,
        offered=lambda asked: asked.row.is_staff,
    ),
    Act(
        "external-id",
        "Set external id",
        _set_external_id,
        "Tokens of the identity provider that name this user are for this account from now on.",
        form=ExternalIdForm,
        offered=_is_user,
        initial=lambda row: {"external_id": row.external_id or ""},
    ),
    Act(
        "password-reset",
        "Send password reset",
        _send_password_reset,
        "The user is mailed a link by which they set a new password; the present one stays good.",
        offered=lambda asked: _is_user(asked) and asked.row.is_active,
    ),
    Act(
        "end-sessions",
        "Sign out everywhere",
        _end_sessions,
        "Every browser in which this user has signed in is signed out. Keys go on.",
        offered=_is_user,
    ),
    Act(
        "remove-second-factors",
        "Remove second factors",
        _remove_second_factors,
        "For a user who has lost them: the password alone is enough until they set up others.",
        destroys=True,
        offered=_is_user,
    ),
    Act(
        "deactivate",
        "Deactivate",
        _deactivate,
        "Nobody can sign in as this account or use its keys until it is restored. What it owns "
        "stays, and its queued calls are not run.",
        destroys=True,
        offered=lambda asked: asked.row.is_active and asked.row != asked.request.user,
    ),
    Act(
        "restore",
        "Restore",
        _restore,
        "The account can sign in again. Keys that were revoked stay revoked.",
        offered=lambda asked: not asked.row.is_active,
    ),
)


# Administrators may do everything, and nobody else may enter.
admin.site.unregister(Group)


@admin.register(User)
class UserAdmin(PortalAdmin):
    """Users and organizations: one namespace of accounts."""

    section = "People"
    may_add = may_change = True
    acts = ACCOUNT_ACTS
    list_display = (
        "username",
        "email",
        "kind",
        "is_staff",
        "is_active",
        "call_limit",
        "created_at",
    )
    list_filter = ("kind", "is_staff", "is_active")
    search_fields = ("username", "email", "fullname")
    search_help_text = "Name, e-mail address or full name"
    ordering = ("-created_at",)
    readonly_fields = (
        *("username", "email", "kind", "is_active", "is_staff", "call_limit"),
        *("created_at", "last_login"),
    )

    def get_fieldsets(self, request: HttpRequest, obj: User | None = None) -> Any:
        profile = ("fullname", "company_name", "company_role")
        if obj is None:
            return [
                (None, {"fields": ("username", "email", "password", "administrator")}),
                ("Profile", {"fields": profile}),
            ]
        rights = ("is_active", "is_staff", "call_limit", "created_at", "last_login")
        return [
            (None, {"fields": ("username", "email", "kind")}),
            ("Profile", {"fields": profile}),
            ("Rights", {"fields": rights}),
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> Any:
        return () if obj is None else self.readonly_fields

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **options: Any
    ) -> Any:
        if obj is None:
            options["form"] = AddUserForm
        return super().get_form(request, obj, change, **options)

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        profile = {
            "fullname": obj.fullname,
            "company_name": obj.company_name,
            "company_role": obj.company_role,
        }
        if change:
            update_user(user=obj, **profile)
            return
        made = create_user(
            username=obj.username,
            email=obj.email,
            password=form.cleaned_data["password"] or None,
            staff=form.cleaned_data["administrator"],
            **profile,
        )
        obj.pk = made.pk


@admin.register(Membership)
class MembershipAdmin(PortalAdmin):
    """Who is in which organization; changed on the organization's page."""

    section = "People"
    list_display = ("user", "organization", "role", "created_at")
    list_select_related = ("user", "organization")
    list_filter = ("role",)
    search_fields = ("user__username", "organization__username")
    ordering = ("-created_at",)


@admin.register(ApiKey)
class ApiKeyAdmin(PortalAdmin):
    """Keys by what reminds of them; the keys themselves are not kept."""

    section = "People"
    list_display = ("label", "mask", "owner", "key_type", "created_at", "revoked_at")
    list_select_related = ("owner",)
    list_filter = ("key_type", ("revoked_at", admin.EmptyFieldListFilter))
    search_fields = ("label", "mask", "owner__username")
    ordering = ("-created_at",)
    fields = (
        *("label", "mask", "owner", "key_type", "created_at", "revoked_at"),
        *("algo_acl", "allow_algo_management", "allow_algo", "allow_web_algo", "referer_host"),
        *("allow_data", "allow_data_write"),
    )
    actions = (
        bulk_action(
            "revoke",
            "Revoke",
            "These keys stop working everywhere within a second, for good.",
            lambda request, key: revoke_key(key=key),
        ),
    )
    acts = (
        Act(
            "revoke",
            "Revoke",
            _revoke,
            "The key stops working everywhere within a second, for good.",
            destroys=True,
            offered=lambda asked: asked.row.revoked_at is None,
        ),
    )
