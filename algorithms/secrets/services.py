"""Secrets of algorithms: set, changed and deleted by who manages the algorithm, shown to nobody.

Every change gives the algorithm a new mark, which is part of what its runners are known by: a call
that is resolved after it never meets a runner that has the secrets of before.
"""

import secrets
from dataclasses import dataclass
from uuid import UUID

from django.db import IntegrityError, transaction

from algoport.audit.recording import act
from algoport.db.changes import announce_change
from algoport.encryption import encrypt
from algorithms.constants import (
    MOST_SECRETS,
    SECRET_DESCRIPTION_LENGTH,
    SECRET_NAME_LENGTH,
    SECRET_VALUE_BYTES,
)
from algorithms.errors import (
    CreateRequiresSecretValue,
    EditSecretFailed,
    SecretConstraintViolation,
    SecretNotFound,
    SecretVariableTaken,
)
from algorithms.models import Algorithm, AlgorithmSecret
from algorithms.secrets.naming import check_variable
from algorithms.secrets.providers import get_secret_provider

OWNER_TYPE = "algorithm"


@dataclass(frozen=True, slots=True)
class SecretFields:
    """What a secret is made or changed by; None is what was not given."""

    name: str | None = None
    description: str | None = None
    variable: str | None = None
    value: str | None = None
    provider_id: str | None = None
    owner_type: str | None = None
    owner_id: str | None = None


def list_secrets(algorithm: Algorithm) -> list[AlgorithmSecret]:
    """Without their values, oldest first; there are at most MOST_SECRETS."""
    rows = AlgorithmSecret.objects.filter(algorithm=algorithm).defer("value")
    return list(rows.order_by("created_at", "id"))


def get_secret(algorithm: Algorithm, secret_id: UUID) -> AlgorithmSecret:
    """Without its value. Raises SecretNotFound."""
    rows = AlgorithmSecret.objects.filter(algorithm=algorithm, pk=secret_id)
    found = rows.defer("value").first()
    if found is None:
        raise SecretNotFound
    return found


@transaction.atomic
def create_secret(*, algorithm: Algorithm, given: SecretFields) -> AlgorithmSecret:
    """A new secret; runs that are called from now on find it in their environment.

    Raises SecretConstraintViolation, CreateRequiresSecretValue, SecretProviderNotFound.
    """
    _lock(algorithm)
    _check(given, algorithm)
    if given.provider_id is not None:
        get_secret_provider(given.provider_id)
    if not given.value:
        raise CreateRequiresSecretValue
    if not given.name or given.variable is None:
        raise SecretConstraintViolation(reason="short_name and secret_key are needed")
    check_variable(given.variable)
    if AlgorithmSecret.objects.filter(algorithm=algorithm).count() >= MOST_SECRETS:
        raise SecretConstraintViolation(reason=f"an algorithm has at most {MOST_SECRETS} secrets")
    secret = AlgorithmSecret(
        algorithm=algorithm,
        name=given.name,
        description=given.description or "",
        variable=given.variable,
        value=encrypt(given.value),
    )
    try:
        with transaction.atomic(), act("secret.create") as done:
            secret.save(force_insert=True)
            done.target = secret
    except IntegrityError as exc:
        raise SecretVariableTaken from exc
    _mark_changed(algorithm)
    return secret


@transaction.atomic
def update_secret(*, algorithm: Algorithm, secret_id: UUID, given: SecretFields) -> AlgorithmSecret:
    """Change its name, description or value; not the variable that code reads.

    Raises SecretNotFound, EditSecretFailed, SecretConstraintViolation.
    """
    _lock(algorithm)
    secret = _find(algorithm, secret_id)
    _check(given, algorithm)
    if given.variable not in (None, secret.variable):
        raise EditSecretFailed
    if given.name == "" or given.value == "":
        raise SecretConstraintViolation(reason="short_name and secret_value cannot be empty")
    with act("secret.update", secret):
        secret.name = secret.name if given.name is None else given.name
        if given.description is not None:
            secret.description = given.description
        if given.value is not None:
            secret.value = encrypt(given.value)
            _mark_changed(algorithm)
        secret.save()
    return secret


@transaction.atomic
def delete_secret(*, algorithm: Algorithm, secret_id: UUID) -> None:
    """Raises SecretNotFound."""
    _lock(algorithm)
    secret = _find(algorithm, secret_id)
    with act("secret.delete", secret) as done:
        secret.delete()
        done.removed()
        _mark_changed(algorithm)


def _lock(algorithm: Algorithm) -> None:
    """One change of an algorithm's secrets at a time: they are counted."""
    Algorithm.objects.select_for_update(no_key=True).get(pk=algorithm.pk)


def _find(algorithm: Algorithm, secret_id: UUID) -> AlgorithmSecret:
    secret = AlgorithmSecret.objects.filter(algorithm=algorithm, pk=secret_id).first()
    if secret is None:
        raise SecretNotFound
    return secret


def _mark_changed(algorithm: Algorithm) -> None:
    Algorithm.objects.filter(pk=algorithm.pk).update(secrets_mark=secrets.token_hex(8))
    announce_change()


def _check(given: SecretFields, algorithm: Algorithm) -> None:
    """Raises SecretConstraintViolation, of which no text repeats what was given."""
    if given.owner_type not in (None, OWNER_TYPE):
        raise SecretConstraintViolation(reason=f"owner_type is {OWNER_TYPE}")
    if given.owner_id is not None and given.owner_id.lower() != str(algorithm.pk):
        raise SecretConstraintViolation(reason="owner_id is the algorithm's id, as in the path")
    if given.value is not None and len(given.value.encode()) > SECRET_VALUE_BYTES:
        raise SecretConstraintViolation(
            reason=f"secret_value has at most {SECRET_VALUE_BYTES} bytes"
        )
    if len(given.name or "") > SECRET_NAME_LENGTH:
        raise SecretConstraintViolation(
            reason=f"short_name has at most {SECRET_NAME_LENGTH} characters"
        )
    if len(given.description or "") > SECRET_DESCRIPTION_LENGTH:
        raise SecretConstraintViolation(
            reason=f"description has at most {SECRET_DESCRIPTION_LENGTH} characters"
        )
