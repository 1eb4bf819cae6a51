"""Writes to hosted collections.

A file is put in three steps: `reserve_file` commits a row for its bytes, the storage takes the
bytes, `publish_file` puts them in their place. Killed anywhere, the old file is whole, or the new
one is; what is left over has a row that `remove_unused_blobs` finds.
"""

from uuid import UUID

from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from algoport.accounts.permissions import Action, CollectionResource, Principal, can
from algoport.errors import NotAuthorized
from dataportal.constants import COLLECTION_NAME_PATTERN, UNUSED_BLOB_GRACE, ReadAcl
from dataportal.errors import (
    CollectionAlreadyExists,
    CollectionNotFound,
    DirectoryNotEmpty,
    InvalidCollectionName,
    PathNotFound,
    StorageUnavailable,
)
from dataportal.models import Collection, HostedFile
from dataportal.selectors import get_account_for, get_collection_for, get_file_for
from dataportal.storage import remove_abandoned_uploads, remove_blob

_SWEEP_BATCH = 200


def create_collection(
    *, principal: Principal, owner: str, name: str, read_acl: str = str(ReadAcl.MY_ALGORITHMS)
) -> str:
    """Make a collection and return its path `owner/name`. Only its owner may."""
    account = get_account_for(principal, owner)
    if not can(principal, Action.MANAGE_COLLECTION, CollectionResource(account.id)):
        raise NotAuthorized
    if not COLLECTION_NAME_PATTERN.match(name):
        raise InvalidCollectionName
    try:
        with transaction.atomic():
            Collection.objects.create(owner_id=account.id, name=name, read_acl=read_acl)
    except IntegrityError as exc:
        raise CollectionAlreadyExists(owner=account.name, name=name) from exc
    return f"{account.name}/{name}"


def update_collection_acl(*, principal: Principal, owner: str, name: str, read_acl: str) -> None:
    """Change who reads a collection. Raises CollectionNotFound, NotAuthorized."""
    collection = get_collection_for(principal, owner, name, Action.MANAGE_COLLECTION)
    collection.read_acl = read_acl
    collection.save(update_fields=["read_acl"])


def reserve_file(*, name: str, size: int, md5: str) -> HostedFile:
    """A row in no collection, committed before the storage is given the bytes."""
    now = timezone.now()
    return HostedFile.objects.create(
        name=name, size=size, md5=md5, modified_at=now, unused_since=now
    )


@transaction.atomic
def publish_file(*, file: HostedFile, collection: Collection) -> None:
    """Put a reserved file, whose bytes are stored, in its place; the last of two writers wins.

    Raises CollectionNotFound when the collection went meanwhile.
    """
    now = timezone.now()
    if not _lock_place(collection.id, file.name):
        raise CollectionNotFound(owner=collection.owner.username, name=collection.name)
    replaced = HostedFile.objects.filter(collection=collection, name=file.name)
    replaced.update(collection=None, unused_since=now)
    reserved = HostedFile.objects.filter(pk=file.pk, unused_since__isnull=False)
    if not reserved.update(collection=collection, unused_since=None, modified_at=now):
        # The storage took longer than unused bytes are kept.
        raise StorageUnavailable


def delete_file(*, principal: Principal, owner: str, collection: str, name: str) -> int:
    """Delete a file and return how many went: 1. Raises PathNotFound, NotAuthorized."""
    file = get_file_for(principal, owner, collection, name, Action.WRITE_COLLECTION)
    rows = HostedFile.objects.filter(collection=file.collection_id, name=file.name)
    if not rows.update(collection=None, unused_since=timezone.now()):
        # Somebody else deleted it meanwhile.
        raise PathNotFound
    return 1


@transaction.atomic
def delete_collection(*, principal: Principal, owner: str, name: str, force: bool) -> int:
    """Delete a collection and return how many went: its files and itself.

    Raises CollectionNotFound, NotAuthorized, and without `force` DirectoryNotEmpty.
    """
    found = get_collection_for(principal, owner, name, Action.MANAGE_COLLECTION)
    collection = Collection.objects.select_for_update().filter(pk=found.pk).first()
    if collection is None:
        raise CollectionNotFound(owner=owner, name=name)
    if not force and collection.files.exists():
        raise DirectoryNotEmpty
    files = collection.files.update(collection=None, unused_since=timezone.now())
    Collection.objects.filter(pk=collection.pk).delete()
    return files + 1


def remove_unused_blobs() -> int:
    """Remove bytes that no file has had for the grace period, and return how many.

    Two sweeps at once share the work: each takes rows that the other has not locked.
    """
    removed = remove_abandoned_uploads(UNUSED_BLOB_GRACE)
    while batch := _remove_batch():
        removed += batch
    return removed


@transaction.atomic
def _remove_batch() -> int:
    limit = timezone.now() - UNUSED_BLOB_GRACE
    rows = HostedFile.objects.unused_since(limit).order_by("unused_since")
    batch = list(rows.select_for_update(skip_locked=True)[:_SWEEP_BATCH])
    for file in batch:
        remove_blob(file.blob_name)
    HostedFile.objects.filter(pk__in=[file.pk for file in batch]).delete()
    return len(batch)


def _lock_place(collection_id: UUID, name: str) -> bool:
    """Let one writer at a time, until its transaction ends, put a file of this name.

    Until then the collection stays; False when it has gone.
    """
    # The foreign key's own lock, but before any file's: who deletes a collection locks it first
    # and its files then, so in the other order the two would wait for each other.
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0)) FROM dataportal_collection"
            " WHERE id = %s FOR KEY SHARE",
            [f"{collection_id}/{name}", collection_id],
        )
        return cursor.fetchone() is not None
