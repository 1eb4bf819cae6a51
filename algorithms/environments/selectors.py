"""Reads of environments, which everybody may see."""

from uuid import UUID

from algorithms.constants import KNOWN_LANGUAGES, EnvironmentForm, MachineType
from algorithms.environments.languages import canonical_language
from algorithms.errors import (
    EnvironmentDisabled,
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
    kept: Environment | None = None,
) -> tuple[Environment, str]:
    """The environment that settings name in one of the three ways (spec.md 3.2).

    Raises EnvironmentDisabled for one that may not be chosen any more, unless it is `kept`.
    """
    if identifier is not None:
        environment, form = get_environment(identifier), EnvironmentForm.ENVIRONMENT
    elif package_set is not None:
        found = Environment.objects.filter(name=package_set).first()
        if found is None:
            raise PackageSetNotFound
        environment, form = found, EnvironmentForm.PACKAGE_SET
    else:
        machine_type = machine_type or MachineType.CPU
        environment = get_environment_of_language(language or "", machine_type)
        form = EnvironmentForm.LANGUAGE
    if not environment.enabled and environment != kept:
        raise EnvironmentDisabled(name=environment.display_name)
    return environment, form


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
    rows = Environment.objects.filter(language=language).order_by("name")
    if not rows:
        raise UnsupportedAlgorithmLanguage
    fitting = [row for row in rows if row.machine_type == machine_type]
    if not fitting:
        raise UnsupportedMachineType
    return next((row for row in fitting if row.enabled), fitting[0])


def list_languages() -> list[str]:
    """The languages that new algorithms can be written in here."""
    rows = Environment.objects.filter(enabled=True).order_by("language")
    return list(rows.values_list("language", flat=True).distinct())


def list_environments(language: str) -> list[Environment]:
    """Those of a language that new algorithms may use. Raises the language errors 4001 and 4002."""
    language = canonical_language(language)
    if language not in KNOWN_LANGUAGES:
        raise UnknownAlgorithmLanguage
    rows = list(Environment.objects.filter(language=language, enabled=True).order_by("name"))
    if not rows:
        raise UnsupportedAlgorithmLanguage
    return rows


def enabled_environments() -> list[Environment]:
    """Those that new algorithms may use, by language."""
    return list(Environment.objects.filter(enabled=True).order_by("language", "display_name"))


def available_environments() -> list[Environment]:
    """All of them, for administrators."""
    return list(Environment.objects.order_by("language", "name"))
