"""Inviting people to organizations, and their answers (spec.md 2.8)."""

import logging
import secrets
from datetime import timedelta
from uuid import UUID

from allauth.account.models import EmailAddress
from django.conf import settings
from django.core import signing
from django.core.mail import send_mail
from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Lower
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone

from algoport.accounts.constants import OrganizationRole
from algoport.accounts.models import Membership, User
from algoport.accounts.permissions import AccountResource, Action, Principal, can
from algoport.accounts.selectors import get_user
from algoport.accounts.services import check_email
from algoport.audit.recording import act
from algoport.notifications.constants import NotificationKind
from algoport.notifications.services import News, notify
from orgs.errors import (
    InvitationJustSent,
    InvitationNotFound,
    InvitationOfAnother,
    InvitedAlready,
    MemberAlready,
    TooManyInvitations,
)
from orgs.models import Invitation, InvitationState, Organization
from orgs.selectors import members_of
from orgs.services import put_member

logger = logging.getLogger(__name__)

GOOD_FOR = timedelta(days=7)
_MOST_IN_AN_HOUR = 100
_BETWEEN_MAILS = timedelta(minutes=10)
_SALT = "orgs.invitation"


def pending(organization: Organization) -> QuerySet[Invitation]:
    """Those that can be answered."""
    return _open().filter(organization=organization)


def members_and_invited(
    principal: Principal, organization: Organization
) -> list[QuerySet[Membership] | QuerySet[Invitation]]:
    """Who is in an organization and, for who may invite, which accounts were asked to join."""
    members = members_of(organization)
    if not can(principal, Action.MANAGE_ORGANIZATION, AccountResource(organization.account_id)):
        return [members]
    invited = pending(organization).exclude(user=None)
    return [members, invited.exclude(user__in=members.values("user"))]


def invitations_of(user: User) -> QuerySet[Invitation]:
    """Those that the user can answer: made to the account, or to an address that it has proved."""
    addresses = EmailAddress.objects.filter(user=user, verified=True).values("email")
    rows = _open().alias(address=Lower("email"))
    return rows.filter(Q(user=user) | Q(user=None, address__in=addresses))


@transaction.atomic
def invite(
    *,
    organization: Organization,
    inviter: User,
    username: str = "",
    email: str = "",
    role: str = OrganizationRole.MEMBER,
) -> Invitation:
    """Invite the user, or whoever has the address, and tell them by mail.

    Raises UserNotFound, MemberAlready, InvitedAlready, TooManyInvitations. Whether an address
    belongs to an account is told to nobody.
    """
    user = get_user(username) if username else None
    if user is None:
        check_email(email)
    elif Membership.objects.filter(organization=organization.account_id, user=user).exists():
        raise MemberAlready
    _check_rate(organization)
    # One that nobody answered in time leaves its place to the next.
    stale = Invitation.objects.filter(organization=organization, state=InvitationState.PENDING)
    stale.filter(expires_at__lte=timezone.now()).update(state=InvitationState.WITHDRAWN)
    row = Invitation(
        organization=organization,
        user=user,
        email="" if user else email,
        role=role,
        nonce=secrets.token_hex(16),
        expires_at=timezone.now() + GOOD_FOR,
        invited_by=inviter,
    )
    with act("organization.invite") as done:
        try:
            with transaction.atomic():
                row.save(force_insert=True)
        except IntegrityError as exc:
            raise InvitedAlready from exc
        done.target = row
    if user is not None:
        _notify(row, user)
    transaction.on_commit(lambda: _tell(row))
    return row


@transaction.atomic
def send_again(*, organization: Organization, invitation_id: UUID) -> Invitation:
    """Mail another link, good from now on. Raises InvitationNotFound, InvitationJustSent."""
    row = _locked(pending(organization), invitation_id)
    if row.expires_at - GOOD_FOR > timezone.now() - _BETWEEN_MAILS:
        raise InvitationJustSent
    with act("organization.send_invitation_again", row):
        row.expires_at = timezone.now() + GOOD_FOR
        row.save(update_fields=["expires_at"])
    transaction.on_commit(lambda: _tell(row))
    return row


@transaction.atomic
def withdraw(*, organization: Organization, invitation_id: UUID) -> None:
    """Let nobody accept it any more. Raises InvitationNotFound."""
    row = _locked(pending(organization), invitation_id)
    with act("organization.withdraw_invitation", row):
        _settle(row, InvitationState.WITHDRAWN)


@transaction.atomic
def accept(*, user: User, invitation_id: UUID) -> Invitation:
    """Join; who is in the organization already stays what they are. Raises InvitationNotFound."""
    row = _locked(invitations_of(user), invitation_id)
    with act("organization.accept_invitation", row):
        _settle(row, InvitationState.ACCEPTED)
        joined = Membership.objects.filter(organization=row.organization.account_id, user=user)
        role = None if joined.exists() else row.role
        put_member(organization=row.organization, username=user.username, role=role)
    return row


@transaction.atomic
def decline(*, user: User, invitation_id: UUID) -> None:
    """Say no. Raises InvitationNotFound."""
    row = _locked(invitations_of(user), invitation_id)
    with act("organization.decline_invitation", row):
        _settle(row, InvitationState.DECLINED)


def token_of(row: Invitation) -> str:
    """What the mailed link has: signed, so that only what was mailed is good."""
    return signing.dumps([str(row.pk), row.nonce], salt=_SALT)


def invitation_of_token(token: str) -> Invitation:
    """The invitation of a link that was mailed. Raises InvitationNotFound."""
    try:
        identifier, nonce = signing.loads(token, salt=_SALT, max_age=GOOD_FOR)
        row = _open().filter(pk=UUID(str(identifier)), nonce=str(nonce)).first()
    except (signing.BadSignature, ValueError) as exc:
        raise InvitationNotFound from exc
    if row is None:
        raise InvitationNotFound
    return row


def check_is_for(row: Invitation, user: User) -> None:
    """Raise InvitationOfAnother for one that is not this user's to answer."""
    if not invitations_of(user).filter(pk=row.pk).exists():
        raise InvitationOfAnother


def _open() -> QuerySet[Invitation]:
    rows = Invitation.objects.select_related("organization__account", "user", "invited_by")
    return rows.filter(
        state=InvitationState.PENDING,
        expires_at__gt=timezone.now(),
        organization__account__is_active=True,
    )


def _locked(rows: QuerySet[Invitation], invitation_id: UUID) -> Invitation:
    row = rows.filter(pk=invitation_id).select_for_update(of=("self",)).first()
    if row is None:
        raise InvitationNotFound
    return row


def _settle(row: Invitation, state: str) -> None:
    row.state = state
    row.save(update_fields=["state"])


def _check_rate(organization: Organization) -> None:
    an_hour_ago = timezone.now() - timedelta(hours=1)
    rows = Invitation.objects.filter(organization=organization, created_at__gt=an_hour_ago)
    if rows.count() >= _MOST_IN_AN_HOUR:
        raise TooManyInvitations


def _notify(row: Invitation, user: User) -> None:
    text = f"{row.invited_by} invites you to join {row.organization}."
    news = News(NotificationKind.INVITATION, text, reverse("invitations"))
    notify(accounts=[user.pk], news=news)


def _tell(row: Invitation) -> None:
    """Mail the link; the invitation stands whether or not the mail can be sent."""
    path = reverse("invitation", args=[token_of(row)])
    context = {"row": row, "link": f"{settings.ALGOPORT_URL}{path}", "days": GOOD_FOR.days}
    address = row.user.email if row.user is not None else row.email
    try:
        send_mail(
            f"[Algoport] Invitation to {row.organization}",
            render_to_string("orgs/mail/invitation.txt", context),
            None,
            [address],
        )
    except OSError as exc:
        logger.error("the mail for invitation %s could not be sent: %s", row.pk, exc)
