"""What the repositories ask of the app whose algorithms they hold.

`scm` lies below `algorithms`, so the latter registers itself here in `AppConfig.ready()`.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from algoport.accounts.permissions import Principal

NO_COMMIT = "0" * 40


@dataclass(frozen=True)
class RefUpdate:
    """What a push did to one branch or tag; NO_COMMIT is none."""

    before: str
    after: str
    ref: str


@dataclass(frozen=True)
class RepositoryAccess:
    """A repository that its user may use, and how to call it: `OWNER/NAME`."""

    repository_id: UUID
    display: str


class RepositoryHost(Protocol):
    def authorize(
        self, principal: Principal, owner: str, name: str, *, write: bool
    ) -> RepositoryAccess:
        """The repository behind OWNER/NAME, for reading or pushing; may use the ORM.

        Raises NotAuthenticated for the anonymous, a 404 for what the principal may not see, and
        NotAuthorized for what it may read but not write.
        """

    def refs_moved(
        self, principal: Principal, repository_id: UUID, updates: Sequence[RefUpdate]
    ) -> None:
        """Called once for each push, with all that it moved; may use the ORM."""

    def pushed(
        self, principal: Principal, repository_id: UUID, *, before: str, after: str
    ) -> Generator[str, None, None]:
        """Called once after master moved; gives the lines that the pusher is shown.

        A generator. It records the build before its first line and ends when the build has
        ended; its last line is `algo://OWNER/NAME/SHA` or why there is none. An ApiError's text
        becomes the last line. `before` is NO_COMMIT when there was no master.

        The first step is always taken. After any line the generator may be closed because the
        pusher has left: give an empty line, which is not shown, every few seconds while there is
        nothing to say. Runs in a thread; its database connection is closed afterwards.
        """


_host: RepositoryHost | None = None


def register_host(host: RepositoryHost) -> None:
    """Make `host` the one that is asked."""
    global _host
    _host = host


def current_host() -> RepositoryHost:
    """The registered host."""
    if _host is None:
        raise RuntimeError("no repository host is registered: see scm/host.py")
    return _host
