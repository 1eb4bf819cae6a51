"""Hosted collections and their files (spec.md 5.3)."""

from django.db import models
from django.db.models.functions import Lower

from algoport.accounts.models import User
from algoport.db.models import UUIDModel
from dataportal.constants import (
    ACL_PATTERNS,
    COLLECTION_NAME_LENGTH,
    LONGEST_NAME_BYTES,
    ReadAcl,
)
from dataportal.querysets import CollectionQuerySet, HostedFileQuerySet


class Collection(UUIDModel):
    """A flat folder of files that belongs to an account; names compare without case."""

    owner = models.ForeignKey(User, models.PROTECT, related_name="collections", db_index=False)
    name = models.CharField(max_length=COLLECTION_NAME_LENGTH, db_collation="C")
    read_acl = models.CharField(
        "read access", max_length=13, choices=ReadAcl.choices, default=ReadAcl.MY_ALGORITHMS
    )

    objects = CollectionQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint("owner", Lower("name"), name="collection_name_unique"),
        ]

    def __str__(self) -> str:
        return f"{self.owner.username}/{self.name}"

    @property
    def uri(self) -> str:
        return f"data://{self}"

    @property
    def acl_patterns(self) -> tuple[str, ...]:
        return ACL_PATTERNS[ReadAcl(self.read_acl)]


class HostedFile(UUIDModel):
    """Bytes in the storage under a random name, and the place where they can be read.

    reserved -> in a collection -> unused -> gone. A row is committed before its bytes enter the
    storage and deleted after they have left it, so no bytes are ever without a row. Only the row
    decides: reserved and unused rows have no collection, and `remove_unused_blobs` takes them
    some time after `unused_since`. Bytes never change; a replaced file is another row.
    """

    # The unique constraint's index serves the foreign key as well.
    collection = models.ForeignKey(
        Collection, models.PROTECT, null=True, related_name="files", db_index=False
    )
    name = models.CharField(max_length=LONGEST_NAME_BYTES, db_collation="C")
    size = models.BigIntegerField()
    md5 = models.CharField(max_length=32)
    modified_at = models.DateTimeField()
    unused_since = models.DateTimeField(null=True)

    objects = HostedFileQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["collection", "name"], name="file_name_unique"),
            models.CheckConstraint(
                condition=models.Q(collection__isnull=True, unused_since__isnull=False)
                | models.Q(collection__isnull=False, unused_since__isnull=True),
                name="file_used_or_unused",
            ),
        ]
        indexes = [
            models.Index(
                fields=["unused_since"],
                condition=models.Q(collection__isnull=True),
                name="file_unused",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def blob_name(self) -> str:
        """Name of the bytes in the storage; spread, since folders of millions are slow to list."""
        return f"{self.id.hex[:2]}/{self.id.hex}"
