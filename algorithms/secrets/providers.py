"""Where secrets are kept: the platform's own database, and nowhere else.

Other providers of the protocol are plugins, archives of Java classes that its servers load; this
platform has no machine for them, and says so (docs/adr/0022).
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NoReturn
from uuid import UUID

from algoport.errors import FeatureNotImplemented
from algorithms.errors import CannotModifyInternalSecretProvider, SecretProviderNotFound


@dataclass(frozen=True, slots=True)
class SecretProvider:
    """A provider as the protocol describes one; `made_at` is when it became part of this code."""

    id: UUID
    name: str
    description: str
    module: str
    factory: str
    interface_version: str
    made_at: datetime


INTERNAL = SecretProvider(
    id=UUID("0d2f6a3c-8e0b-4a55-9c1e-6f3f1f0b7c21"),
    name="algorithmia_internal_secret_provider",
    description="Internal Secret Provider",
    module="internal",
    factory="internal",
    interface_version="1.0",
    made_at=datetime(2026, 11, 21, tzinfo=UTC),
)


def secret_providers() -> list[SecretProvider]:
    """The default first: clients take the first one."""
    return [INTERNAL]


def get_secret_provider(identifier: str) -> SecretProvider:
    """Raises SecretProviderNotFound."""
    try:
        wanted = UUID(identifier)
    except ValueError as exc:
        raise SecretProviderNotFound from exc
    for provider in secret_providers():
        if provider.id == wanted:
            return provider
    raise SecretProviderNotFound


def refuse_new_provider() -> NoReturn:
    """Raises FeatureNotImplemented."""
    raise FeatureNotImplemented(
        "Secret providers beside the internal one are Java plugins, which this platform does not "
        "run. Use the internal provider."
    )


def refuse_changed_provider(identifier: str) -> NoReturn:
    """Raises CannotModifyInternalSecretProvider, SecretProviderNotFound."""
    get_secret_provider(identifier)
    raise CannotModifyInternalSecretProvider
