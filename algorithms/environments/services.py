"""The environments that there are, and which of them new algorithms may use; administrators decide.

What was built stays in what it was built in: a base image that is changed is for later builds.
"""

import re
from dataclasses import asdict, dataclass

from django.db import transaction

from algoport.audit.recording import act
from algoport.containers.base_image import is_reference
from algorithms.constants import MachineType
from algorithms.environments.languages import offered_languages
from algorithms.environments.selectors import get_environment
from algorithms.environments.templates import list_recipes
from algorithms.errors import (
    EnvironmentInUse,
    EnvironmentNameTaken,
    EnvironmentNotFound,
    EnvironmentNotPossible,
)
from algorithms.models import Algorithm, Build, Environment

# Engines take it as a part of the name of an image.
_NAME = re.compile(r"[a-z0-9]+(?:[._-][a-z0-9]+)*")


@dataclass(frozen=True)
class NewEnvironment:
    """An environment that is to be; without a base image it has the machine's own Python."""

    name: str
    display_name: str
    description: str
    language: str
    recipe: str
    machine_type: str
    base_image: str
    enabled: bool


@transaction.atomic
def create_environment(*, asked: NewEnvironment) -> Environment:
    """Raises EnvironmentNotPossible, EnvironmentNameTaken."""
    with act("environment.create") as done:
        _check(asked)
        row, created = Environment.objects.get_or_create(name=asked.name, defaults=asdict(asked))
        if not created:
            raise EnvironmentNameTaken(name=asked.name)
        done.target = row
    return row


@transaction.atomic
def update_environment(
    *, identifier: str, display_name: str, description: str, base_image: str
) -> Environment:
    """What else there is of it algorithms rely on. Raises EnvironmentNotFound, -NotPossible."""
    row = _lock(identifier)
    with act("environment.update", row) as done:
        _check_base_image(base_image)
        changed = {
            "display_name": display_name,
            "description": description,
            "base_image": base_image,
        }
        if all(getattr(row, name) == value for name, value in changed.items()):
            done.nothing()
        for name, value in changed.items():
            setattr(row, name, value)
        row.save(update_fields=changed)
    return row


@transaction.atomic
def delete_environment(*, identifier: str) -> None:
    """Raises EnvironmentNotFound, EnvironmentInUse."""
    row = _lock(identifier)
    with act("environment.delete", row):
        for users in (Algorithm.objects, Build.objects):
            if users.filter(environment=row).exists():
                raise EnvironmentInUse(name=row.name)
        row.delete()


@transaction.atomic
def switch_environment(*, identifier: str, enabled: bool) -> Environment:
    """Algorithms that have the environment keep it, and are built and run as before.

    Raises EnvironmentNotFound.
    """
    environment = get_environment(identifier)
    action = "environment.enable" if enabled else "environment.disable"
    with act(action, environment) as done:
        if environment.enabled == enabled:
            done.nothing()
        environment.enabled = enabled
        environment.save(update_fields=["enabled"])
    return environment


def _lock(identifier: str) -> Environment:
    """No algorithm gets it meanwhile."""
    row = Environment.objects.select_for_update().filter(pk=get_environment(identifier).pk).first()
    if row is None:
        raise EnvironmentNotFound
    return row


def _check(asked: NewEnvironment) -> None:
    if not _NAME.fullmatch(asked.name):
        reason = "its name is of small letters and digits, with single dots, - or _ between them"
        raise EnvironmentNotPossible(reason=reason)
    if asked.language not in {each.name for each in offered_languages()}:
        raise EnvironmentNotPossible(reason=f"there is no language {asked.language!r} here")
    if asked.recipe not in list_recipes():
        raise EnvironmentNotPossible(reason=f"there is no recipe {asked.recipe!r}")
    if asked.machine_type not in MachineType.values:
        raise EnvironmentNotPossible(reason=f"there is no machine type {asked.machine_type!r}")
    _check_base_image(asked.base_image)


def _check_base_image(reference: str) -> None:
    if reference and not is_reference(reference):
        raise EnvironmentNotPossible(
            reason="its base image is named as in REGISTRY/NAME:TAG or NAME@sha256:DIGEST"
        )
