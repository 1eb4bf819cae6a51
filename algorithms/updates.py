"""Changes of an algorithm's details and settings (spec.md 3.3).

Details, source visibility and license are the algorithm's: they apply to all of its versions at
once. Everything else is in force for builds without a number, and goes into the next version that
is published; the rows of published versions keep their own.
"""

from copy import copy
from dataclasses import dataclass

from django.db import transaction
from django.forms.models import model_to_dict

from algoport.audit.recording import act
from algoport.db.changes import announce_change
from algoport.errors import InputValidationError
from algorithms.constants import (
    Callability,
    License,
    NetworkAccess,
    Visibility,
)
from algorithms.environments.selectors import find_environment
from algorithms.errors import LanguageCannotChange
from algorithms.models import Algorithm, Environment
from algorithms.samples.runs import run_sample, sampled_build
from algorithms.tags import check_tags

# What a row and a change call the same.
_PLAIN = (
    "label",
    "summary",
    "tagline",
    "tags",
    "license",
    "network_access",
    "source_visibility",
    "callability",
    "pipeline_enabled",
    "royalty_microcredits",
    "insights_enabled",
    "sample_input",
)


@dataclass(frozen=True)
class AlgorithmChanges:
    """What is to be otherwise; None leaves a thing as it is."""

    label: str | None = None
    summary: str | None = None
    tagline: str | None = None
    tags: list[str] | None = None
    license: str | None = None
    network_access: str | None = None
    source_visibility: str | None = None
    callability: str | None = None
    pipeline_enabled: bool | None = None
    royalty_microcredits: int | None = None
    insights_enabled: bool | None = None
    language: str | None = None
    environment: str | None = None
    package_set: str | None = None
    algorithm_environment: str | None = None
    sample_input: str | None = None


@transaction.atomic
def update_algorithm(*, algorithm: Algorithm, changes: AlgorithmChanges) -> Algorithm:
    """The algorithm as it is then; another sample input is run.

    Raises InputValidationErrors and the environment errors.
    """
    locked = lock_algorithm(algorithm)
    sampled = locked.sample_input
    with act("algorithm.update", locked) as done:
        if not apply_changes(locked, changes):
            done.nothing()
            return locked
        if locked.sample_input != sampled:
            build = sampled_build(locked)
            if build is not None:
                run_sample(build=build, text=locked.sample_input)
    announce_change()
    return locked


def lock_algorithm(algorithm: Algorithm) -> Algorithm:
    """The row as it stands, which nobody else changes in this transaction."""
    rows = Algorithm.objects.select_for_update(of=("self",))
    return rows.select_related("owner", "environment", "scm", "remote").get(pk=algorithm.pk)


def apply_changes(algorithm: Algorithm, changes: AlgorithmChanges) -> bool:
    """Change and save a locked row; whether anything is not as it was.

    To be called in a transaction. Raises as update_algorithm.
    """
    changed = _change(algorithm, changes)
    if changed:
        algorithm.save()
    return changed


def check_changes(algorithm: Algorithm, changes: AlgorithmChanges) -> None:
    """Raise what update_algorithm would, and change nothing."""
    _change(copy(algorithm), changes)


def _change(algorithm: Algorithm, changes: AlgorithmChanges) -> bool:
    before = model_to_dict(algorithm)
    for name in _PLAIN:
        value = getattr(changes, name)
        if value is not None:
            setattr(algorithm, name, value)
    _change_environment(algorithm, changes)
    if model_to_dict(algorithm) == before:
        return False
    check_settings(algorithm)
    return True


def check_settings(algorithm: Algorithm) -> None:
    """Refuse unknown values, tags that are none, and closed source under an open licence."""
    allowed: tuple[tuple[str, str, list[str]], ...] = (
        ("license", algorithm.license, License.values),
        ("network_access", algorithm.network_access, NetworkAccess.values),
        ("source_visibility", algorithm.source_visibility, Visibility.values),
        ("algorithm_callability", algorithm.callability, Callability.values),
    )
    for field, value, values in allowed:
        if value not in values:
            raise InputValidationError(f"settings.{field}: choose one of {', '.join(values)}.")
    check_tags(algorithm.tags)
    if algorithm.source_visibility == Visibility.CLOSED and algorithm.license != License.APL:
        raise InputValidationError(
            "settings.source_visibility: only the license apl supports closed source."
        )


def _change_environment(algorithm: Algorithm, changes: AlgorithmChanges) -> None:
    """Another environment of the same language, by any of its names (spec.md 3.3)."""
    chosen = _chosen_environment(algorithm, changes)
    if chosen is None:
        return
    environment, form = chosen
    if environment.language != algorithm.environment.language:
        raise LanguageCannotChange(name=environment.name, language=environment.language)
    algorithm.environment, algorithm.environment_form = environment, form


def _chosen_environment(
    algorithm: Algorithm, changes: AlgorithmChanges
) -> tuple[Environment, str] | None:
    """The environment that was named and the way it was, if it may be another one."""
    named = changes.algorithm_environment is not None or changes.package_set is not None
    now = (algorithm.environment.language, algorithm.environment.machine_type)
    wanted = (changes.language or now[0], changes.environment or now[1])
    if not named and wanted == now:
        return None
    return find_environment(
        language=wanted[0],
        machine_type=wanted[1],
        package_set=changes.package_set,
        identifier=changes.algorithm_environment,
        kept=algorithm.environment,
    )
