"""Reads of accounts and their keys, for who may administer them."""

from django.db.models import QuerySet

from algoport.accounts.constants import AccountKind
from algoport.accounts.errors import UserNotFound
from algoport.accounts.models import ApiKey, User

# An account has as many as people make; a list of all is what the protocol answers.
_MOST_KEYS = 1000


def users() -> QuerySet[User]:
    """Those that were not deleted; organizations are no users."""
    return User.objects.filter(kind=AccountKind.USER, is_active=True)


def get_user(username: str) -> User:
    """Raises UserNotFound."""
    user = (users() & User.objects.named(username)).first() if "\x00" not in username else None
    if user is None:
        raise UserNotFound
    return user


def keys_of(owner: User) -> list[ApiKey]:
    """Its keys that were not revoked, newest first."""
    rows = ApiKey.objects.filter(owner=owner, revoked_at=None)
    return list(rows.order_by("-created_at")[:_MOST_KEYS])
