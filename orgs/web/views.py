"""Pages on which people answer invitations."""

from typing import Any
from uuid import UUID

from allauth.account.adapter import get_adapter
from django.contrib import messages
from django.contrib.auth.mixins import LoginRequiredMixin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.generic import TemplateView

from algoport.accounts.web.requests import signed_in_user
from algoport.errors import UserError
from orgs import invitations
from orgs.errors import InvitationNotFound
from orgs.web.arrivals import remember

_MOST_SHOWN = 100


@never_cache
def invitation(request: HttpRequest, token: str) -> HttpResponse:
    """Where a mailed link leads: to the answer, by way of an account."""
    try:
        row = invitations.invitation_of_token(token)
        if request.user.is_authenticated:
            invitations.check_is_for(row, signed_in_user(request))
            return redirect("invitations")
    except UserError as exc:
        return render(request, "orgs/invitation.html", {"refusal": exc.text}, status=exc.status)
    remember(request, row)
    if row.user is None:
        # The link came to this address, so whoever opens it has the mailbox.
        get_adapter(request).stash_verified_email(request, row.email)
    return render(request, "orgs/invitation.html", {"row": row})


class InvitationsView(LoginRequiredMixin, TemplateView):
    """The user's invitations that can be answered."""

    template_name = "orgs/invitations.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        rows = invitations.invitations_of(signed_in_user(self.request)).order_by("-created_at")[
            :100
        ]
        return super().get_context_data(invitations=list(rows), **kwargs)

    def post(self, request: HttpRequest) -> HttpResponse:
        user = signed_in_user(request)
        try:
            chosen = UUID(request.POST.get("invitation", ""))
            if request.POST.get("answer") == "accept":
                row = invitations.accept(user=user, invitation_id=chosen)
                messages.success(request, f"You are in {row.organization} now.")
            elif request.POST.get("answer") == "decline":
                invitations.decline(user=user, invitation_id=chosen)
                messages.success(request, "You have declined the invitation.")
        except (ValueError, InvitationNotFound):
            messages.error(request, InvitationNotFound.message)
        return redirect("invitations")
