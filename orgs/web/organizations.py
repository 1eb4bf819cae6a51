"""The organizations that one is in; making, changing and deleting one."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Q
from django.http import HttpRequest, HttpResponse

from algoport.accounts.errors import CanNotReserveUserForOrganization, OrganizationAlreadyExists
from algoport.accounts.permissions import Action, can, require
from algoport.accounts.web.requests import signed_in_user, viewer_of
from algoport.errors import UserError
from algoport.web.lists import Filter, Listing, Sort
from algoport.web.pages import go_to, refuse_form, render_page
from orgs.invitations import invitations_of, pending
from orgs.selectors import members_of, organizations_of
from orgs.services import delete_organization, found_organization, update_organization
from orgs.web.forms import DeleteForm, NewOrganizationForm, ProfileForm
from orgs.web.pages import managed_by, seen_by, show, show_form

_SORTS = {
    "name": Sort("Name", ("account__username", "id")),
    "label": Sort("Display name", ("label", "id")),
    "created": Sort("Created", ("-created_at", "-id")),
}
_ROLES = Filter("role", "Your role", [("owner", "Owner"), ("member", "Member")])
_MOST_COUNTED = 1000


@login_required
def organizations(request: HttpRequest) -> HttpResponse:
    viewer = viewer_of(request)
    listing = Listing(request, _SORTS, (_ROLES,), searches="Search by name")
    rows = organizations_of(viewer)
    if listing.q:
        rows = rows.filter(
            Q(account__username__icontains=listing.q) | Q(label__icontains=listing.q)
        )
    role = listing.chosen.get("role")
    if role is not None:
        owned = Q(account__in=viewer.owner_of)
        rows = rows.filter(owned if role == "owner" else ~owned)
    invited = invitations_of(signed_in_user(request)).exists()
    said = {
        "listing": listing.take(rows),
        "owner_of": viewer.owner_of,
        "invited": invited,
        "may_create": can(viewer, Action.CREATE_ORGANIZATION),
    }
    return render_page(request, "orgs/organizations.html", said)


@login_required
def new_organization(request: HttpRequest) -> HttpResponse:
    require(viewer_of(request), Action.CREATE_ORGANIZATION)
    user = signed_in_user(request)
    own = {"contact_name": user.fullname or user.username, "email": user.email}
    form = NewOrganizationForm(request.POST or None, initial=own)
    if request.method == "POST" and form.is_valid():
        name = form.cleaned_data["name"]
        try:
            found_organization(founder=user, name=name, profile=form.profile())
        except (OrganizationAlreadyExists, CanNotReserveUserForOrganization):
            form.add_error("name", "There is, or was, an account or an organization of this name.")
        except UserError as exc:
            form.add_error(None, exc.text)
        else:
            messages.success(request, f"{name} is there, and you own it. Invite who belongs to it.")
            return go_to(request, "org", name)
    answer = refuse_form if request.method == "POST" else render_page
    return answer(request, "orgs/organization_new.html", {"form": form})


@login_required
def overview(request: HttpRequest, organization: str) -> HttpResponse:
    found = seen_by(request, organization)
    viewer = viewer_of(request)
    said = {
        "members": members_of(found)[:_MOST_COUNTED].count(),
        "invited": pending(found)[:_MOST_COUNTED].count(),
        "is_owner": found.account_id in viewer.owner_of,
        "is_link": found.url.startswith(("http://", "https://")),
    }
    return show(request, found, "orgs/organization.html", said)


@login_required
def settings(request: HttpRequest, organization: str) -> HttpResponse:
    found = managed_by(request, organization)
    known = {
        "label": found.label,
        "contact_name": found.contact_name,
        "email": found.account.email,
        "url": found.url,
    }
    form = ProfileForm(request.POST or None, initial=known)
    if request.method == "POST" and form.is_valid():
        try:
            update_organization(organization=found, profile=form.profile(found))
        except UserError as exc:
            form.add_error(None, exc.text)
        else:
            messages.success(request, "The settings are saved.")
            return go_to(request, "org-settings", organization)
    return show_form(request, found, "orgs/settings.html", {"form": form})


@login_required
def delete(request: HttpRequest, organization: str) -> HttpResponse:
    found = managed_by(request, organization)
    form = DeleteForm(request.POST or None, expected=found.account.username)
    if request.method == "POST" and form.is_valid():
        delete_organization(organization=found)
        messages.success(request, f"{found} has ended.")
        return go_to(request, "organizations")
    return show_form(request, found, "orgs/organization_delete.html", {"form": form})
