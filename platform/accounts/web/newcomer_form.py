"""What each form asks for with which somebody makes an account, by password or by a provider.

allauth builds its forms upon this one, so it must not import them.
"""

from typing import Any

from allauth.core import context
from django import forms
from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpRequest

from algoport.accounts.invite_codes import LONGEST_CODE, check_code
from algoport.accounts.web.admission import needs_code
from algoport.errors import UserError


class NewcomerForm(forms.Form):
    fullname = forms.CharField(
        label="Full name (optional)",
        max_length=100,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    invite_code = forms.CharField(
        label="Invite code",
        max_length=LONGEST_CODE,
        help_text="An administrator of this platform can give you one.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if needs_code(context.request):
            self.fields["invite_code"].initial = context.request.GET.get("code", "")
        else:
            del self.fields["invite_code"]

    def clean_invite_code(self) -> str:
        code: str = self.cleaned_data["invite_code"]
        try:
            check_code(code)
        except UserError as exc:
            raise forms.ValidationError(exc.text) from exc
        return code

    def signup(self, request: HttpRequest, user: AbstractBaseUser) -> None:
        """Nothing: the account was made with all that the form says."""
