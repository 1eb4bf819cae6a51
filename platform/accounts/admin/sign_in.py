"""How people get in: who may sign up, invite codes, sites by which they sign in."""

from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse

from algoport.accounts.constants import SignUpMode
from algoport.accounts.invite_codes import LONGEST_CODE, create_code, delete_row
from algoport.accounts.models import InviteCode, SignedInSession, SignInProvider, SignUpPolicy
from algoport.accounts.providers import delete_provider, save_provider
from algoport.accounts.sessions import end_session
from algoport.accounts.sign_up import set_sign_up_mode
from algoport.accounts.web.requests import signed_in_user
from algoport.encryption import decrypt
from algoport.web.portal.acts import Act, Asked, Done
from algoport.web.portal.pages import PortalAdmin

# Rows that allauth would take as further providers, with secrets that anybody here could read, and
# those that its own pages change.
for each in (SocialApp, SocialToken, SocialAccount, EmailAddress, Authenticator):
    if admin.site.is_registered(each):
        admin.site.unregister(each)


@admin.register(SignUpPolicy)
class SignUpPolicyAdmin(PortalAdmin):
    """Who may make an account for themselves: one row."""

    section = "People"
    may_change = True
    list_display = ("__str__",)
    ordering = ("id",)

    def save_model(self, request: HttpRequest, obj: SignUpPolicy, form: Any, change: bool) -> None:
        set_sign_up_mode(SignUpMode(obj.mode))


class InviteCodeForm(forms.ModelForm):
    new_code = forms.CharField(
        label="Code",
        max_length=LONGEST_CODE,
        help_text="Letters, digits, dots, dashes, underscores and tildes; hard to guess.",
    )

    class Meta:
        model = InviteCode
        fields = ["comments", "expires_at", "max_uses"]


@admin.register(InviteCode)
class InviteCodeAdmin(PortalAdmin):
    """Codes as they are; whoever knows one may sign up by it."""

    section = "People"
    may_add = may_delete = True
    list_display = (
        "code",
        "comments",
        "expires_at",
        "uses",
        "max_uses",
        "created_by",
    )
    list_select_related = ("created_by",)
    search_fields = ("comments", "created_by__username")
    ordering = ("-created_at",)
    fields = (*list_display, "created_at")
    readonly_fields = fields

    @admin.display
    def code(self, obj: InviteCode) -> str:
        return decrypt(obj.sealed)

    def get_fields(self, request: HttpRequest, obj: InviteCode | None = None) -> Any:
        return self.fields if obj else ("new_code", "comments", "expires_at", "max_uses")

    def get_readonly_fields(self, request: HttpRequest, obj: InviteCode | None = None) -> Any:
        return self.readonly_fields if obj else ()

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **options: Any
    ) -> Any:
        if obj is None:
            options["form"] = InviteCodeForm
        return super().get_form(request, obj, change, **options)

    def save_model(self, request: HttpRequest, obj: InviteCode, form: Any, change: bool) -> None:
        made = create_code(
            code=form.cleaned_data["new_code"],
            creator=signed_in_user(request),
            comments=obj.comments,
            expires_at=obj.expires_at,
            max_uses=obj.max_uses,
        )
        obj.pk, obj.created_at = made.pk, made.created_at

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        delete_row(obj)


def _end_session(asked: Asked) -> Done:
    end_session(user=asked.row.user, session_id=asked.row.pk)
    return Done(f"{asked.row} is signed out.", reverse("admin:accounts_signedinsession_changelist"))


@admin.register(SignedInSession)
class SignedInSessionAdmin(PortalAdmin):
    """Browsers in which people have signed in, without what they are known by."""

    section = "People"
    list_display = ("user", "address", "agent", "created_at", "last_seen_at")
    list_select_related = ("user",)
    search_fields = ("user__username", "address")
    search_help_text = "User or address"
    ordering = ("-last_seen_at",)
    # SECURITY: whoever knows the session's key is the user.
    exclude = ("session",)
    acts = (
        Act(
            "end",
            "Sign out",
            _end_session,
            "This browser is signed out with its next request.",
            destroys=True,
        ),
    )


class SignInProviderForm(forms.ModelForm):
    new_secret = forms.CharField(
        label="Client secret",
        required=False,
        help_text="It is never shown again; leave it empty to keep the one that there is.",
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
    )

    class Meta:
        model = SignInProvider
        fields = ["kind", "name", "slug", "server_url", "client_id", "admits", "is_enabled"]


@admin.register(SignInProvider)
class SignInProviderAdmin(PortalAdmin):
    """Sites by which users may sign in (docs/sign-in.md)."""

    section = "People"
    may_add = may_change = may_delete = True
    form = SignInProviderForm
    list_display = ("name", "kind", "slug", "server_url", "admits", "is_enabled")
    ordering = ("name",)

    def save_model(
        self, request: HttpRequest, obj: SignInProvider, form: Any, change: bool
    ) -> None:
        save_provider(provider=obj, secret=form.cleaned_data["new_secret"])

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        delete_provider(provider=obj)
