"""Reads of hosted data that check access.

What a principal may not read does not exist for it; what it may read and not write is refused.
"""

from dataclasses import dataclass
from uuid import UUID

from algoport.accounts.permissions import (
    Action,
    CollectionKind,
    CollectionResource,
    Principal,
    can,
    refusal,
)
from algoport.accounts.selectors import get_account
from algoport.errors import NotAuthenticated, NotAuthorized
from dataportal.algorithm_finder import FoundAlgorithm, current_finder
from dataportal.constants import ACL_PATTERNS, LISTING_PAGE_SIZE
from dataportal.errors import (
    CollectionNotFound,
    NoAlgorithmRunning,
    NoSession,
    PathNotFound,
)
from dataportal.models import Collection, HostedFile
from dataportal.querysets import ALGORITHM_KINDS, CollectionQuerySet, HostedFileQuerySet
from dataportal.system_paths import SystemFile, SystemFolder, SystemPlace

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
    """A page of a collection's files; `more` when others follow. System collections have no ACL."""

    files: list[HostedFile]
    more: bool
    read_acl: str | None = None


@dataclass(frozen=True, slots=True)
class SystemCollection:
    """A collection that always exists, in the form in which it was asked for."""

    uri: str
    resource: CollectionResource


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
    found = get_account(owner)
    return Account(found.id, found.username)


def list_collections_for(
    principal: Principal,
    owner: str,
    after: str,
    *,
    begins: str = "",
    most: int | None = None,
) -> FolderPage:
    """The account's collections that `principal` may read, by name, from behind `after`."""
    most = most or LISTING_PAGE_SIZE
    account = get_account_for(principal, owner)
    rows = Collection.objects.owned_by(account.id).with_acl(_readable_acls(principal, account.id))
    rows = rows.begin_with(begins) if begins else rows
    names = list(rows.after(after).values_list("name", flat=True)[: most + 1])
    return FolderPage(names[:most], len(names) > most)


def get_collection_for(
    principal: Principal, owner: str, name: str, action: Action = Action.READ_COLLECTION
) -> Collection:
    """The collection, when `action` on it is allowed. Raises CollectionNotFound, NotAuthorized."""
    rows = _of_owner(principal, owner).named(name)
    try:
        collection = rows.select_related("owner").get()
    except Collection.DoesNotExist as exc:
        raise CollectionNotFound(uri=f"data://{owner}/{name}") from exc
    if not can(principal, Action.READ_COLLECTION, resource_of(collection)):
        raise CollectionNotFound(uri=f"data://{owner}/{name}")
    if not can(principal, action, resource_of(collection)):
        raise NotAuthorized
    return collection


def list_files_for(principal: Principal, owner: str, name: str, after: str) -> FilePage:
    """The collection's files by name, from behind `after`. Raises CollectionNotFound."""
    collection = get_collection_for(principal, owner, name)
    return _page_of(HostedFile.objects.filter(collection=collection), after, collection.read_acl)


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


def get_system_collection_for(
    principal: Principal, place: SystemPlace, action: Action = Action.READ_COLLECTION
) -> SystemCollection:
    """The collection, when `action` on it is allowed; it may have no row yet.

    Raises NoSession, NoAlgorithmRunning, the 404 of the algorithm, NotAuthorized.
    """
    collection = _find_place(principal, place)
    decision = can(principal, Action.READ_COLLECTION, collection.resource)
    if not decision and place.kind is CollectionKind.SESSION:
        raise NoSession
    decision = decision and can(principal, action, collection.resource)
    if not decision:
        raise refusal(principal, decision)
    return collection


def list_system_files_for(principal: Principal, place: SystemPlace, after: str) -> FilePage:
    """The collection's files by name, from behind `after`."""
    return _page_of(system_files_for(principal, place), after)


def system_files_for(principal: Principal, place: SystemPlace) -> HostedFileQuerySet:
    """All files of the collection. Raises what `get_system_collection_for` does."""
    collection = get_system_collection_for(principal, place)
    return HostedFile.objects.filter(collection=_row_of(collection))


def get_system_file_for(
    principal: Principal, file: SystemFile, action: Action = Action.READ_COLLECTION
) -> HostedFile:
    """The file, when `action` on its collection is allowed. Raises PathNotFound besides."""
    collection = get_system_collection_for(principal, file.place, action)
    try:
        rows = HostedFile.objects.select_related("collection")
        return rows.get(collection=_row_of(collection), name=file.name)
    except HostedFile.DoesNotExist as exc:
        raise PathNotFound from exc


def list_system_folder_for(principal: Principal, folder: SystemFolder, after: str) -> FolderPage:
    """What is below `data://.algo`, from behind `after`.

    Of an algorithm, and for an algorithm that asks, its two collections; otherwise the authors, or
    one author's algorithms, that keep or have kept files for the caller.
    """
    if folder.algorithm:
        _find_algorithm(principal, folder.author, folder.algorithm)
        names = set(map(str, ALGORITHM_KINDS))
    elif folder.author:
        author = get_account_for(principal, folder.author).name
        names = {found.name for found in _algorithms_with_data(principal) if found.author == author}
    elif principal.run is not None:
        names = set(map(str, ALGORITHM_KINDS))
    else:
        names = {found.author for found in _algorithms_with_data(principal)}
    page = sorted((name for name in names if name.lower() > after.lower()), key=str.lower)
    return FolderPage(page[:LISTING_PAGE_SIZE], len(page) > LISTING_PAGE_SIZE)


def resource_of(collection: Collection) -> CollectionResource:
    return CollectionResource(
        collection.owner_id,
        frozenset(collection.acl_patterns),
        CollectionKind(collection.kind),
        collection.algorithm_id,
        collection.session_id,
    )


def _page_of(rows: HostedFileQuerySet, after: str, read_acl: str | None = None) -> FilePage:
    """The first page of a collection's files from behind `after`."""
    files, more = rows.page(after, LISTING_PAGE_SIZE)
    return FilePage(files, more, read_acl)


def _find_place(principal: Principal, place: SystemPlace) -> SystemCollection:
    run = principal.run
    if place.kind is CollectionKind.SESSION:
        session_id = None if run is None else run.session_id
        resource = CollectionResource(principal.user_id, kind=place.kind, session_id=session_id)
        return SystemCollection("data://.session", resource)
    if place.author:
        found = _find_algorithm(principal, place.author, place.algorithm)
        algorithm_id = found.id
        uri = f"data://.algo/{found.author}/{found.name}/{place.kind}"
    elif run is not None:
        algorithm_id, uri = run.algorithm_id, f"data://.algo/{place.kind}"
    else:
        raise NoAlgorithmRunning(kind=place.kind)
    resource = CollectionResource(principal.user_id, kind=place.kind, algorithm_id=algorithm_id)
    return SystemCollection(uri, resource)


def _find_algorithm(principal: Principal, author: str, name: str) -> FoundAlgorithm:
    return current_finder().find(principal, principal.username if author == MY else author, name)


def _algorithms_with_data(principal: Principal) -> list[FoundAlgorithm]:
    assert principal.user_id is not None
    rows = Collection.objects.kept_for_user(principal.user_id)
    ids = list(rows.values_list("algorithm_id", flat=True).distinct())
    return current_finder().list_seen(principal, ids)


def _row_of(collection: SystemCollection) -> CollectionQuerySet:
    # As one value, as in `get_file_for`.
    return Collection.objects.kept_for(collection.resource).values("pk")[:1]


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
