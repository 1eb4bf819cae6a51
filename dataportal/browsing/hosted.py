"""Browsing hosted collections, and those that algorithms keep."""

from dataclasses import replace

from algoport.accounts.permissions import Action, CollectionResource, Principal, can
from dataportal.browsing.entries import ENTRIES, Count, Entry, FileView, Folder
from dataportal.browsing.places import place_in
from dataportal.browsing.previews import HEAD_BYTES
from dataportal.content_types import content_type_of
from dataportal.errors import PathNotFound
from dataportal.models import Collection, HostedFile
from dataportal.paths import DATA, DataPath
from dataportal.querysets import HostedFileQuerySet
from dataportal.selectors import (
    MY,
    get_account_for,
    get_collection_for,
    get_file_for,
    get_system_file_for,
    list_collections_for,
    list_system_folder_for,
    resource_of,
    system_files_for,
)
from dataportal.storage import open_blob
from dataportal.system_paths import SYSTEM_FOLDERS, SystemFile, SystemPlace, parse_system_path


def browse_hosted(
    principal: Principal, path: DataPath, begins: str, marker: str
) -> Folder | FileView:
    """What is at a path of hosted data. Raises PathNotFound and its like."""
    assert path.connector == DATA and path.segments
    if path.segments[0] in SYSTEM_FOLDERS:
        return _browse_system(principal, path, begins, marker)
    owner, *rest = path.segments
    if len(rest) > 2:
        raise PathNotFound
    if not rest:
        return _browse_account(principal, owner, begins, marker)
    if len(rest) == 1:
        return _browse_collection(principal, owner, rest[0], begins, marker)
    file = get_file_for(principal, owner, rest[0], rest[1])
    deletable = bool(can(principal, Action.WRITE_COLLECTION, resource_of(file.collection)))
    return replace(_view(path, file), deletable=deletable)


def canonical(principal: Principal, path: DataPath) -> DataPath:
    """The same path with the account's name in place of `.my`."""
    if path.segments and path.segments[0] == MY:
        return replace(path, segments=(principal.username, *path.segments[1:]))
    return path


def _browse_account(principal: Principal, owner: str, begins: str, marker: str) -> Folder:
    account = get_account_for(principal, owner)
    page = list_collections_for(principal, account.name, marker, begins=begins, most=ENTRIES)
    path = DataPath(DATA, (account.name,))
    makes = can(principal, Action.MANAGE_COLLECTION, CollectionResource(account.id))
    return Folder(
        path,
        [Entry(name, place_in(path, name), is_folder=True) for name in page.names],
        page.names[-1] if page.more else "",
        owner=account.name,
        takes_folders=bool(makes),
    )


def _browse_collection(
    principal: Principal, owner: str, name: str, begins: str, marker: str
) -> Folder:
    collection = get_collection_for(principal, owner, name)
    resource = resource_of(collection)
    path = DataPath(DATA, (collection.owner.username, collection.name))
    writes = bool(can(principal, Action.WRITE_COLLECTION, resource))
    manages = bool(can(principal, Action.MANAGE_COLLECTION, resource))
    rows = HostedFile.objects.filter(collection=collection)
    return replace(
        _files(path, rows, begins, marker, deletable=writes),
        owner=collection.owner.username,
        read_acl=collection.read_acl,
        changes_access=manages,
        takes_files=writes,
        deletable=manages,
    )


def _browse_system(
    principal: Principal, path: DataPath, begins: str, marker: str
) -> Folder | FileView:
    place = parse_system_path(path)
    if isinstance(place, SystemFile):
        return _view(path, get_system_file_for(principal, place))
    if isinstance(place, SystemPlace):
        rows = system_files_for(principal, place)
        note = "The algorithm writes here, and only you read it."
        return replace(_files(path, rows, begins, marker), note=note)
    page = list_system_folder_for(principal, place, marker)
    names = [name for name in page.names if name.lower().startswith(begins.lower())]
    entries = [Entry(name, place_in(path, name), is_folder=True) for name in names]
    return Folder(path, entries, page.names[-1] if page.more else "", owner=principal.username)


def _files(
    path: DataPath,
    rows: HostedFileQuerySet,
    begins: str,
    marker: str,
    *,
    deletable: bool = False,
) -> Folder:
    if begins:
        rows = rows.filter(name__startswith=begins)
    files, more = rows.page(marker, ENTRIES)
    entries = [
        Entry(
            each.name,
            place_in(path, each.name),
            is_folder=False,
            size=each.size,
            modified_at=each.modified_at,
            deletable=deletable,
        )
        for each in files
    ]
    return Folder(path, entries, files[-1].name if more else "")


def _view(path: DataPath, file: HostedFile) -> FileView:
    with open_blob(file.blob_name, 0, HEAD_BYTES) as blob:
        head = blob.read(HEAD_BYTES)
    return FileView(
        path,
        file.size,
        file.modified_at,
        content_type_of(file.name),
        file.digest,
        head=head,
    )


def count_files(collection: Collection, most: int) -> Count:
    """How many files are in it, as far as they are counted."""
    found = HostedFile.objects.filter(collection=collection)[: most + 1].count()
    return Count(min(found, most), found > most)
