"""Filters of collections and files that read as what they mean."""

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from django.db import models
from django.db.models.functions import Lower
from django.db.models.lookups import Exact, GreaterThan

from dataportal.constants import ReadAcl

if TYPE_CHECKING:
    pass


class CollectionQuerySet(models.QuerySet):
    def owned_by(self, owner_id: UUID) -> "CollectionQuerySet":
        return self.filter(owner=owner_id)

    def of_account(self, username: str) -> "CollectionQuerySet":
        return self.filter(Exact(Lower("owner__username"), username.lower()), owner__is_active=True)

    def named(self, name: str) -> "CollectionQuerySet":
        return self.filter(Exact(Lower("name"), name.lower()))

    def with_acl(self, acls: Iterable[ReadAcl]) -> "CollectionQuerySet":
        return self.filter(read_acl__in=list(acls))

    def after(self, name: str) -> "CollectionQuerySet":
        """In the order of the unique index, from behind `name`."""
        rows = self.filter(GreaterThan(Lower("name"), name.lower())) if name else self
        return rows.order_by(Lower("name"))


class HostedFileQuerySet(models.QuerySet):
    def after(self, name: str) -> "HostedFileQuerySet":
        """In bytewise order, from behind `name`."""
        return self.filter(name__gt=name).order_by("name")

    def unused_since(self, moment: datetime) -> "HostedFileQuerySet":
        return self.filter(collection=None, unused_since__lt=moment)
