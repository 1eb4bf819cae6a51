"""What accounts have in hosted collections, and how much more they may put there.

Whoever puts files in their places, or takes them away, changes the sums in the same transaction.
The order of locks is the same for all: collections, then files, then usage, and of several
accounts' usage by their ids. Nothing is locked after it, and it is held until the commit.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Subquery
from django.utils import timezone

from algoport.audit.recording import act
from dataportal.errors import TooManyBytes, TooManyFiles
from dataportal.models import Collection, HostedFile, HostedUsage

_TAKE = """
WITH taken AS (
    UPDATE dataportal_hostedfile AS f SET collection_id = NULL, unused_since = %s
    FROM dataportal_collection AS c WHERE f.collection_id = c.id AND {which}
    RETURNING c.owner_id, f.size
)
SELECT owner_id, sum(size)::bigint, count(*) FROM taken GROUP BY owner_id ORDER BY owner_id
"""
_ADD = """
INSERT INTO dataportal_hostedusage AS u (owner_id, bytes, files) VALUES (%s, %s, %s)
ON CONFLICT (owner_id) DO UPDATE
SET bytes = u.bytes + excluded.bytes, files = u.files + excluded.files
RETURNING bytes, files, byte_limit, file_limit
"""


@dataclass(frozen=True, slots=True)
class Change:
    """By how much an account's sums change."""

    bytes: int = 0
    files: int = 0

    def __sub__(self, other: "Change") -> "Change":
        return Change(self.bytes - other.bytes, self.files - other.files)


@dataclass(frozen=True, slots=True)
class Room:
    """The size up to which a file may be put now; None is any. `publish_file` has the last word."""

    limit: int = 0
    most: int | None = None

    def check(self, size: int) -> None:
        """Raise TooManyBytes for a file that has, or will have, so many bytes."""
        if self.most is not None and size > self.most:
            raise TooManyBytes(limit=self.limit)


ANY_SIZE = Room()


def get_room(collection: Collection, name: str) -> Room:
    """What a file of this name may have before its bytes have come. Raises TooManyFiles."""
    replaced = HostedFile.objects.filter(collection=collection, name=name).values("size")[:1]
    rows = HostedUsage.objects.filter(owner=collection.owner_id)
    usage = rows.annotate(replaced=Subquery(replaced)).first() or HostedUsage(bytes=0, files=0)
    old: int | None = getattr(usage, "replaced", None)
    files, most = _limit(usage.file_limit, settings.HOSTED_FILES_PER_ACCOUNT), None
    if old is None and files and usage.files >= files:
        raise TooManyFiles(limit=files)
    limit = _limit(usage.byte_limit, settings.HOSTED_BYTES_PER_ACCOUNT)
    if limit:
        # Who has too much already may still make a file smaller.
        most = max(limit - usage.bytes, 0) + (old or 0)
    return Room(limit, most)


def take_from_places(which: str, *values: object) -> Mapping[UUID, Change]:
    """Make the files `f` unused that the SQL condition `which` chooses; what each owner had there.

    The caller has to change the usage.
    """
    with connection.cursor() as cursor:
        cursor.execute(_TAKE.format(which=which), [timezone.now(), *values])
        return {owner_id: Change(size, files) for owner_id, size, files in cursor.fetchall()}


def withdraw_files(which: str, *values: object) -> int:
    """Make files unused as `take_from_places` does, for good, and return how many they were."""
    taken = take_from_places(which, *values)
    for owner_id, change in taken.items():
        change_usage(owner_id, Change() - change)
    return sum(change.files for change in taken.values())


def change_usage(owner_id: UUID, change: Change) -> None:
    """Add to an account's sums. Raises TooManyBytes or TooManyFiles when it may not have more."""
    with connection.cursor() as cursor:
        cursor.execute(_ADD, [owner_id, change.bytes, change.files])
        size, files, byte_limit, file_limit = cursor.fetchone()
    limit = _limit(file_limit, settings.HOSTED_FILES_PER_ACCOUNT)
    if change.files > 0 and limit and files > limit:
        raise TooManyFiles(limit=limit)
    limit = _limit(byte_limit, settings.HOSTED_BYTES_PER_ACCOUNT)
    if change.bytes > 0 and limit and size > limit:
        raise TooManyBytes(limit=limit)


@transaction.atomic
def change_limits(*, owner_id: UUID, byte_limit: int | None, file_limit: int | None) -> None:
    """Let an account have more or less; None is as the platform is set, 0 is no limit."""
    limits = {"byte_limit": byte_limit, "file_limit": file_limit}
    with act("limits.update", HostedUsage.objects.filter(owner=owner_id).first()) as done:
        done.target, _ = HostedUsage.objects.update_or_create(owner_id=owner_id, defaults=limits)


def _limit(own: int | None, default: int) -> int:
    return default if own is None else own
