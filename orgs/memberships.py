"""Memberships as the site's identity provider tells of them (spec.md 2.4)."""

import logging
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from algoport.accounts.constants import OrganizationRole
from algoport.accounts.errors import OrganizationRequiresOwner
from algoport.accounts.models import Membership, User
from orgs.models import Organization
from orgs.selectors import organizations
from orgs.services import put_member, remove_member

logger = logging.getLogger(__name__)


@transaction.atomic
def take_groups(*, user: User, groups: tuple[str, ...]) -> None:
    """Have the user in the organizations that name one of these groups, and in no other of them.

    Organizations that name no group are left as they are.
    """
    tags = list(groups)
    admins = Q(external_admin_group__has_any_keys=tags)
    members = Q(external_member_group__has_any_keys=tags)
    governed = organizations().exclude(external_admin_group=[], external_member_group=[])
    current: dict[UUID, str] = dict(
        Membership.objects.filter(user=user).values_list("organization_id", "role")
    )
    concerned = Q(account__in=list(current))
    if tags:
        concerned |= admins | members
    for organization in governed.filter(concerned):
        wanted = _role_in(organization, set(tags))
        if wanted != current.get(organization.account_id):
            _set_role(organization, user, wanted)


def _role_in(organization: Organization, tags: set[str]) -> str | None:
    if tags.intersection(organization.external_admin_group):
        return OrganizationRole.OWNER
    if tags.intersection(organization.external_member_group):
        return OrganizationRole.MEMBER
    return None


def _set_role(organization: Organization, user: User, role: str | None) -> None:
    try:
        if role is None:
            remove_member(organization=organization, username=user.username)
        else:
            put_member(organization=organization, username=user.username, role=role)
    except OrganizationRequiresOwner:
        # Who else would own it is not for the provider's groups to say.
        logger.warning("%s stays the only owner of %s", user.username, organization)
