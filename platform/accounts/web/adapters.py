"""Where allauth meets the platform's own rules and services."""

import smtplib
from dataclasses import replace
from typing import Any

import requests
from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.models import EmailAddress
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialApp, SocialLogin
from allauth.utils import generate_unique_username
from django import forms
from django.conf import settings
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest
from django.shortcuts import render

from algoport.accounts.addresses import change_address
from algoport.accounts.constants import SignUpMode
from algoport.accounts.errors import EmailAddressHasBeenTaken
from algoport.accounts.models import User
from algoport.accounts.services import change_password, check_email, check_name
from algoport.accounts.sign_up import sign_up, sign_up_mode
from algoport.accounts.web.admission import admission_of, needs_code
from algoport.accounts.web.first_key import keep_first_key, made_first_key
from algoport.accounts.web.providers import (
    ProviderSession,
    app_of,
    enabled_providers,
    is_admitted,
)
from algoport.accounts.web.requests import address_of, unwrapped
from algoport.audit.recording import act
from algoport.encryption import decrypt, encrypt
from algoport.errors import UserError
from algoport.http.addresses import OutgoingPolicy
from algoport.http.checked import checked_session


class AccountAdapter(DefaultAccountAdapter):
    error_messages = DefaultAccountAdapter.error_messages | {
        "username_taken": "There is, or was, an account of this name."
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return sign_up_mode() != SignUpMode.CLOSED

    def clean_username(self, username: str, shallow: bool = False) -> str:
        _as_form_error(check_name, username)
        cleaned: str = super().clean_username(username, shallow)
        return cleaned

    def clean_email(self, email: str) -> str:
        _as_form_error(check_email, email)
        return email

    def save_user(
        self, request: HttpRequest, user: User, form: forms.Form, commit: bool = True
    ) -> User:
        """Raises a UserError when it cannot be done after all."""
        given = form.cleaned_data
        return sign_up(
            username=given["username"],
            email=given["email"],
            password=given.get("password1"),
            fullname=given["fullname"],
            admission=admission_of(request, given.get("invite_code", "")),
        )

    def confirm_email(self, request: HttpRequest, email_address: EmailAddress) -> bool:
        """The link that was mailed there was opened: by a newcomer, or to have another address."""
        user = unwrapped(email_address.user)
        if email_address.email != user.email.lower():
            return self._change_address(request, user, email_address.email)
        with transaction.atomic(), act("user.verify_address", user) as done:
            confirmed: bool = super().confirm_email(request, email_address)
            if not confirmed:
                done.nothing()
        return confirmed

    def _change_address(self, request: HttpRequest, user: User, email: str) -> bool:
        told = "account/messages/email_confirmed.txt"
        try:
            former = change_address(user=user, email=email)
        except EmailAddressHasBeenTaken:
            told = "account/messages/email_confirmation_failed.txt"
            self.add_message(request, messages.ERROR, told, {"email": email})
            return False
        self.add_message(request, messages.SUCCESS, told, {"email": email})
        both = {"from_email": former, "to_email": email}
        self.send_notification_mail("account/email/email_changed", user, both, email=former)
        return True

    def set_password(self, user: User, password: str) -> None:
        change_password(user=unwrapped(user), password=password)

    def login(self, request: HttpRequest, user: User) -> None:
        super().login(request, user)
        keep_first_key(request, user)

    def get_login_redirect_url(self, request: HttpRequest) -> str:
        url: str = super().get_login_redirect_url(request)
        return made_first_key(request) or url

    def get_signup_redirect_url(self, request: HttpRequest) -> str:
        url: str = super().get_signup_redirect_url(request)
        return made_first_key(request) or url

    def get_client_ip(self, request: HttpRequest) -> str:
        return address_of(request)

    def _get_login_attempts_cache_key(self, request: HttpRequest, **credentials: Any) -> str:
        # SECURITY: allauth counts by the Host header too, which a guesser may change.
        login: str = credentials.get("email") or credentials.get("username") or ""
        return login.lower()

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """A mail of this platform, whose links lead to where its operator says it is."""
        here = self.request.build_absolute_uri("/")
        context = {name: _at_home(value, here) for name, value in context.items()}
        context["current_site"] = {"name": "Algoport", "domain": settings.ALGOPORT_URL}
        try:
            super().send_mail(template_prefix, email, context)
        except (smtplib.SMTPException, OSError) as exc:
            page = render(self.request, "accounts/mail_failed.html", status=503)
            raise ImmediateHttpResponse(page) from exc


class ProviderAdapter(DefaultSocialAccountAdapter):
    """Sign-in by way of another site: one of the rows that administrators have made."""

    def list_apps(
        self, request: HttpRequest, provider: str | None = None, client_id: str | None = None
    ) -> list[SocialApp]:
        return [
            app_of(row)
            for row in enabled_providers()
            if provider in (None, row.kind, row.slug) and client_id in (None, row.client_id)
        ]

    def get_requests_session(self) -> requests.Session:
        policy = OutgoingPolicy(settings.IDENTITY_HOSTS, "ALGOPORT_IDENTITY_HOSTS")
        return checked_session(policy, ProviderSession(self.request))

    def populate_user(
        self, request: HttpRequest, sociallogin: SocialLogin, data: dict[str, Any]
    ) -> User:
        user: User = super().populate_user(request, sociallogin, data)
        user.fullname = str(data.get("name") or "")[:100]
        return user

    def is_auto_signup_allowed(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        """Without a form, unless an invite code has to be asked for."""
        return not needs_code(request) or is_admitted(sociallogin)

    def save_user(
        self, request: HttpRequest, sociallogin: SocialLogin, form: forms.Form | None = None
    ) -> User:
        """Raises an ImmediateHttpResponse when it cannot be done after all."""
        try:
            sociallogin.user = self._sign_up(request, sociallogin, form)
        except UserError as exc:
            page = render(request, "accounts/refused.html", {"reason": exc.text}, status=exc.status)
            raise ImmediateHttpResponse(page) from exc
        sociallogin.save(request)
        return sociallogin.user

    def _sign_up(
        self, request: HttpRequest, sociallogin: SocialLogin, form: forms.Form | None
    ) -> User:
        given = form.cleaned_data if form is not None else {}
        suggested = sociallogin.user
        admission = admission_of(request, given.get("invite_code", ""))
        return sign_up(
            username=given.get("username") or _name_like(suggested),
            email=given.get("email") or suggested.email,
            password=None,
            fullname=given.get("fullname") or suggested.fullname,
            admission=replace(admission, vouched=admission.vouched or is_admitted(sociallogin)),
        )


class MFAAdapter(DefaultMFAAdapter):
    """Second factors; their secrets are stored encrypted."""

    def encrypt(self, text: str) -> str:
        return encrypt(text)

    def decrypt(self, encrypted_text: str) -> str:
        return decrypt(encrypted_text)


def _name_like(suggested: User) -> str:
    name: str = generate_unique_username(
        [suggested.username, suggested.email, "user"], regex=r"[^a-zA-Z0-9_@]"
    )
    return name


def _at_home(value: Any, here: str) -> Any:
    # SECURITY: allauth makes links from the Host header, which whoever asks for a mail may choose.
    if isinstance(value, str) and value.startswith(here):
        return f"{settings.ALGOPORT_URL}/{value.removeprefix(here)}"
    return value


def _as_form_error(check: Any, value: str) -> None:
    try:
        check(value)
    except UserError as exc:
        raise forms.ValidationError(exc.text) from exc
