"""What members published for everybody, and owners approve or refuse (docs/adr/0020)."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse

from algoport.accounts.permissions import Action
from algoport.accounts.web.requests import viewer_of
from algoport.errors import UserError
from algoport.web.lists import Filter, Listing, Sort
from algoport.web.pages import go_to
from algorithms.approvals import approvals_of, approve_version, get_approval_for, refuse_version
from algorithms.constants import APPROVAL_COMMENT_LENGTH, ApprovalState
from orgs.web.pages import seen_by, show, show_form

_SORTS = {"asked": Sort("Asked", ("-created_at", "-id"))}
_STATES = Filter(
    "state",
    "State",
    [(str(ApprovalState.APPROVED), "Approved"), (str(ApprovalState.REFUSED), "Refused")],
)


class DecisionForm(forms.Form):
    comment = forms.CharField(
        label="Comment (optional)",
        max_length=APPROVAL_COMMENT_LENGTH,
        required=False,
        help_text="Members read it beside your decision.",
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    decision = forms.ChoiceField(
        choices=[("approve", ""), ("refuse", "")], widget=forms.HiddenInput, required=True
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, label_suffix="", **kwargs)


@login_required
def approvals(request: HttpRequest, organization: str) -> HttpResponse:
    """What is held; with a state what was decided."""
    found = seen_by(request, organization)
    listing = Listing(request, _SORTS, (_STATES,))
    state = listing.chosen.get("state", ApprovalState.HELD)
    listing.take(approvals_of(found.account, state))
    return show(
        request,
        found,
        "orgs/approvals.html",
        {"listing": listing, "state": state, "states": _STATES.choices},
    )


@login_required
def decide(request: HttpRequest, organization: str, approval_id: UUID) -> HttpResponse:
    found = seen_by(request, organization)
    viewer = viewer_of(request)
    approval = get_approval_for(viewer, found.account, approval_id, Action.PUBLISH_PUBLICLY)
    form = DecisionForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        is_yes = form.cleaned_data["decision"] == "approve"
        act = approve_version if is_yes else refuse_version
        try:
            act(version=approval.version, decider=viewer, comment=form.cleaned_data["comment"])
        except UserError as exc:
            form.add_error(None, exc.text)
        else:
            version = f"{approval.version.algorithm} {approval.version}"
            done = "is open to everybody" if is_yes else "stays private"
            messages.success(request, f"{version} {done}.")
            return go_to(request, "org-approvals", organization)
    return show_form(request, found, "orgs/approval.html", {"form": form, "approval": approval})
