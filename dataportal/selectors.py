"""Reads of hosted data that check access.

What a principal may not read does not exist for it; what it may read and not write is refused.
"""

from dataclasses import dataclass
from uuid import UUID

from django.db.models.functions import Lower
from django.db.models.lookups import Exact

from algoport.accounts.errors import UserNotFound
from algoport.accounts.models import User
from algoport.accounts.permissions import Action, CollectionResource, Principal, can
from algoport.errors import NotAuthenticated, NotAuthorized
from dataportal.constants import ACL_PATTERNS, LISTING_PAGE_SIZE
from dataportal.errors import CollectionNotFound, PathNotFound
from dataportal.models import Collection, HostedFile
from dataportal.querysets import CollectionQuerySet

MY = ".my"


@dataclass(frozen=True, slots=True)
class Account:
    """The owner of collections; `name` as the account spells it."""

    id: UUID
    name: str


@dataclass(frozen=True, slots=True)
class FolderPage:
    """A page of an account's collections; `more` when others follow."""

    names: list[str]
    more: bool


@dataclass(frozen=True, slots=True)
class FilePage:
    """A page of a collection's files; `more` when others follow."""

    collection: Collection
    files: list[HostedFile]
    more: bool


def check_data_scope(principal: Principal) -> None:
    """Raise NotAuthenticated or NotAuthorized for one who may not even read data of their own."""
    if principal.user_id is None:
        raise NotAuthenticated("authorization required")
    if not can(principal, Action.READ_COLLECTION, CollectionResource(principal.user_id)):
        raise NotAuthorized


def get_account_for(principal: Principal, owner: str) -> Account:
    """The account that a path's first segment names. Raises UserNotFound."""
    if _is_own(principal, owner):
        assert principal.user_id is not None
        return Account(principal.user_id, principal.username)
    try:
        user = User.objects.get(Exact(Lower("username"), owner.lower()), is_active=True)
    except User.DoesNotExist as exc:
        raise UserNotFound from exc
    return Account(user.id, user.username)


def list_collections_for(principal: Principal, owner: str, after: str) -> FolderPage:
    """The account's collections that `principal` may read, by name, from behind `after`."""
    account = get_account_for(principal, owner)
    rows = Collection.objects.owned_by(account.id).with_acl(_readable_acls(principal, account.id))
    names = list(rows.after(after).values_list("name", flat=True)[: LISTING_PAGE_SIZE + 1])
    return FolderPage(names[:LISTING_PAGE_SIZE], len(names) > LISTING_PAGE_SIZE)


def get_collection_for(
    principal: Principal, owner: str, name: str, action: Action = Action.READ_COLLECTION
) -> Collection:
    """The collection, when `action` on it is allowed. Raises CollectionNotFound, NotAuthorized."""
    rows = _of_owner(principal, owner).named(name)
    try:
        collection = rows.select_related("owner").get()
    except Collection.DoesNotExist as exc:
        raise CollectionNotFound(owner=owner, name=name) from exc
    if not can(principal, Action.READ_COLLECTION, resource_of(collection)):
        raise CollectionNotFound(owner=owner, name=name)
    if not can(principal, action, resource_of(collection)):
        raise NotAuthorized
    return collection


def list_files_for(principal: Principal, owner: str, name: str, after: str) -> FilePage:
    """The collection's files by name, from behind `after`. Raises CollectionNotFound."""
    collection = get_collection_for(principal, owner, name)
    rows = HostedFile.objects.filter(collection=collection).after(after)
    files = list(rows.only("name", "modified_at", "size")[: LISTING_PAGE_SIZE + 1])
    return FilePage(collection, files[:LISTING_PAGE_SIZE], len(files) > LISTING_PAGE_SIZE)


def get_file_for(
    principal: Principal,
    owner: str,
    collection: str,
    name: str,
    action: Action = Action.READ_COLLECTION,
) -> HostedFile:
    """The file, when `action` on its collection is allowed. Raises PathNotFound, NotAuthorized."""
    # As one value, so that the database finds it first and then the file by its index.
    folder = _of_owner(principal, owner).named(collection).values("pk")[:1]
    rows = HostedFile.objects.select_related("collection")
    try:
        file = rows.get(collection=folder, name=name)
    except HostedFile.DoesNotExist as exc:
        raise PathNotFound from exc
    resource = resource_of(file.collection)
    if not can(principal, Action.READ_COLLECTION, resource):
        raise PathNotFound
    if not can(principal, action, resource):
        raise NotAuthorized
    return file


def resource_of(collection: Collection) -> CollectionResource:
    return CollectionResource(collection.owner_id, frozenset(collection.acl_patterns))


def _is_own(principal: Principal, owner: str) -> bool:
    return owner == MY or owner.lower() == principal.username.lower()


def _of_owner(principal: Principal, owner: str) -> CollectionQuerySet:
    if _is_own(principal, owner):
        assert principal.user_id is not None
        return Collection.objects.owned_by(principal.user_id)
    return Collection.objects.of_account(owner)


def _readable_acls(principal: Principal, owner_id: UUID) -> list[str]:
    return [
        acl
        for acl, patterns in ACL_PATTERNS.items()
        if can(principal, Action.READ_COLLECTION, CollectionResource(owner_id, frozenset(patterns)))
    ]
