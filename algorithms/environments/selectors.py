"""Reads of environments, which everybody may see."""

from uuid import UUID

from algorithms.constants import KNOWN_LANGUAGES, EnvironmentForm, MachineType
from algorithms.errors import (
    EnvironmentNotFound,
    PackageSetNotFound,
    UnknownAlgorithmLanguage,
    UnsupportedAlgorithmLanguage,
    UnsupportedMachineType,
)
from algorithms.models import Environment


def find_environment(
    *,
    language: str | None,
    machine_type: str | None,
    package_set: str | None,
    identifier: str | None,
) -> tuple[Environment, str]:
    """The environment that settings name in one of the three ways (spec.md 3.2)."""
    if identifier is not None:
        return get_environment(identifier), EnvironmentForm.ENVIRONMENT
    if package_set is not None:
        environment = Environment.objects.filter(name=package_set).first()
        if environment is None:
            raise PackageSetNotFound
        return environment, EnvironmentForm.PACKAGE_SET
    environment = get_environment_of_language(language or "", machine_type or MachineType.CPU)
    return environment, EnvironmentForm.LANGUAGE


def get_environment(identifier: str) -> Environment:
    try:
        return Environment.objects.get(pk=UUID(identifier))
    except (ValueError, Environment.DoesNotExist) as exc:
        raise EnvironmentNotFound from exc


def get_environment_of_language(language: str, machine_type: str) -> Environment:
    if language not in KNOWN_LANGUAGES:
        raise UnknownAlgorithmLanguage
    if machine_type not in MachineType.values:
        raise UnsupportedMachineType
    rows = Environment.objects.filter(language=language)
    if not rows:
        raise UnsupportedAlgorithmLanguage
    environment = next((row for row in rows if row.machine_type == machine_type), None)
    if environment is None:
        raise UnsupportedMachineType
    return environment


def list_languages() -> list[str]:
    """The languages that algorithms can be written in here."""
    names = Environment.objects.order_by("language").values_list("language", flat=True)
    return list(names.distinct())


def list_environments(language: str) -> list[Environment]:
    """The environments of a language. Raises the language errors 4001 and 4002."""
    rows = list(Environment.objects.filter(language=language).order_by("name"))
    if not rows:
        raise (
            UnsupportedAlgorithmLanguage
            if language in KNOWN_LANGUAGES
            else UnknownAlgorithmLanguage
        )
    return rows
