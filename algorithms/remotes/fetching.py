"""A worker's part: looking a repository up at its host, and fetching it into the copy here."""

import logging
import threading
from uuid import UUID

from algoport.errors import ApiError
from algorithms.constants import MOST_FETCHES, SourceState
from algorithms.errors import SourceNotVouchedFor
from algorithms.models import RemoteRepository
from algorithms.remotes.selectors import may_provide
from algorithms.remotes.services import fail_fetch, settle_fetch, take_fetch, waiting_fetches
from algorithms.remotes.signals import fetch_due
from scm.commits import tidy_repository
from scm.connections import usable_token
from scm.errors import HostUnreachable, ScmNotAuthenticated, ScmNotAuthorized
from scm.hosts.base import HostRepository
from scm.hosts.known import host_of
from scm.hosts.transfer import fetch_branch, remote_at
from scm.repositories import existing_path, head_commit

logger = logging.getLogger(__name__)

_places = threading.BoundedSemaphore(MOST_FETCHES)
# Of these it is known that trying again does not help: somebody has to do something.
_REFUSALS = (ScmNotAuthorized, ScmNotAuthenticated)


def perform_fetch(algorithm_id: UUID) -> None:
    """Fetch the algorithm's source, if that is due and there is a place for it.

    Without a place it goes on waiting, in the database and not in a thread.
    """
    if not _places.acquire(blocking=False):
        return
    try:
        taken = take_fetch(algorithm_id)
        if taken is not None:
            _perform(taken)
    finally:
        _places.release()


def wake_waiting_fetches() -> None:
    for algorithm_id in waiting_fetches():
        fetch_due.send(RemoteRepository, algorithm_id=algorithm_id)


def _perform(taken: RemoteRepository) -> None:
    try:
        found, head = _fetch(taken)
    except _REFUSALS as exc:
        logger.info("the source of %s is refused: %s", taken.pk, exc.text)
        fail_fetch(taken, SourceState.REFUSED, exc.text, try_again=False)
    except ApiError as exc:
        logger.warning("the source of %s was not fetched: %s", taken.pk, exc.text)
        fail_fetch(taken, SourceState.FAILED, exc.text, try_again=True)
    else:
        settle_fetch(taken, found, head)
        tidy_repository(taken.pk)


def _fetch(taken: RemoteRepository) -> tuple[HostRepository, str]:
    """The repository as it is called now, and the head of its default branch."""
    scm = taken.algorithm.scm
    existing_path(taken.pk)
    # SECURITY: what is pushed is run as the owner, who may have parted with who connected it.
    if not may_provide(taken.authorizer, taken.algorithm):
        raise SourceNotVouchedFor(owner=taken.algorithm.owner, scm=scm)
    token, _ = usable_token(user_id=taken.authorizer_id, scm=scm)
    host = host_of(scm)
    found = host.find_repository(token, taken.host_id)
    remote = remote_at(host, found.owner, found.name, token)
    fetch_branch(taken.pk, remote, found.default_branch)
    head = head_commit(taken.pk)
    if head is None:
        raise HostUnreachable(reason="Its repository has no commits.")
    return found, head
