"""Making and changing organizations, and who is in them."""

from dataclasses import dataclass, field
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models.deletion import ProtectedError

from algoport.accounts.constants import AccountKind, OrganizationRole
from algoport.accounts.errors import (
    CanNotReserveUserForOrganization,
    OrganizationAlreadyExists,
    UserNotFound,
)
from algoport.accounts.models import Membership, User
from algoport.accounts.selectors import get_user
from algoport.accounts.services import (
    check_email,
    check_name,
    check_not_last_owner,
    end_account,
)
from algoport.audit.recording import act
from algoport.db.changes import announce_change
from algoport.errors import InputValidationError
from orgs.constants import MOST_OWNED
from orgs.errors import (
    OrganizationTypeExists,
    OrganizationTypeInUse,
    TooManyOrganizations,
    UnknownOrganizationType,
)
from orgs.models import Invitation, InvitationState, Organization, OrganizationType

BASIC = "basic"
# Their members, or pages, would be asked for at a path that means another thing.
_RESERVED_NAMES = ("externalid", "new")


@dataclass(frozen=True)
class Profile:
    """What an organization says of itself; a type of None is the basic one."""

    label: str
    contact_name: str
    email: str
    url: str = ""
    type_id: UUID | None = None
    external_id: str = ""
    external_admin_group: list[str] = field(default_factory=list)
    external_member_group: list[str] = field(default_factory=list)
    external_executor_group: list[str] = field(default_factory=list)


@transaction.atomic
def create_organization(*, name: str, profile: Profile, creator_id: UUID) -> Organization:
    """A new organization, which its creator owns.

    Raises an InputValidationError, OrganizationAlreadyExists, and for a name that a user has or
    had CanNotReserveUserForOrganization.
    """
    check_name(name)
    check_email(profile.email)
    if name.lower() in _RESERVED_NAMES:
        raise InputValidationError(f"org_name: {name} is not a name for an organization.")
    taken = User.objects.named(name).first()
    if taken is not None and taken.kind == AccountKind.ORGANIZATION:
        raise OrganizationAlreadyExists
    account = User(username=name, email=profile.email, kind=AccountKind.ORGANIZATION)
    account.set_unusable_password()
    with act("organization.create") as done:
        try:
            with transaction.atomic():
                account.save(force_insert=True)
        except IntegrityError as exc:
            raise CanNotReserveUserForOrganization from exc
        organization = Organization(account=account)
        _apply(organization, profile)
        organization.save(force_insert=True)
        done.target = organization
        done.note(email=account.email, owner=creator_id)
        Membership.objects.create(
            organization=account, user_id=creator_id, role=OrganizationRole.OWNER
        )
        announce_change()
    return organization


@transaction.atomic
def found_organization(*, founder: User, name: str, profile: Profile) -> Organization:
    """An organization that somebody makes without an administrator (docs/adr/0040).

    Raises TooManyOrganizations, and what create_organization raises.
    """
    User.objects.select_for_update().get(pk=founder.pk)
    owned = Membership.objects.filter(user=founder, role=OrganizationRole.OWNER)
    if owned.count() >= MOST_OWNED:
        raise TooManyOrganizations(most=MOST_OWNED)
    return create_organization(name=name, profile=profile, creator_id=founder.pk)


@transaction.atomic
def update_organization(*, organization: Organization, profile: Profile) -> None:
    """Change all that an organization says of itself; its name stays."""
    check_email(profile.email)
    with act("organization.update", organization) as done:
        done.note(email=profile.email)
        organization.account.email = profile.email
        organization.account.save(update_fields=["email"])
        _apply(organization, profile)
        organization.save()
        # Its groups decide who is in it, as soon as they come back.
        announce_change()


@transaction.atomic
def delete_organization(*, organization: Organization) -> None:
    """End an organization; its name is never given again, and nobody acts for it any more."""
    with act("organization.delete", organization):
        end_account(account=organization.account)


@transaction.atomic
def put_member(*, organization: Organization, username: str, role: str | None) -> bool:
    """Have the user in the organization; whether they were not before.

    Without a role a new member is no owner, and who is in it stays what they are. Raises
    UserNotFound, and OrganizationRequiresOwner where the last owner would be none.
    """
    user = get_user(username)
    known = Membership.objects.filter(organization=organization.account_id, user=user).first()
    with act("organization.put_member", known) as done:
        membership, is_new = Membership.objects.get_or_create(
            organization_id=organization.account_id,
            user=user,
            defaults={"role": role or OrganizationRole.MEMBER},
        )
        done.target = membership
        if not is_new and role is not None and role != membership.role:
            check_not_last_owner(membership)
            membership.role = role
            membership.save(update_fields=["role"])
        announce_change()
    return is_new


@transaction.atomic
def remove_member(*, organization: Organization, username: str) -> None:
    """Have the user out of the organization, whether or not they were in it.

    Who was invited cannot accept any more, and come back. Raises OrganizationRequiresOwner.
    """
    try:
        user = get_user(username)
    except UserNotFound:
        with act("organization.remove_member") as done:
            done.nothing()
        return
    rows = Membership.objects.filter(organization=organization.account_id, user=user)
    membership = rows.first()
    with act("organization.remove_member", membership) as done:
        withdrawn = _withdraw_invitations(organization, user)
        if withdrawn:
            done.note(user=user.username, invitations_withdrawn=withdrawn)
        if membership is not None:
            check_not_last_owner(membership)
            membership.delete()
            announce_change()
        elif withdrawn:
            done.target = organization
        else:
            done.nothing()


def _withdraw_invitations(organization: Organization, user: User) -> int:
    rows = Invitation.objects.filter(organization=organization, user=user)
    return rows.filter(state=InvitationState.PENDING).update(state=InvitationState.WITHDRAWN)


def create_organization_type(*, name: str) -> OrganizationType:
    """A further type. Raises OrganizationTypeExists."""
    try:
        with transaction.atomic(), act("organization_type.create") as done:
            made = done.target = OrganizationType.objects.create(name=name)
            return made
    except IntegrityError as exc:
        raise OrganizationTypeExists(name=name) from exc


def delete_organization_type(*, name: str) -> None:
    """Remove a type; it is no error when there is none. Raises OrganizationTypeInUse."""
    row = OrganizationType.objects.filter(name__iexact=name).first()
    try:
        with transaction.atomic(), act("organization_type.delete", row) as done:
            if row is None:
                done.nothing()
            else:
                row.delete()
    except ProtectedError as exc:
        raise OrganizationTypeInUse(name=name) from exc


def _apply(organization: Organization, profile: Profile) -> None:
    organization.type = _find_type(profile.type_id)
    organization.label, organization.contact_name = profile.label, profile.contact_name
    organization.url, organization.external_id = profile.url, profile.external_id
    organization.external_admin_group = profile.external_admin_group
    organization.external_member_group = profile.external_member_group
    organization.external_executor_group = profile.external_executor_group


def _find_type(type_id: UUID | None) -> OrganizationType:
    rows = OrganizationType.objects
    found = (rows.filter(name=BASIC) if type_id is None else rows.filter(pk=type_id)).first()
    if found is None:
        raise UnknownOrganizationType
    return found
