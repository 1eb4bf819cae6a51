"""When a source at another host is to be fetched, and what follows from what was fetched."""

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from algoport.accounts.models import User
from algoport.audit.recording import act
from algorithms.constants import (
    FETCH_AGAIN_SECONDS,
    FETCH_ATTEMPTS,
    FETCH_LEASE_SECONDS,
    FETCH_PAUSE_SECONDS,
    MOST_FETCHED_AGAIN,
    SourceState,
)
from algorithms.errors import SourceNotFetched
from algorithms.models import Algorithm, RemoteRepository
from algorithms.remotes.selectors import may_provide
from algorithms.remotes.signals import fetch_due
from algorithms.services import start_build
from algorithms.source.services import record_push
from scm.connections import find_authorization
from scm.fast_import import BRANCH
from scm.host import RefUpdate
from scm.hosts.base import HostRepository


@transaction.atomic
def ask_for_fetch(*, algorithm_id: UUID, asker_id: UUID | None = None) -> None:
    """Have a worker fetch the algorithm's source, once more if one is at it already.

    Where it cannot be fetched by the authorization of who connected it, it is by that of the asker.
    """
    rows = RemoteRepository.objects.filter(pk=algorithm_id)
    if asker_id is not None:
        _take_over(rows, asker_id)
    if rows.update(due_at=timezone.now(), failures=0):
        transaction.on_commit(lambda: fetch_due.send(RemoteRepository, algorithm_id=algorithm_id))


def fetch_now(*, algorithm_id: UUID, asker_id: UUID | None, pause: Callable[[], None]) -> None:
    """Fetch the source and wait until that has ended; `pause` is called in between.

    Raises SourceNotFetched.
    """
    ask_for_fetch(algorithm_id=algorithm_id, asker_id=asker_id)
    latest = time.monotonic() + FETCH_LEASE_SECONDS
    while time.monotonic() < latest:
        remote = RemoteRepository.objects.filter(pk=algorithm_id).first()
        if remote is None or (remote.failures and remote.error):
            raise SourceNotFetched(reason="" if remote is None else remote.error)
        if remote.due_at is None:
            return
        pause()
    raise SourceNotFetched(reason="It has taken too long; look at the Source tab later.")


def fetch_what_waited(*, user_id: UUID, scm_id: str) -> None:
    """Fetch what could not be, now that the account has authorized the platform again."""
    rows = RemoteRepository.objects.filter(authorizer_id=user_id, algorithm__scm_id=scm_id)
    for algorithm_id in rows.exclude(error="").values_list("pk", flat=True):
        ask_for_fetch(algorithm_id=algorithm_id)


def waiting_fetches() -> list[UUID]:
    """What is due and that no worker has; a message in the broker may be lost.

    What was not looked at for long becomes due, as the event of a push may be lost.
    """
    _look_again()
    return list(_due().order_by("due_at").values_list("pk", flat=True)[:100])


@transaction.atomic
def take_fetch(algorithm_id: UUID) -> RemoteRepository | None:
    """Take what is due for one attempt; None when nothing is, or somebody is at it."""
    rows = _due().select_for_update(skip_locked=True, of=("self",))
    algorithm = ("algorithm__owner", "algorithm__scm", "algorithm__environment")
    rows = rows.select_related("authorizer", *algorithm)
    remote = rows.filter(pk=algorithm_id).first()
    if remote is not None:
        remote.lease_expires_at = timezone.now() + timedelta(seconds=FETCH_LEASE_SECONDS)
        remote.save(update_fields=["lease_expires_at"])
    return remote


@transaction.atomic
def settle_fetch(taken: RemoteRepository, found: HostRepository, head: str) -> None:
    """Record what was fetched, and build master's head if it is another one."""
    remote = _held(taken)
    if remote is None:
        return
    moved = head != remote.head
    before, remote.head = remote.head, head
    remote.owner, remote.name, remote.default_branch = found.owner, found.name, found.default_branch
    remote.state, remote.error, remote.failures = SourceState.ACTIVE, "", 0
    remote.fetched_at = timezone.now()
    _end(remote, taken, again_at=None)
    if moved:
        algorithm = Algorithm.objects.select_related("owner", "environment").get(pk=remote.pk)
        with act("algorithm.fetch", algorithm) as done:
            done.note(repository=str(remote), branch=remote.default_branch)
            record_push(algorithm=algorithm, updates=[RefUpdate(before, head, BRANCH)])
        start_build(algorithm=algorithm, commit_sha=head)


@transaction.atomic
def fail_fetch(taken: RemoteRepository, state: str, error: str, *, try_again: bool) -> None:
    """Record why nothing was fetched, and when it is tried again: soon at first, then hourly."""
    remote = _held(taken)
    if remote is None:
        return
    remote.state, remote.error = state, error
    remote.failures = min(remote.failures + 1, FETCH_ATTEMPTS)
    soon = remote.failures < FETCH_ATTEMPTS
    pause = FETCH_PAUSE_SECONDS * 2**remote.failures if soon else FETCH_AGAIN_SECONDS
    again_at = timezone.now() + timedelta(seconds=pause) if try_again else None
    _end(remote, taken, again_at=again_at)


def _take_over(rows: QuerySet[RemoteRepository], asker_id: UUID) -> None:
    """Have the asker's authorization count, if that of who connected the source does not."""
    rows = rows.select_for_update(of=("self",))
    remote = rows.select_related("authorizer", "algorithm__owner", "algorithm__scm").first()
    if remote is None or _is_connected(remote, remote.authorizer):
        return
    asker = User.objects.get(pk=asker_id)
    if not _is_connected(remote, asker):
        return
    with act("algorithm.take_over_source", remote.algorithm) as done:
        done.note(repository=str(remote), authorizer=str(asker))
        remote.authorizer = asker
        remote.save(update_fields=["authorizer"])


def _is_connected(remote: RemoteRepository, user: User | None) -> bool:
    """Whether the account has an authorization at the host, and acts for the algorithm's owner."""
    if user is None or not may_provide(user, remote.algorithm):
        return False
    return find_authorization(user_id=user.pk, scm=remote.algorithm.scm) is not None


@transaction.atomic
def _look_again() -> None:
    """Have those fetched that were not for the longest time, a few at once."""
    now = timezone.now()
    rows = RemoteRepository.objects.filter(
        state=SourceState.ACTIVE,
        due_at=None,
        lease_expires_at=None,
        fetched_at__lt=now - timedelta(seconds=FETCH_AGAIN_SECONDS),
    ).order_by("fetched_at")
    locked = rows.select_for_update(skip_locked=True).values_list("pk", flat=True)
    found = list(locked[:MOST_FETCHED_AGAIN])
    if found:
        RemoteRepository.objects.filter(pk__in=found).update(due_at=now)


def _due() -> QuerySet[RemoteRepository]:
    now = timezone.now()
    return RemoteRepository.objects.filter(due_at__lte=now).filter(
        Q(lease_expires_at=None) | Q(lease_expires_at__lt=now)
    )


def _held(taken: RemoteRepository) -> RemoteRepository | None:
    """The row, if this attempt still has it."""
    rows = RemoteRepository.objects.select_for_update(of=("self",))
    return rows.filter(pk=taken.pk, lease_expires_at=taken.lease_expires_at).first()


def _end(remote: RemoteRepository, taken: RemoteRepository, again_at: datetime | None) -> None:
    """Give the row back; who has asked for a fetch meanwhile gets one."""
    remote.lease_expires_at = None
    if remote.due_at == taken.due_at:
        remote.due_at = again_at
    else:
        transaction.on_commit(lambda: fetch_due.send(RemoteRepository, algorithm_id=remote.pk))
    remote.save()
