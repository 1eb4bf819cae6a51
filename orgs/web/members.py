"""Who is in an organization, and who is asked to be."""

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_POST

from algoport.accounts.constants import OrganizationRole
from algoport.accounts.web.requests import signed_in_user
from algoport.errors import UserError
from algoport.web.lists import Filter, Listing, Sort
from algoport.web.pages import go_to
from orgs.errors import InvitationNotFound
from orgs.invitations import invite, pending, send_again, withdraw
from orgs.selectors import get_member, members_of
from orgs.services import put_member, remove_member
from orgs.web.forms import InviteForm, RoleForm
from orgs.web.pages import managed_by, seen_by, show, show_form

_MEMBER_SORTS = {
    "name": Sort("Name", ("user__username", "id")),
    "joined": Sort("Joined", ("-created_at", "-id")),
}
_ROLES = Filter("role", "Role", [(value, value.capitalize()) for value in OrganizationRole.values])
_INVITATION_SORTS = {
    "sent": Sort("Invited", ("-created_at", "-id")),
    "expires": Sort("Good until", ("expires_at", "id")),
}


@login_required
def members(request: HttpRequest, organization: str) -> HttpResponse:
    found = seen_by(request, organization)
    listing = Listing(request, _MEMBER_SORTS, (_ROLES,), searches="Search by name")
    rows = members_of(found)
    if listing.q:
        rows = rows.filter(
            Q(user__username__icontains=listing.q) | Q(user__fullname__icontains=listing.q)
        )
    if "role" in listing.chosen:
        rows = rows.filter(role=listing.chosen["role"])
    said = {"listing": listing.take(rows), "roles": OrganizationRole.choices}
    return show(request, found, "orgs/members.html", said)


@require_POST
@login_required
def change_role(request: HttpRequest, organization: str, username: str) -> HttpResponse:
    found = managed_by(request, organization)
    member = get_member(found, username)
    form = RoleForm(request.POST)
    if not form.is_valid():
        messages.error(request, "Choose one of the roles.")
        return go_to(request, "org-members", organization)
    role = form.cleaned_data["role"]
    try:
        put_member(organization=found, username=member.username, role=role)
    except UserError as exc:
        messages.error(request, exc.text)
    else:
        messages.success(request, f"{member.username} is {role} now.")
    return go_to(request, "org-members", organization)


@login_required
def remove(request: HttpRequest, organization: str, username: str) -> HttpResponse:
    found = managed_by(request, organization)
    member = get_member(found, username)
    if request.method != "POST":
        return show(request, found, "orgs/member_remove.html", {"member": member})
    try:
        remove_member(organization=found, username=member.username)
    except UserError as exc:
        messages.error(request, exc.text)
    else:
        messages.success(request, f"{member.username} is not in {found} any more.")
    is_self = member == signed_in_user(request)
    return (
        go_to(request, "organizations") if is_self else go_to(request, "org-members", organization)
    )


@login_required
def invitations(request: HttpRequest, organization: str) -> HttpResponse:
    found = managed_by(request, organization)
    listing = Listing(request, _INVITATION_SORTS, searches="Search by name or address")
    rows = pending(found)
    if listing.q:
        rows = rows.filter(Q(user__username__icontains=listing.q) | Q(email__icontains=listing.q))
    return show(request, found, "orgs/pending.html", {"listing": listing.take(rows)})


@login_required
def new_invitation(request: HttpRequest, organization: str) -> HttpResponse:
    found = managed_by(request, organization)
    form = InviteForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            invite(organization=found, inviter=signed_in_user(request), **form.asked())
        except UserError as exc:
            form.add_error("who", exc.text)
        else:
            messages.success(request, f"{form.cleaned_data['who']} is invited.")
            return go_to(request, "org-invitations", organization)
    return show_form(request, found, "orgs/invite.html", {"form": form})


@require_POST
@login_required
def answer_invitation(request: HttpRequest, organization: str, invitation_id: UUID) -> HttpResponse:
    """Send it again, or withdraw it."""
    found = managed_by(request, organization)
    try:
        if request.POST.get("do") == "send":
            send_again(organization=found, invitation_id=invitation_id)
            messages.success(request, "The invitation is sent again.")
        elif request.POST.get("do") == "withdraw":
            withdraw(organization=found, invitation_id=invitation_id)
            messages.success(request, "The invitation is withdrawn.")
    except InvitationNotFound:
        messages.error(request, InvitationNotFound.message)
    except UserError as exc:
        messages.warning(request, exc.text)
    return go_to(request, "org-invitations", organization)
