"""Writes to hosted collections.

A file is put in three steps: `reserve_file` commits a row for its bytes, the storage takes the
bytes, `publish_file` puts them in their place. Killed anywhere, the old file is whole, or the new
one is; what is left over has a row that `remove_unused_blobs` finds.
"""

from contextlib import suppress
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from algoport.accounts.permissions import (
    Action,
    CollectionKind,
    CollectionResource,
    Principal,
    can,
)
from algoport.audit.recording import act
from algoport.errors import NotAuthorized
from dataportal.algorithm_finder import current_finder
from dataportal.constants import (
    COLLECTION_NAME_PATTERN,
    SESSION_MARGIN,
    UNUSED_BLOB_GRACE,
    ReadAcl,
)
from dataportal.errors import (
    CollectionAlreadyExists,
    CollectionNotFound,
    DirectoryNotEmpty,
    InvalidCollectionName,
    PathNotFound,
    StorageUnavailable,
)
from dataportal.models import Collection, HostedFile
from dataportal.querysets import CollectionQuerySet, system_key
from dataportal.selectors import (
    Account,
    get_account_for,
    get_collection_for,
    get_file_for,
    get_system_collection_for,
    get_system_file_for,
)
from dataportal.storage import remove_abandoned_uploads, remove_blob
from dataportal.system_paths import SystemFile, SystemPlace
from dataportal.usage import Change, change_usage, take_from_places, withdraw_files

_SWEEP_BATCH = 200


def create_collection(
    *, principal: Principal, owner: str, name: str, read_acl: str = str(ReadAcl.MY_ALGORITHMS)
) -> str:
    """Make a collection and return its path `owner/name`. Only its owner may."""
    account = check_creates_collection(principal, owner)
    if not COLLECTION_NAME_PATTERN.match(name):
        raise InvalidCollectionName
    try:
        with transaction.atomic(), act("collection.create") as done:
            done.target = Collection.objects.create(
                owner_id=account.id, name=name, read_acl=read_acl
            )
    except IntegrityError as exc:
        raise CollectionAlreadyExists(owner=account.name, name=name) from exc
    return f"{account.name}/{name}"


def check_creates_collection(principal: Principal, owner: str) -> Account:
    """The account, if `principal` makes collections in it. Raises UserNotFound, NotAuthorized."""
    account = get_account_for(principal, owner)
    if not can(principal, Action.MANAGE_COLLECTION, CollectionResource(account.id)):
        raise NotAuthorized
    return account


def update_collection_acl(*, principal: Principal, owner: str, name: str, read_acl: str) -> None:
    """Change who reads a collection. Raises CollectionNotFound, NotAuthorized."""
    collection = get_collection_for(principal, owner, name, Action.MANAGE_COLLECTION)
    with transaction.atomic(), act("collection.update", collection):
        collection.read_acl = read_acl
        collection.save(update_fields=["read_acl"])


def reserve_file(*, name: str, size: int, digest: str) -> HostedFile:
    """A row in no collection, committed before the storage is given the bytes."""
    now = timezone.now()
    return HostedFile.objects.create(
        name=name, size=size, digest=digest, modified_at=now, unused_since=now
    )


@transaction.atomic
def publish_file(*, file: HostedFile, collection: Collection) -> None:
    """Put a reserved file, whose bytes are stored, in its place; the last of two writers wins.

    Raises CollectionNotFound when the collection went meanwhile, TooManyBytes and TooManyFiles
    when its owner would have too much; then nothing has changed.
    """
    if not _lock_place(collection.id, file.name):
        raise CollectionNotFound(uri=collection.uri)
    replaced = take_from_places("f.collection_id = %s AND f.name = %s", collection.id, file.name)
    reserved = HostedFile.objects.filter(pk=file.pk, unused_since__isnull=False)
    now = timezone.now()
    if not reserved.update(collection=collection, unused_since=None, modified_at=now):
        # The storage took longer than unused bytes are kept.
        raise StorageUnavailable
    added = Change(bytes=file.size, files=1) - replaced.get(collection.owner_id, Change())
    change_usage(collection.owner_id, added)


def drop_reserved(file: HostedFile) -> None:
    """Remove at once what was reserved and will not be published, with its bytes."""
    with transaction.atomic():
        # The row stays until the bytes have gone.
        reserved = HostedFile.objects.filter(pk=file.pk, collection=None).select_for_update()
        if reserved.first() is not None:
            # What cannot be removed now is left to the sweep.
            with suppress(OSError):
                remove_blob(file.blob_name)
                reserved.delete()


def delete_file(*, principal: Principal, owner: str, collection: str, name: str) -> int:
    """Delete a file and return how many went: 1. Raises PathNotFound, NotAuthorized."""
    file = get_file_for(principal, owner, collection, name, Action.WRITE_COLLECTION)
    return remove_file(file.collection_id, file.name)


def delete_collection(*, principal: Principal, owner: str, name: str, force: bool) -> int:
    """Delete a collection and return how many went: its files and itself.

    Raises CollectionNotFound, NotAuthorized, and without `force` DirectoryNotEmpty.
    """
    found = get_collection_for(principal, owner, name, Action.MANAGE_COLLECTION)
    return remove_collection(found, force=force) + 1


@transaction.atomic
def remove_collection(collection: Collection, *, force: bool) -> int:
    """Remove it for who has been found to be allowed to, and return how many files went with it.

    Raises CollectionNotFound, and without `force` DirectoryNotEmpty.
    """
    rows = Collection.objects.filter(pk=collection.pk)
    if rows.select_for_update().first() is None:
        raise CollectionNotFound(uri=collection.uri)
    if not force and collection.files.exists():
        raise DirectoryNotEmpty
    with act("collection.delete", collection) as done:
        files = withdraw_files("f.collection_id = %s", collection.id)
        rows.delete()
        done.note(files=files)
    return files


@transaction.atomic
def remove_file(collection_id: UUID, name: str) -> int:
    """Remove it for who has been found to be allowed to, and return how many went: 1.

    Raises PathNotFound.
    """
    if not withdraw_files("f.collection_id = %s AND f.name = %s", collection_id, name):
        raise PathNotFound
    return 1


def open_system_collection(*, principal: Principal, place: SystemPlace) -> tuple[Collection, str]:
    """The row to put files in, made by the first write, and the collection's address.

    Raises what `get_system_collection_for` does.
    """
    found = get_system_collection_for(principal, place, Action.WRITE_COLLECTION)
    row = Collection.objects.kept_for(found.resource).first()
    return row or _make_system_collection(found.resource), found.uri


def delete_system_file(*, principal: Principal, file: SystemFile) -> int:
    """Delete a file and return how many went: 1. Raises PathNotFound, NotAuthorized."""
    found = get_system_file_for(principal, file, Action.WRITE_COLLECTION)
    return remove_file(found.collection_id, found.name)


def end_session(session_id: UUID) -> None:
    """Delete what was put into the session's collection; to be called when its call has ended."""
    session = CollectionResource(kind=CollectionKind.SESSION, session_id=session_id)
    _drop_collections(Collection.objects.kept_for(session))


def delete_algorithm_collections(*, algorithm_id: UUID) -> None:
    """Delete what an algorithm keeps for its users; within the transaction that deletes it."""
    _drop_collections(Collection.objects.of_algorithm(algorithm_id))


def remove_outdated_data() -> int:
    """Take away temp files that have had their day, and sessions that nobody has ended.

    Returns how many files and sessions went. Two sweeps at once share the work.
    """
    removed = 0
    while batch := _withdraw_outdated_files():
        removed += batch
    longest = timedelta(seconds=settings.CALL_TIMEOUT_LIMIT_SECONDS) + SESSION_MARGIN
    lost = Collection.objects.of_sessions_before(timezone.now() - longest)
    while batch := _drop_collections(lost, _SWEEP_BATCH):
        removed += batch
    return removed


def remove_unused_blobs() -> int:
    """Remove bytes that no file has had for the grace period, and return how many.

    Two sweeps at once share the work: each takes rows that the other has not locked.
    """
    removed = remove_abandoned_uploads(UNUSED_BLOB_GRACE)
    while batch := _remove_batch():
        removed += batch
    return removed


@transaction.atomic
def _make_system_collection(resource: CollectionResource) -> Collection:
    if resource.algorithm_id is not None:
        # Who deletes it would not see a row that is made meanwhile.
        current_finder().hold(resource.algorithm_id)
    assert resource.owner_id is not None
    key = system_key(resource) | {"owner_id": resource.owner_id}
    made = Collection(**key, read_acl=ReadAcl.PRIVATE)
    Collection.objects.bulk_create([made], ignore_conflicts=True)
    row = Collection.objects.kept_for(resource).first()
    if row is None:
        # Another's row was in the way, and the session ended.
        raise CollectionNotFound(uri=made.uri)
    return row


@transaction.atomic
def _drop_collections(rows: CollectionQuerySet, most: int | None = None) -> int:
    ids = [row.pk for row in rows.order_by("pk").select_for_update()[:most]]
    if ids:
        withdraw_files("f.collection_id = ANY(%s::uuid[])", ids)
        Collection.objects.filter(pk__in=ids).delete()
    return len(ids)


@transaction.atomic
def _withdraw_outdated_files() -> int:
    rows = HostedFile.objects.outdated(timezone.now()).select_for_update(
        of=("self",), skip_locked=True
    )
    ids = [file.pk for file in rows.only("pk")[:_SWEEP_BATCH]]
    return withdraw_files("f.id = ANY(%s::uuid[])", ids) if ids else 0


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
