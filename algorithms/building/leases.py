"""Who works on a build: leases with a fencing number (design.md 7)."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone

from algorithms.constants import (
    BUILD_LEASE_SECONDS,
    BUILD_RENEWAL_SECONDS,
    MOST_BUILDS_OF_OWNER,
)
from algorithms.models import Build
from algorithms.querysets import BuildQuerySet

logger = logging.getLogger(__name__)


class LeaseLost(Exception):
    """Another attempt has the build now; this one must not write any more."""


def take_build(build_id: UUID) -> Build | None:
    """Take a build for one attempt; None when it has ended or somebody works on it."""
    with transaction.atomic():
        build = (
            Build.objects.without_worker()
            .select_for_update(skip_locked=True, of=("self",))
            .select_related("algorithm__owner", "environment")
            .filter(pk=build_id)
            .first()
        )
        if build is None or _owner_is_busy(build):
            return None
        Build.objects.filter(pk=build_id).update(
            attempt=F("attempt") + 1, lease_expires_at=_expiry()
        )
        build.attempt += 1
        return build


def _owner_is_busy(build: Build) -> bool:
    """Whether the owner's other builds have all the places that one owner gets."""
    building = Build.objects.in_progress().filter(
        algorithm__owner_id=build.algorithm.owner_id, lease_expires_at__gte=timezone.now()
    )
    return building.count() >= MOST_BUILDS_OF_OWNER


def held(build: Build) -> BuildQuerySet:
    """The build's row, if this attempt still has it."""
    return Build.objects.in_progress().filter(pk=build.pk, attempt=build.attempt)


@contextmanager
def kept_lease(build: Build) -> Iterator[threading.Event]:
    """Renew the lease while the body runs; the event is set when it was lost."""
    ended, lost = threading.Event(), threading.Event()
    keeper = threading.Thread(
        target=_renew, args=(build, ended, lost), name=f"lease-{build.pk}", daemon=True
    )
    keeper.start()
    try:
        yield lost
    finally:
        ended.set()
        keeper.join()


def _renew(build: Build, ended: threading.Event, lost: threading.Event) -> None:
    try:
        while not ended.wait(BUILD_RENEWAL_SECONDS):
            if not held(build).update(lease_expires_at=_expiry()):
                lost.set()
                return
    finally:
        connection.close()


@contextmanager
def one_build_at_a_time(build: Build) -> Iterator[None]:
    """Hold the commit's advisory lock: two builds of one commit run one after the other."""
    name = f"build:{build.algorithm_id}:{build.commit_sha}"
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(hashtextextended(%s, 0))", [name])
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", [name])


def _expiry() -> datetime:
    return timezone.now() + timedelta(seconds=BUILD_LEASE_SECONDS)


def finish(build: Build, state: str, *, error: str = "") -> None:
    """Settle a build. Raises LeaseLost when another attempt has it."""
    changed = held(build).update(
        state=state,
        error=error,
        finished_at=timezone.now(),
        lease_expires_at=None,
        rootfs=build.rootfs,
        packages=build.packages,
        base_image=build.base_image,
    )
    if not changed:
        raise LeaseLost
