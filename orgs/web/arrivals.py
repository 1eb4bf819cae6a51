"""Browsers that came by the link of an invitation, on their way to an account."""

from django.http import HttpRequest

from orgs.errors import InvitationNotFound
from orgs.invitations import invitation_of_token, token_of
from orgs.models import Invitation

_SESSION_KEY = "invitation"


def remember(request: HttpRequest, row: Invitation) -> None:
    request.session[_SESSION_KEY] = token_of(row)


def remembered(request: HttpRequest) -> Invitation | None:
    """The invitation that the browser came by, while it is good."""
    token = request.session.get(_SESSION_KEY)
    if token is None:
        return None
    try:
        return invitation_of_token(token)
    except InvitationNotFound:
        return None


def came_by_invitation(request: HttpRequest) -> bool:
    return remembered(request) is not None
