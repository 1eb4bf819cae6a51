"""`/user/address`: the address of an account, and the way to another one."""

from typing import Any

from allauth.account.decorators import reauthentication_required
from allauth.account.models import EmailAddress
from allauth.core import ratelimit
from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse

from algoport.accounts.models import User
from algoport.accounts.permissions import Action
from algoport.accounts.selectors import get_account_for
from algoport.accounts.services import check_email
from algoport.accounts.web.requests import viewer_of
from algoport.accounts.web.views import too_many_attempts
from algoport.errors import UserError
from algoport.web.pages import go_to, refuse_form, render_page


class AddressForm(forms.Form):
    email = forms.EmailField(label="New address", max_length=100)

    def __init__(self, account: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, label_suffix="", **kwargs)
        self._account = account
        self.fields["email"].widget.attrs["autocomplete"] = "email"

    def clean_email(self) -> str:
        email: str = self.cleaned_data["email"].lower()
        try:
            check_email(email)
        except UserError as exc:
            raise forms.ValidationError(exc.text) from exc
        if email == self._account.email.lower():
            raise forms.ValidationError("That is the address of your account already.")
        return email


@login_required
@reauthentication_required
def address(request: HttpRequest) -> HttpResponse:
    """The address changes when the link that is mailed to the new one is opened.

    Whether somebody else has it is told to its mailbox only.
    """
    viewer = viewer_of(request)
    account = get_account_for(viewer, viewer.username, Action.CHANGE_PROFILE)
    form = AddressForm(account, request.POST or None)
    if request.method == "POST" and "cancel" in request.POST:
        EmailAddress.objects.filter(user=account, verified=False).delete()
        return go_to(request, "address")
    if request.method == "POST" and form.is_valid():
        if not ratelimit.consume(request, action="manage_email", user=account):
            return too_many_attempts(request)
        EmailAddress.objects.add_new_email(request, account, form.cleaned_data["email"])
        messages.success(request, "Open the link that was mailed to the new address.")
        return go_to(request, "address")
    answer = refuse_form if request.method == "POST" else render_page
    waiting = EmailAddress.objects.get_new(account)
    context = {"form": form, "account": account, "waiting": waiting}
    return answer(request, "accounts/address.html", context)
