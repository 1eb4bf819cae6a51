"""`/user/profile`: what an account says of its user."""

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse

from algoport.accounts.permissions import Action
from algoport.accounts.selectors import get_account_for
from algoport.accounts.services import update_user
from algoport.accounts.web.requests import viewer_of
from algoport.web.pages import go_to, refuse_form, render_page


class ProfileForm(forms.Form):
    fullname = forms.CharField(label="Full name", max_length=100, required=False)
    company_name = forms.CharField(label="Company", max_length=100, required=False)
    company_role = forms.CharField(label="Role there", max_length=200, required=False)

    mails_notifications = forms.BooleanField(
        label="Receive notifications by e-mail",
        required=False,
        help_text="What is about your account itself is mailed in any case.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, label_suffix="", **kwargs)
        self.fields["fullname"].widget.attrs["autocomplete"] = "name"
        self.fields["company_name"].widget.attrs["autocomplete"] = "organization"
        self.fields["company_role"].widget.attrs["autocomplete"] = "organization-title"


@login_required
def profile(request: HttpRequest) -> HttpResponse:
    viewer = viewer_of(request)
    account = get_account_for(viewer, viewer.username, Action.CHANGE_PROFILE)
    given = {name: getattr(account, name) for name in ProfileForm.base_fields}
    form = ProfileForm(request.POST or None, initial=given)
    if request.method == "POST" and form.is_valid():
        update_user(user=account, **form.cleaned_data)
        messages.success(request, "Your profile is saved.")
        return go_to(request, "profile")
    answer = refuse_form if request.method == "POST" else render_page
    return answer(request, "accounts/profile.html", {"form": form, "account": account})
