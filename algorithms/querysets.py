"""Filters of algorithms, builds, queued calls and deliveries that read as what they mean."""

from datetime import timedelta
from uuid import UUID

from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.db.models.lookups import Exact
from django.utils import timezone

from algorithms.constants import (
    ApprovalState,
    AsyncState,
    BuildState,
    Callability,
    DeliveryState,
)

# For so long a build keeps its image, published or not.
SUPERSEDED_AFTER = timedelta(days=1)


class AlgorithmQuerySet(models.QuerySet):
    def named(self, owner: str, name: str) -> "AlgorithmQuerySet":
        """The one row of this name, found as the unique indexes are made: without case."""
        return self.filter(
            Exact(Lower("owner__username"), owner.lower()), Exact(Lower("name"), name.lower())
        )


def is_public(prefix: str = "") -> Q:
    """Of versions: published for everybody by who may do so, or approved by who may."""
    return Q(**{f"{prefix}callability": Callability.PUBLIC}) | Q(
        **{f"{prefix}approval__state": ApprovalState.APPROVED}
    )


class VersionQuerySet(models.QuerySet):
    def public(self) -> "VersionQuerySet":
        return self.callable_by_all(True)

    def callable_by_all(self, public: bool) -> "VersionQuerySet":
        return self.filter(is_public() if public else ~is_public())


class BuildQuerySet(models.QuerySet):
    def succeeded(self) -> "BuildQuerySet":
        return self.filter(state=BuildState.SUCCEEDED)

    def in_progress(self) -> "BuildQuerySet":
        return self.filter(state=BuildState.IN_PROGRESS)

    def without_worker(self) -> "BuildQuerySet":
        """In progress, and nobody has renewed a lease on it."""
        now = timezone.now()
        return self.in_progress().filter(Q(lease_expires_at=None) | Q(lease_expires_at__lt=now))

    def published(self, published: bool) -> "BuildQuerySet":
        return self.filter(version__isnull=not published)

    def worth_an_image(self) -> "BuildQuerySet":
        """Published, the algorithm's newest, or so young that somebody may be trying it."""
        newest = self.model.objects.filter(algorithm=models.OuterRef("algorithm")).succeeded()
        younger = timezone.now() - SUPERSEDED_AFTER
        return self.filter(
            Q(version__isnull=False)
            | Q(started_at__gt=younger)
            | Q(pk=models.Subquery(newest.newest_first().values("pk")[:1]))
        )

    def callable_by_all(self, public: bool) -> "BuildQuerySet":
        condition = is_public("version__")
        return self.filter(condition if public else ~condition, version__isnull=False)

    def with_version(self) -> "BuildQuerySet":
        """With its version and what was decided about that, in the same query."""
        return self.select_related("version__approval")

    def newest_first(self) -> "BuildQuerySet":
        return self.order_by("-started_at", "-id")


class AsyncCallQuerySet(models.QuerySet):
    def queued(self) -> "AsyncCallQuerySet":
        return self.filter(state=AsyncState.QUEUED)

    def running(self) -> "AsyncCallQuerySet":
        return self.filter(state=AsyncState.RUNNING)

    def lost(self) -> "AsyncCallQuerySet":
        """Running, but nobody has renewed the lease."""
        return self.running().filter(lease_expires_at__lt=timezone.now())

    def without_payload(self) -> "AsyncCallQuerySet":
        """For lists: what may be large stays in the database."""
        return self.defer("payload", "result", "error", "stacktrace")

    def newest_first(self) -> "AsyncCallQuerySet":
        return self.order_by("-accepted_at", "-id")


class DeliveryQuerySet(models.QuerySet):
    def held(self, delivery_id: UUID, attempt: int) -> "DeliveryQuerySet":
        """The delivery, while this attempt is its last."""
        return self.filter(pk=delivery_id, attempt=attempt, state=DeliveryState.PENDING)

    def not_in_flight(self) -> "DeliveryQuerySet":
        now = timezone.now()
        return self.filter(Q(lease_expires_at=None) | Q(lease_expires_at__lte=now))
