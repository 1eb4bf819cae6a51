"""What other apps' news means for organizations."""

from typing import Any

from allauth.account.signals import user_signed_up
from django.dispatch import receiver
from django.http import HttpRequest

from algoport.accounts.models import User
from algoport.accounts.signals import groups_told
from orgs.errors import InvitationNotFound
from orgs.invitations import accept
from orgs.memberships import take_groups
from orgs.web.arrivals import remembered


@receiver(groups_told)
def follow_groups(user: User, groups: tuple[str, ...], **kwargs: Any) -> None:
    take_groups(user=user, groups=groups)


@receiver(user_signed_up)
def join(request: HttpRequest, user: User, **kwargs: Any) -> None:
    """Who has signed up with the address that an invitation went to has accepted it."""
    row = remembered(request)
    if row is None:
        return
    try:
        accept(user=user, invitation_id=row.pk)
    except InvitationNotFound:
        # They have chosen another address, and may still answer with the one that was invited.
        return
