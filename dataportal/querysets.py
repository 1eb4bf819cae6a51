"""Filters of collections and files that read as what they mean."""

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from django.db import models
from django.db.models.functions import Lower
from django.db.models.lookups import Exact, GreaterThan, GreaterThanOrEqual, LessThan

from algoport.accounts.permissions import CollectionKind, CollectionResource
from dataportal.constants import TEMP_FILE_AGE, ReadAcl

if TYPE_CHECKING:
    from dataportal.models import HostedFile

ALGORITHM_KINDS = (CollectionKind.TEMP, CollectionKind.PERM)


def system_key(resource: CollectionResource) -> dict[str, object]:
    """The fields by which the system collection that `resource` describes is unique."""
    if resource.kind is CollectionKind.SESSION:
        return {"kind": resource.kind, "session_id": resource.session_id}
    assert resource.kind in ALGORITHM_KINDS
    return {
        "kind": resource.kind,
        "algorithm_id": resource.algorithm_id,
        "owner_id": resource.owner_id,
    }


class CollectionQuerySet(models.QuerySet):
    def owned_by(self, owner_id: UUID) -> "CollectionQuerySet":
        """The account's own; not what algorithms keep for it."""
        return self.filter(kind=CollectionKind.USER, owner=owner_id)

    def of_account(self, username: str) -> "CollectionQuerySet":
        return self.filter(
            Exact(Lower("owner__username"), username.lower()),
            kind=CollectionKind.USER,
            owner__is_active=True,
        )

    def kept_for(self, resource: CollectionResource) -> "CollectionQuerySet":
        """The one system collection that `resource` describes; none before its first file."""
        return self.filter(**system_key(resource))

    def kept_for_user(self, user_id: UUID) -> "CollectionQuerySet":
        """What algorithms keep for one who runs them."""
        return self.filter(kind__in=ALGORITHM_KINDS, owner=user_id)

    def of_algorithm(self, algorithm_id: UUID) -> "CollectionQuerySet":
        """What the algorithm keeps, for all users."""
        return self.filter(kind__in=ALGORITHM_KINDS, algorithm_id=algorithm_id)

    def of_sessions_before(self, moment: datetime) -> "CollectionQuerySet":
        """Of sessions that put their first file before `moment`."""
        return self.filter(kind=CollectionKind.SESSION, created_at__lt=moment)

    def named(self, name: str) -> "CollectionQuerySet":
        return self.filter(Exact(Lower("name"), name.lower()))

    def with_acl(self, acls: Iterable[ReadAcl]) -> "CollectionQuerySet":
        return self.filter(read_acl__in=list(acls))

    def begin_with(self, name: str) -> "CollectionQuerySet":
        """In the same index, from the name to what follows all that begin so."""
        first = name.lower()
        return self.filter(
            GreaterThanOrEqual(Lower("name"), first),
            LessThan(Lower("name"), f"{first}\U0010ffff"),
        )

    def after(self, name: str) -> "CollectionQuerySet":
        """In the order of the unique index, from behind `name`."""
        rows = self.filter(GreaterThan(Lower("name"), name.lower())) if name else self
        return rows.order_by(Lower("name"))


class HostedFileQuerySet(models.QuerySet):
    def page(self, after: str, most: int) -> "tuple[list[HostedFile], bool]":
        """What listings tell of files, bytewise from behind a name; and whether more follow."""
        shown = self.filter(name__gt=after).order_by("name").only("name", "modified_at", "size")
        found = list(shown[: most + 1])
        return found[:most], len(found) > most

    def outdated(self, moment: datetime) -> "HostedFileQuerySet":
        """Files in temp collections that have had their day at `moment`."""
        return self.filter(
            collection__kind=CollectionKind.TEMP, modified_at__lt=moment - TEMP_FILE_AGE
        )

    def unused_since(self, moment: datetime) -> "HostedFileQuerySet":
        return self.filter(collection=None, unused_since__lt=moment)


class ConnectorQuerySet(models.QuerySet):
    def owned_by(self, owner_id: UUID) -> "ConnectorQuerySet":
        return self.filter(owner=owner_id)

    def named(self, protocol: str, label: str) -> "ConnectorQuerySet":
        """The one with this label; without a label the default one."""
        rows = self.filter(protocol=protocol)
        if not label:
            return rows.filter(is_default=True)
        return rows.filter(Exact(Lower("label"), label.lower()))
