"""What the git plane asks of the algorithms: who may use a repository, and what a push starts."""

import time
from collections.abc import Generator, Sequence
from uuid import UUID

from algoport.accounts.actors import actor_of
from algoport.accounts.permissions import Action, Principal
from algoport.audit.actors import acting
from algoport.audit.constants import Via
from algoport.errors import NotAuthenticated
from algorithms.constants import BuildState
from algorithms.models import Algorithm
from algorithms.selectors import get_algorithm_for, log_after
from algorithms.services import start_build, watch_build
from algorithms.source.services import record_push
from scm.host import RefUpdate, RepositoryAccess
from scm.selectors import check_internal

_POLL_SECONDS = 0.05
# A pusher who left is noticed at a yield only; an empty line is not shown.
_SIGN_OF_LIFE_SECONDS = 5


class AlgorithmRepositories:
    """The repositories of algorithms (implements `scm.host.RepositoryHost`)."""

    def authorize(
        self, principal: Principal, owner: str, name: str, *, write: bool
    ) -> RepositoryAccess:
        if principal.user_id is None:
            raise NotAuthenticated("authorization required")
        algorithm = get_algorithm_for(principal, owner, name, Action.READ_SOURCE)
        if write:
            get_algorithm_for(principal, owner, name, Action.WRITE_SOURCE)
            check_internal(algorithm.scm)
        return RepositoryAccess(algorithm.id, str(algorithm))

    def refs_moved(
        self, principal: Principal, repository_id: UUID, updates: Sequence[RefUpdate]
    ) -> None:
        algorithm = Algorithm.objects.select_related("owner").get(pk=repository_id)
        with acting(actor_of(principal, Via.GIT)):
            record_push(algorithm=algorithm, updates=updates)

    def pushed(
        self, principal: Principal, repository_id: UUID, *, before: str, after: str
    ) -> Generator[str, None, None]:
        """Build the pushed head; yields its log, then its address or the reason it failed."""
        algorithm = Algorithm.objects.select_related("owner", "environment").get(pk=repository_id)
        with acting(actor_of(principal, Via.GIT)):
            build = start_build(algorithm=algorithm, commit_sha=after)
        seen, partial, said_at = 0, "", time.monotonic()
        for current in watch_build(build, pause=lambda: time.sleep(_POLL_SECONDS)):
            for number, text in log_after(build, seen):
                *lines, partial = (partial + text).split("\n")
                seen, said_at = number, time.monotonic()
                yield from lines
            if current.state == BuildState.IN_PROGRESS:
                if time.monotonic() - said_at > _SIGN_OF_LIFE_SECONDS:
                    said_at = time.monotonic()
                    yield ""
                continue
            if partial:
                yield partial
            if current.state == BuildState.SUCCEEDED:
                yield f"algo://{algorithm}/{after}"
            else:
                yield f"build failed: {current.error}"
