"""Making an algorithm's repository at another host, as its maker's account there allows."""

import logging
import uuid
from contextlib import ExitStack
from dataclasses import dataclass, field
from uuid import UUID

from django.conf import settings

from algoport.encryption import encrypt
from algoport.errors import ApiError, InputValidationError
from algorithms.models import Algorithm, RemoteRepository
from scm.connections import usable_token
from scm.constants import REPOSITORY_NAME_PATTERN, REPOSITORY_OWNER_PATTERN
from scm.errors import RepositoryRefused
from scm.hosts.base import Host, HostRepository
from scm.hosts.known import host_of
from scm.hosts.transfer import push_first, remote_at
from scm.models import ScmConfiguration
from scm.repositories import delete_repository, head_commit

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class SourceChoice:
    """Where a new algorithm's repository is to be: the default host, if none is named.

    At another host it belongs to `owner` there, or to the account of `maker`, by whose
    authorization it is made; its name is the algorithm's if there is none.
    """

    scm_id: str | None = None
    owner: str = ""
    name: str = ""
    maker: UUID | None = None


NOWHERE_SAID = SourceChoice()


@dataclass(frozen=True)
class Place:
    """A repository that can be asked for at its host."""

    host: Host
    owner: str
    name: str
    maker: UUID
    login: str
    token: str = field(repr=False)


def choose_place(scm: ScmConfiguration, choice: SourceChoice, name: str) -> Place | None:
    """None for the platform's own host.

    Outside of a transaction, because a token may be renewed. Raises ScmNotAuthorized,
    ScmNotAuthenticated, HostUnreachable, InputValidationError.
    """
    if scm.is_internal:
        return None
    token, login = usable_token(user_id=choice.maker, scm=scm)
    assert choice.maker is not None, "nobody has authorized anything"
    owner, repository = choice.owner or login, choice.name or name
    for said, pattern, member in (
        (owner, REPOSITORY_OWNER_PATTERN, "repository_owner"),
        (repository, REPOSITORY_NAME_PATTERN, "repository_name"),
    ):
        if not pattern.match(said):
            raise InputValidationError(
                f"source.{member}: has letters, digits, hyphens, underscores and dots."
            )
    return Place(host_of(scm), owner, repository, choice.maker, login, token)


def make_remote(algorithm: Algorithm, place: Place) -> RemoteRepository:
    """The repository at the host, which begins as the platform's own copy, and its webhook.

    To be called in the transaction that makes the algorithm. Raises RepositoryRefused,
    HostUnreachable; what was made at the host is removed then, or named in the error.
    """
    with ExitStack() as on_failure:
        on_failure.callback(delete_repository, algorithm.id)
        made = place.host.create_repository(place.token, place.owner, place.name, place.login)
        try:
            remote = _fill(algorithm, place, made)
        except ApiError as exc:
            if _is_removed(place, made):
                raise
            raise _with_what_is_left(place, made, exc) from exc
        except BaseException:
            # The platform's own failure, of which the error tells nothing.
            if not _is_removed(place, made):
                logger.error("%s/%s is left at %s", made.owner, made.name, place.host.scm)
            raise
        on_failure.pop_all()
    return remote


def _fill(algorithm: Algorithm, place: Place, made: HostRepository) -> RemoteRepository:
    remote = remote_at(place.host, made.owner, made.name, place.token)
    push_first(algorithm.id, remote, made.default_branch)
    secret = str(uuid.uuid4())
    place.host.add_hook(place.token, made, webhook_url(algorithm), secret)
    return RemoteRepository.objects.create(
        algorithm=algorithm,
        authorizer_id=place.maker,
        host_id=made.id,
        owner=made.owner,
        name=made.name,
        default_branch=made.default_branch,
        webhook_secret=encrypt(secret),
        head=head_commit(algorithm.id) or "",
    )


def webhook_url(algorithm: Algorithm) -> str:
    """Where the host sends its events."""
    return f"{settings.ALGOPORT_URL}/v1/algorithms/{algorithm}/scm/webhook"


def _is_removed(place: Place, made: HostRepository) -> bool:
    """Whether the host has removed what was just made there."""
    try:
        return place.host.delete_repository(place.token, made)
    except ApiError as exc:
        logger.warning("%s removes nothing: %s", place.host.scm, exc.text)
        return False


def _with_what_is_left(place: Place, made: HostRepository, failure: ApiError) -> ApiError:
    """The error, which tells of what is left at the host too."""
    left = f"{made.owner}/{made.name} is left at {place.host.scm}: delete it there and try again."
    return RepositoryRefused(f"{failure.text} The repository {left}")
