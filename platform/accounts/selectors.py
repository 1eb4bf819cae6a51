"""Reads of accounts and their keys, for who may administer them."""

from uuid import UUID

from django.db.models import QuerySet
from django.db.models.functions import Lower
from django.db.models.lookups import Exact

from algoport.accounts.constants import AccountKind
from algoport.accounts.errors import KeyNotFound, UserNotFound
from algoport.accounts.models import ApiKey, User
from algoport.accounts.permissions import AccountResource, Action, Principal, can, require

# An account has as many as people make; a list of all is what the protocol answers.
_MOST_KEYS = 1000


def users() -> QuerySet[User]:
    """Those that were not deleted; organizations are no users."""
    return User.objects.filter(kind=AccountKind.USER, is_active=True)


def get_user(username: str) -> User:
    """Raises UserNotFound, also for an organization."""
    account = get_account(username)
    if account.kind != AccountKind.USER:
        raise UserNotFound
    return account


def get_account(name: str) -> User:
    """A user or an organization that was not deleted. Raises UserNotFound."""
    rows = User.objects.named(name).filter(is_active=True)
    account = rows.first() if "\x00" not in name else None
    if account is None:
        raise UserNotFound
    return account


def get_account_for(principal: Principal, username: str, action: Action) -> User:
    """The user, if `principal` may do `action` to what is theirs; administrators may.

    Raises UserNotFound for another's account, NotAuthorized.
    """
    user = get_user(username)
    if can(principal, Action.ADMINISTER):
        return user
    if principal.user_id != user.id:
        raise UserNotFound
    require(principal, action, AccountResource(user.id))
    return user


def get_key_of(owner: User, key_id: UUID) -> ApiKey:
    """Raises KeyNotFound for one that is not the owner's, or was revoked."""
    key = ApiKey.objects.filter(pk=key_id, owner=owner, revoked_at=None).first()
    if key is None:
        raise KeyNotFound
    return key


def find_keys_of(owner: User) -> QuerySet[ApiKey]:
    """Its keys that were not revoked."""
    return ApiKey.objects.filter(owner=owner, revoked_at=None)


def keys_of(owner: User) -> list[ApiKey]:
    """Its keys that were not revoked, newest first."""
    return list(find_keys_of(owner).order_by("-created_at")[:_MOST_KEYS])


def is_address_taken(email: str) -> bool:
    """Whether a user has, or a deleted one had, this address."""
    rows = User.objects.filter(kind=AccountKind.USER)
    return rows.filter(Exact(Lower("email"), email.lower())).exists()
