"""Hosted collections and their files (spec.md 5.3), and connectors to other storages (5.5)."""

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models.functions import Lower

from algoport.accounts.constants import NAME_LENGTH
from algoport.accounts.models import User
from algoport.accounts.permissions import CollectionKind
from algoport.db.models import UUIDModel
from dataportal.constants import (
    ACL_PATTERNS,
    COLLECTION_NAME_LENGTH,
    EVERY_PATH,
    LABEL_LENGTH,
    LONGEST_ACCESSED_PATH,
    LONGEST_NAME_BYTES,
    RESTRICTION_LENGTH,
    Protocol,
    ReadAcl,
)
from dataportal.digests import LONGEST_DIGEST
from dataportal.querysets import (
    ALGORITHM_KINDS,
    CollectionQuerySet,
    ConnectorQuerySet,
    HostedFileQuerySet,
)

# As plain text: migrations write down what stands in constraints.
_USER, _SESSION = str(CollectionKind.USER), str(CollectionKind.SESSION)
_OF_ALGORITHMS = [str(kind) for kind in ALGORITHM_KINDS]
_LIMIT_HELP = "Empty: as the platform is set. 0: no limit."


class Collection(UUIDModel):
    """A flat folder of files; names compare without case.

    An account's has an owner and a name. The others are the platform's: a session's, and the temp
    and perm collections that an algorithm has for each user who runs it, who is their owner. Those
    always exist for who may use them; their rows are made by the first write. A session's owner is
    the user whose call it is: the files count for that user, and nothing follows from it besides.
    """

    kind = models.CharField(
        max_length=7,
        choices=[(str(kind), str(kind)) for kind in CollectionKind],
        default=_USER,
        editable=False,
    )
    owner = models.ForeignKey(User, models.PROTECT, related_name="collections", db_index=False)
    name = models.CharField(max_length=COLLECTION_NAME_LENGTH, blank=True, db_collation="C")
    # Algorithms are above this app, and sessions have no rows.
    algorithm_id = models.UUIDField(null=True, editable=False)
    session_id = models.UUIDField(null=True, editable=False)
    read_acl = models.CharField(
        "read access", max_length=13, choices=ReadAcl.choices, default=ReadAcl.MY_ALGORITHMS
    )

    objects = CollectionQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                "owner",
                Lower("name"),
                condition=models.Q(kind=_USER),
                name="collection_name_unique",
            ),
            models.UniqueConstraint(
                fields=["session_id"],
                condition=models.Q(kind=_SESSION),
                name="session_collection_unique",
            ),
            models.UniqueConstraint(
                fields=["algorithm_id", "owner", "kind"],
                condition=models.Q(kind__in=_OF_ALGORITHMS),
                name="algorithm_collection_unique",
            ),
            models.CheckConstraint(
                condition=models.Q(
                    kind=_USER,
                    algorithm_id__isnull=True,
                    session_id__isnull=True,
                )
                | models.Q(
                    kind=_SESSION,
                    algorithm_id__isnull=True,
                    session_id__isnull=False,
                    name="",
                    read_acl=ReadAcl.PRIVATE,
                )
                | models.Q(
                    kind__in=_OF_ALGORITHMS,
                    algorithm_id__isnull=False,
                    session_id__isnull=True,
                    name="",
                    read_acl=ReadAcl.PRIVATE,
                ),
                name="collection_of_one_kind",
            ),
        ]
        indexes = [
            models.Index(
                fields=["owner"],
                condition=models.Q(kind__in=_OF_ALGORITHMS),
                name="collection_kept_for",
            ),
            models.Index(
                fields=["created_at"],
                condition=models.Q(kind=_SESSION),
                name="collection_of_session",
            ),
        ]

    def __str__(self) -> str:
        return self.uri.removeprefix("data://")

    @property
    def uri(self) -> str:
        """Of an algorithm's collection the form in which the algorithm itself writes it."""
        if self.kind == CollectionKind.USER:
            return f"data://{self.owner.username}/{self.name}"
        if self.kind == CollectionKind.SESSION:
            return "data://.session"
        return f"data://.algo/{self.kind}"

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
    digest = models.CharField(max_length=LONGEST_DIGEST)
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


class HostedUsage(models.Model):
    """How much an account has in its collections, and in those kept for it, and may have.

    The sums are exact: they change in the transaction that puts a file in its place or takes it
    away (`dataportal.usage`). No row is as good as one with zeros.
    """

    owner = models.OneToOneField(
        User, models.CASCADE, primary_key=True, related_name="hosted_usage"
    )
    bytes = models.BigIntegerField("bytes in files", default=0, editable=False)
    files = models.BigIntegerField(default=0, editable=False)
    byte_limit = models.PositiveBigIntegerField(
        "most bytes", null=True, blank=True, help_text=_LIMIT_HELP
    )
    file_limit = models.PositiveBigIntegerField(
        "most files", null=True, blank=True, help_text=_LIMIT_HELP
    )

    class Meta:
        verbose_name = verbose_name_plural = "hosted usage"

    def __str__(self) -> str:
        return self.owner.username


class DataAccess(models.Model):
    """A request of the Data API: who asked for what of whose data, and what came of it.

    Written in batches. Names are kept as they were asked for, in lower case where they compare so;
    rows outlive what they name. `algorithm_id` and `run_id` are the algorithm that asked and its
    call, when an account's algorithm did so in its place. Bytes of an answer that broke off are
    those that it was to have.
    """

    id = models.UUIDField(primary_key=True)
    session_id = models.UUIDField()
    accessed_at = models.DateTimeField()
    owner = models.CharField(max_length=NAME_LENGTH, db_collation="C")
    connector = models.CharField(max_length=LABEL_LENGTH + 10, db_collation="C")
    path = models.CharField(max_length=LONGEST_ACCESSED_PATH, db_collation="C")
    operation = models.CharField(max_length=6)
    account = models.CharField(max_length=NAME_LENGTH, db_collation="C")
    account_id = models.UUIDField()
    principal = models.CharField(max_length=20)
    key_id = models.UUIDField(null=True)
    algorithm_id = models.UUIDField(null=True)
    run_id = models.UUIDField(null=True)
    bytes_in = models.BigIntegerField()
    bytes_out = models.BigIntegerField()
    status = models.PositiveSmallIntegerField()
    error_type = models.CharField(max_length=60, blank=True)
    seconds = models.FloatField()

    class Meta:
        verbose_name_plural = "data accesses"
        indexes = [
            models.Index(fields=["owner", "-accessed_at", "-id"], name="access_of_owner"),
            models.Index(fields=["owner", "account", "-accessed_at", "-id"], name="access_by"),
            models.Index(fields=["owner", "path"], name="access_to"),
            models.Index(
                fields=["owner", "connector", "-accessed_at", "-id"], name="access_through"
            ),
            models.Index(
                fields=["owner", "algorithm_id", "-accessed_at"],
                condition=models.Q(algorithm_id__isnull=False),
                name="access_by_algorithm",
            ),
            models.Index(
                fields=["owner", "-accessed_at"],
                condition=models.Q(status__gte=400),
                name="access_refused",
            ),
            # Rows come in the order of time: this one costs next to nothing.
            BrinIndex(fields=["accessed_at"], name="access_age"),
        ]

    def __str__(self) -> str:
        return f"{self.operation} {self.connector}://{self.path}"


class Connector(UUIDModel):
    """An account's way to a storage of its own; labels compare without case.

    `credential` is encrypted and leaves the platform in no form. `options` is what a storage needs
    besides and anybody may see, such as an endpoint. `revision` counts the changes: whoever has
    opened the storage as it was opens it again.
    """

    owner = models.ForeignKey(User, models.CASCADE, related_name="connectors", db_index=False)
    protocol = models.CharField(max_length=10, choices=Protocol.choices)
    label = models.CharField(max_length=LABEL_LENGTH)
    is_default = models.BooleanField("default", default=False)
    path = models.CharField("path restriction", max_length=RESTRICTION_LENGTH, default=EVERY_PATH)
    writeable = models.BooleanField("write access", default=False)
    options = models.JSONField(default=dict)
    credential = models.TextField(editable=False)
    revision = models.PositiveIntegerField(default=0, editable=False)

    objects = ConnectorQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                "owner", "protocol", Lower("label"), name="connector_label_unique"
            ),
            models.UniqueConstraint(
                fields=["owner", "protocol"],
                condition=models.Q(is_default=True),
                name="connector_default_unique",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        """As it stands in a URI."""
        return f"{self.protocol}+{self.label}"
