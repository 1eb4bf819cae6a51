"""Reads of sources at other hosts."""

from algoport.accounts.authentication import principal_of_user
from algoport.accounts.models import User
from algoport.accounts.permissions import Action, can
from algoport.encryption import NotDecryptable, Reencryption, decrypt, encrypt_rows_again
from algorithms.constants import SourceState
from algorithms.models import Algorithm, RemoteRepository
from algorithms.selectors import resource_of
from scm.repositories import has_repository


def remote_of(algorithm: Algorithm) -> RemoteRepository | None:
    """Where the source is, if that is another host; no query for who came from `all_algorithms`."""
    found: RemoteRepository | None = getattr(algorithm, "remote", None)
    return found


def may_provide(user: User | None, algorithm: Algorithm) -> bool:
    """Whether what the account's authorization shows may be built: as if they had pushed it."""
    if user is None or not user.is_active:
        return False
    resource = resource_of(algorithm, public=algorithm.has_public_version)
    return bool(can(principal_of_user(user), Action.WRITE_SOURCE, resource))


def source_state(algorithm: Algorithm) -> str:
    """Whether the repository can be read (spec.md 6.2)."""
    remote = remote_of(algorithm)
    if not has_repository(algorithm.id) or (remote is None and not algorithm.scm.is_internal):
        return SourceState.FAILED
    return SourceState.ACTIVE if remote is None else remote.state


def encrypt_hook_secrets_again() -> Reencryption:
    """Encrypt the secrets of all webhooks with the first encryption key."""
    return encrypt_rows_again(RemoteRepository.objects.all(), "webhook_secret")


def webhook_secret(remote: RemoteRepository) -> str | None:
    """For the host, and for who manages the algorithm; None when no key reads it any more."""
    try:
        return decrypt(remote.webhook_secret)
    except NotDecryptable:
        return None
