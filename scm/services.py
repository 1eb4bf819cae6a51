"""Writes of repository hosts, all of them by administrators (spec.md 6.2)."""

import uuid
from dataclasses import dataclass, field

from django.db import IntegrityError, transaction
from django.db.models.deletion import ProtectedError

from algoport.audit.recording import act
from algoport.encryption import Reencryption, encrypt, encrypt_rows_again
from scm.constants import Provider
from scm.errors import (
    ScmConfigurationNotFound,
    ScmConflict,
    ScmDisabled,
    ScmDisallowedOperation,
    ScmEnabled,
    ScmInUse,
    ScmIsDefault,
)
from scm.models import ScmConfiguration


@dataclass(frozen=True)
class ScmUrls:
    """Where a host is: its pages, its API and its repositories."""

    web: str
    api: str
    ssh: str


@dataclass(frozen=True)
class NewScm:
    """A host as an administrator describes it; without an id it gets a random one."""

    provider: str
    urls: ScmUrls
    id: str | None = None
    name: str = ""
    enabled: bool = True
    client_id: str = ""
    client_secret: str = field(default="", repr=False)
    project_key: str = ""


def create_scm(*, new: NewScm) -> ScmConfiguration:
    """Raises ScmDisallowedOperation, ScmConflict."""
    if new.provider == Provider.INTERNAL:
        raise ScmDisallowedOperation
    row = ScmConfiguration(
        id=new.id or str(uuid.uuid4()),
        name=new.name,
        provider=new.provider,
        enabled=new.enabled,
        client_id=new.client_id,
        client_secret=encrypt(new.client_secret) if new.client_secret else "",
        project_key=new.project_key,
    )
    _set_urls(row, new.urls)
    try:
        with transaction.atomic(), act("scm.create") as done:
            row.save(force_insert=True)
            done.target = row
    except IntegrityError as exc:
        raise ScmConflict from exc
    return row


def update_scm(
    *, scm_id: str, enabled: bool | None = None, urls: ScmUrls | None = None
) -> ScmConfiguration:
    """Change what is given. The internal host stays as it is, and the default one enabled.

    Raises ScmConfigurationNotFound, ScmIsDefault, ScmDisallowedOperation, ScmConflict.
    """
    try:
        with transaction.atomic():
            row = _lock(scm_id)
            if enabled is False and row.is_default:
                raise ScmIsDefault
            if row.is_internal and (urls is not None or enabled is False):
                raise ScmDisallowedOperation
            with act("scm.update", row):
                if enabled is not None:
                    row.enabled = enabled
                if urls is not None:
                    _set_urls(row, urls)
                row.save()
    except IntegrityError as exc:
        raise ScmConflict from exc
    return row


@transaction.atomic
def make_scm_default(*, scm_id: str) -> None:
    """Have new algorithms on this host. Raises ScmConfigurationNotFound, ScmDisabled."""
    row = _lock(scm_id)
    if not row.enabled:
        raise ScmDisabled
    with act("scm.make_default", row) as done:
        if row.is_default:
            done.nothing()
        ScmConfiguration.objects.filter(is_default=True).exclude(pk=row.pk).update(is_default=False)
        row.is_default = True
        row.save(update_fields=["is_default"])


@transaction.atomic
def delete_scm(*, scm_id: str) -> None:
    """Forget a disabled host that no algorithm was made with.

    Raises ScmConfigurationNotFound, ScmDisallowedOperation, ScmIsDefault, ScmEnabled, ScmInUse.
    """
    row = _lock(scm_id)
    if row.is_internal:
        raise ScmDisallowedOperation
    if row.is_default:
        raise ScmIsDefault
    if row.enabled:
        raise ScmEnabled
    try:
        with act("scm.delete", row) as done:
            row.delete()
            done.removed()
    except ProtectedError as exc:
        raise ScmInUse from exc


def encrypt_client_secrets_again() -> Reencryption:
    """Encrypt the secrets of all hosts with the first encryption key."""
    rows = ScmConfiguration.objects.exclude(client_secret="")
    return encrypt_rows_again(rows, "client_secret")


def _lock(scm_id: str) -> ScmConfiguration:
    """The host, while nobody else changes any: only one of them is the default."""
    rows = {row.pk: row for row in ScmConfiguration.objects.select_for_update().order_by("pk")}
    found = rows.get(scm_id)
    if found is None:
        raise ScmConfigurationNotFound
    return found


def _set_urls(row: ScmConfiguration, urls: ScmUrls) -> None:
    row.web_url, row.api_url, row.ssh_url = urls.web, urls.api, urls.ssh
