"""What the pages about one organization have in common."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse

from algoport.accounts.permissions import Action
from algoport.accounts.web.requests import viewer_of
from algoport.web.pages import render_page
from orgs.models import Organization
from orgs.selectors import get_organization_for, may_manage


def seen_by(request: HttpRequest, name: str) -> Organization:
    """Raises OrganizationNotFound for who is not in it."""
    return get_organization_for(viewer_of(request), name)


def managed_by(request: HttpRequest, name: str) -> Organization:
    """Raises OrganizationNotFound, and for members NotAuthorized."""
    return get_organization_for(viewer_of(request), name, Action.MANAGE_ORGANIZATION)


def keys_managed_by(request: HttpRequest, name: str) -> Organization:
    """Raises OrganizationNotFound, and for members NotAuthorized."""
    return get_organization_for(viewer_of(request), name, Action.MANAGE_ORGANIZATION_KEYS)


def show(
    request: HttpRequest,
    organization: Organization,
    template: str,
    context: Mapping[str, Any] | None = None,
    *,
    status: int = HTTPStatus.OK,
) -> HttpResponse:
    """One of the pages about the organization, among its tabs."""
    about = {
        "organization": organization,
        "org": organization.account.username,
        "may_manage": may_manage(viewer_of(request), organization),
    }
    return render_page(request, template, {**about, **(context or {})}, status=status)


def show_form(
    request: HttpRequest,
    organization: Organization,
    template: str,
    context: Mapping[str, Any],
) -> HttpResponse:
    """A page with a form; one that was sent comes back because it is refused."""
    refused = request.method == "POST"
    status = HTTPStatus.UNPROCESSABLE_ENTITY if refused else HTTPStatus.OK
    return show(request, organization, template, context, status=status)
