"""Reads of organizations that check access: for who may not see one, it does not exist."""

from django.db.models import QuerySet
from django.db.models.functions import Lower
from django.db.models.lookups import Exact

from algoport.accounts.constants import AccountKind
from algoport.accounts.errors import OrganizationNotFound, UserNotFound
from algoport.accounts.models import Membership, User
from algoport.accounts.permissions import AccountResource, Action, Principal, can, require
from algoport.accounts.selectors import get_user
from orgs.models import Organization, OrganizationType


def organizations() -> QuerySet[Organization]:
    """Those that were not deleted, with what their bodies need."""
    rows = Organization.objects.select_related("account", "type")
    return rows.filter(account__is_active=True, account__kind=AccountKind.ORGANIZATION)


def organizations_of(principal: Principal) -> QuerySet[Organization]:
    """Those that the account is in."""
    return organizations().filter(account__in=principal.member_of)


def may_manage(principal: Principal, organization: Organization) -> bool:
    """Whether `principal` decides what the organization says of itself, and who is in it."""
    resource = AccountResource(organization.account_id)
    return bool(can(principal, Action.MANAGE_ORGANIZATION, resource))


def get_organization_for(
    principal: Principal, name: str, action: Action = Action.SEE_ORGANIZATION
) -> Organization:
    """The organization, if `principal` may do `action` to it.

    Raises OrganizationNotFound, NotAuthorized.
    """
    rows = organizations().filter(Exact(Lower("account__username"), name.lower()))
    return _check(principal, rows.first() if "\x00" not in name else None, action)


def get_organization_by_external_id_for(principal: Principal, external_id: str) -> Organization:
    """The organization that an identity provider calls so. Raises OrganizationNotFound."""
    known = bool(external_id) and "\x00" not in external_id
    rows = organizations().filter(external_id=external_id)
    return _check(principal, rows.first() if known else None, Action.SEE_ORGANIZATION)


def members_of(organization: Organization) -> QuerySet[Membership]:
    rows = Membership.objects.filter(organization=organization.account_id)
    return rows.select_related("user")


def get_member(organization: Organization, username: str) -> User:
    """Raises UserNotFound for one who is not in it."""
    user = get_user(username)
    if not members_of(organization).filter(user=user).exists():
        raise UserNotFound
    return user


def organization_types() -> list[OrganizationType]:
    return list(OrganizationType.objects.order_by("name"))


def _check(principal: Principal, row: Organization | None, action: Action) -> Organization:
    if row is None:
        raise OrganizationNotFound
    resource = AccountResource(row.account_id)
    if not can(principal, Action.SEE_ORGANIZATION, resource):
        raise OrganizationNotFound
    require(principal, action, resource)
    return row
