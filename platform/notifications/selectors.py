"""Reads of notifications: an account's own, and for the API those of administrators' choice."""

from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet

from algoport.accounts.errors import UserNotFound
from algoport.accounts.models import User
from algoport.accounts.permissions import Action, Principal
from algoport.accounts.selectors import get_account_for, users
from algoport.notifications.constants import MOST_COUNTED
from algoport.notifications.models import Notification


def notifications_of(user: User, *, unread: bool = False) -> QuerySet[Notification]:
    """All of a user's, or those that they have not read."""
    rows = Notification.objects.filter(user=user)
    return rows.filter(read_at=None) if unread else rows


def count_unread(user: User) -> int:
    """At most one more than MOST_COUNTED; one query of that many rows of an index."""
    return notifications_of(user, unread=True)[: MOST_COUNTED + 1].count()


def get_reader_for(principal: Principal, user_id: str) -> User:
    """The account of this id or name, if `principal` may read what it is told.

    Raises UserNotFound, NotAuthorized.
    """
    return get_account_for(principal, _name_of(user_id), Action.READ_NOTIFICATIONS)


def events_of(
    user: User, kinds: list[str], since: datetime | None, limit: int
) -> list[Notification]:
    """The newest of some kinds."""
    rows = notifications_of(user).filter(kind__in=kinds)
    if since is not None:
        rows = rows.filter(created_at__gt=since)
    return list(rows.order_by("-created_at", "-id")[:limit])


def _name_of(user_id: str) -> str:
    try:
        identifier = UUID(user_id)
    except ValueError:
        return user_id
    name = users().filter(pk=identifier).values_list("username", flat=True).first()
    if name is None:
        raise UserNotFound
    return name
