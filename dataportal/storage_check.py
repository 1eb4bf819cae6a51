"""Whether the rows of hosted files and the bytes in the storage agree, and how to have them agree.

Rows and bytes are both read in the order of their names and compared as they come, so that the
memory it takes does not grow with their number. The platform may be running: what looks wrong is
looked at again by itself, and rows are there before, and after, their bytes.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone

from algoport.accounts.models import User
from algoport.audit.recording import act
from dataportal.digests import Digest
from dataportal.errors import BlobMissing
from dataportal.models import HostedFile, HostedUsage
from dataportal.storage import blob_size, list_blobs, open_blob
from dataportal.usage import withdraw_files

_BLOB_NAME = re.compile(r"([0-9a-f]{2})/(\1[0-9a-f]{30})")
_ROWS_AT_ONCE = 2000
_READ_SIZE = 1024 * 1024
_SUMS = """
SELECT c.owner_id AS owner_id, sum(f.size)::bigint AS bytes, count(*) AS files
FROM dataportal_hostedfile AS f JOIN dataportal_collection AS c ON f.collection_id = c.id
GROUP BY c.owner_id
"""
# One statement sees files and sums as they were at one moment.
_WRONG_SUMS = f"""
SELECT coalesce(u.owner_id, s.owner_id) FROM dataportal_hostedusage AS u
FULL JOIN ({_SUMS}) AS s ON u.owner_id = s.owner_id
WHERE (coalesce(u.bytes, 0), coalesce(u.files, 0))
    <> (coalesce(s.bytes, 0), coalesce(s.files, 0))
"""  # noqa: S608  (constants)
_REPAIR_SUMS = f"""
UPDATE dataportal_hostedusage AS u
SET bytes = coalesce(s.bytes, 0), files = coalesce(s.files, 0)
FROM (SELECT 1) AS one LEFT JOIN ({_SUMS}) AS s ON s.owner_id = %s WHERE u.owner_id = %s
"""  # noqa: S608  (constants)


class Fault(Enum):
    """What is wrong, and what repairing it does."""

    NO_BYTES = "has no bytes in the storage", "the file is taken away"
    OTHER_SIZE = "has another size in the storage", "the file is taken away"
    OTHER_DIGEST = "has other bytes in the storage", "the file is taken away"
    NO_ROW = "has no row", "the bytes are left to the sweep of unused ones"
    WRONG_SUMS = "is counted wrongly", "counted again"

    def __init__(self, text: str, repair: str) -> None:
        self.text = text
        self.repair = repair


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that does not agree; `id` is the file's, the bytes' or the account's."""

    fault: Fault
    id: UUID
    name: str


@dataclass(slots=True)
class Counts:
    """How much was compared; `foreign` are things in the storage that are not the platform's."""

    rows: int = 0
    blobs: int = 0
    foreign: int = 0


def find_disagreements(counts: Counts, *, digests: bool = False) -> Iterator[Finding]:
    """Compare everything; with `digests` all bytes are read. `counts` counts along."""
    rows = _rows()
    row = next(rows, None)
    for name, size in list_blobs():
        match = _BLOB_NAME.fullmatch(name)
        if match is None:
            counts.foreign += 1
            continue
        counts.blobs += 1
        blob_id = UUID(match[2])
        while row is not None and row.id < blob_id:
            counts.rows += 1
            yield from _check_alone(row)
            row = next(rows, None)
        if row is None or row.id != blob_id:
            yield from _check_blob(blob_id, name)
            continue
        counts.rows += 1
        yield from _check_pair(row, size, digests=digests)
        row = next(rows, None)
    while row is not None:
        counts.rows += 1
        yield from _check_alone(row)
        row = next(rows, None)
    for owner_id, username in _wrong_sums():
        yield Finding(Fault.WRONG_SUMS, owner_id, username)


def repair(finding: Finding) -> None:
    """Have it agree: a file without its bytes goes, and bytes without a row are to be swept."""
    with transaction.atomic(), act("storage.repair") as done:
        done.note(place=finding.name, fault=finding.fault.text, id=finding.id)
        if finding.fault is Fault.WRONG_SUMS:
            _count_again(finding.id)
        elif finding.fault is Fault.NO_ROW:
            _adopt(finding.id)
        else:
            withdraw_files("f.id = %s", finding.id)


def _rows() -> Iterator[HostedFile]:
    rows = HostedFile.objects.select_related("collection__owner").order_by("pk")
    return rows.iterator(chunk_size=_ROWS_AT_ONCE)


def _check_alone(row: HostedFile) -> Iterator[Finding]:
    """A row whose bytes were not listed; those of rows without a place come and go."""
    if row.collection is not None and blob_size(row.blob_name) is None and _is_used(row):
        yield Finding(Fault.NO_BYTES, row.id, _place(row))


def _check_pair(row: HostedFile, size: int, *, digests: bool) -> Iterator[Finding]:
    if row.collection is None:
        return
    if size != row.size:
        if blob_size(row.blob_name) != row.size and _is_used(row):
            yield Finding(Fault.OTHER_SIZE, row.id, _place(row))
    elif digests and not _has_digest(row) and _is_used(row):
        yield Finding(Fault.OTHER_DIGEST, row.id, _place(row))


def _check_blob(blob_id: UUID, name: str) -> Iterator[Finding]:
    """Bytes for which no row was read: a row may have come or gone since."""
    gone = not HostedFile.objects.filter(pk=blob_id).exists()
    if gone and blob_size(name) is not None:
        yield Finding(Fault.NO_ROW, blob_id, name)


def _has_digest(row: HostedFile) -> bool:
    digest = Digest()
    try:
        with open_blob(row.blob_name) as blob:
            while piece := blob.read(_READ_SIZE):
                digest.update(piece)
    except BlobMissing:
        return False
    return str(digest) == row.digest


def _is_used(row: HostedFile) -> bool:
    return HostedFile.objects.filter(pk=row.pk).exclude(collection=None).exists()


def _place(row: HostedFile) -> str:
    assert row.collection is not None
    return f"{row.collection.uri}/{row.name}"


def _wrong_sums() -> list[tuple[UUID, str]]:
    with connection.cursor() as cursor:
        cursor.execute(_WRONG_SUMS)
        ids = [owner_id for (owner_id,) in cursor.fetchall()]
    rows = User.objects.filter(pk__in=ids).order_by("username")
    return list(rows.values_list("pk", "username"))


@transaction.atomic
def _count_again(owner_id: UUID) -> None:
    HostedUsage.objects.bulk_create([HostedUsage(owner_id=owner_id)], ignore_conflicts=True)
    # Whoever changes files now waits with the sums, and adds to these when they are committed.
    HostedUsage.objects.select_for_update().get(pk=owner_id)
    with connection.cursor() as cursor:
        cursor.execute(_REPAIR_SUMS, [owner_id, owner_id])


def _adopt(blob_id: UUID) -> None:
    """Give bytes without a row one that says that nobody uses them."""
    now = timezone.now()
    unused = HostedFile(pk=blob_id, name="", size=0, digest="", modified_at=now, unused_since=now)
    HostedFile.objects.bulk_create([unused], ignore_conflicts=True)
