"""Writes of algorithms: create, request builds, publish, delete."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from uuid import UUID

from django.db import IntegrityError, transaction

from algoport.accounts.models import User
from algoport.accounts.permissions import Principal
from algoport.db.changes import announce_change
from algoport.errors import InputValidationError
from algorithms.building.images import remove_algorithm_images
from algorithms.building.signals import build_requested
from algorithms.constants import (
    NAME_LENGTH,
    NAME_PATTERN,
    BuildState,
    Callability,
    License,
    NetworkAccess,
    VersionType,
    Visibility,
)
from algorithms.environments.templates import template_files
from algorithms.errors import (
    AlgorithmNameHasBeenTaken,
    NothingToPublish,
    PublicVersionsExist,
    VersionAlreadyPublished,
)
from algorithms.models import Algorithm, Build, Version
from algorithms.running.warming import warm_build
from algorithms.selectors import find_environment
from dataportal.services import delete_algorithm_collections
from scm.repositories import create_repository, delete_repository


@dataclass(frozen=True)
class AlgorithmSettings:
    """Settings as a creator gives them (spec.md 3.2)."""

    license: str
    network_access: str
    pipeline_enabled: bool
    source_visibility: str
    callability: str = Callability.PRIVATE
    language: str | None = None
    environment: str | None = None
    package_set: str | None = None
    algorithm_environment: str | None = None


@dataclass(frozen=True)
class AlgorithmDetails:
    label: str
    summary: str = ""
    tagline: str = ""


def create_algorithm(
    *,
    owner: User,
    name: str,
    details: AlgorithmDetails,
    chosen: AlgorithmSettings,
    sample_input: str = "",
) -> Algorithm:
    """A new algorithm with its repository, which holds the environment's working template.

    Raises AlgorithmNameHasBeenTaken, InputValidationError and the environment errors; nothing
    stays behind when it fails.
    """
    check_name(name)
    check_settings(chosen)
    environment, form = find_environment(
        language=chosen.language,
        machine_type=chosen.environment,
        package_set=chosen.package_set,
        identifier=chosen.algorithm_environment,
    )
    algorithm = Algorithm(
        owner=owner,
        name=name,
        label=details.label,
        summary=details.summary,
        tagline=details.tagline,
        license=chosen.license,
        network_access=chosen.network_access,
        pipeline_enabled=chosen.pipeline_enabled,
        source_visibility=chosen.source_visibility,
        callability=chosen.callability,
        environment=environment,
        environment_form=form,
        sample_input=sample_input,
    )
    files = template_files(environment.recipe, owner=owner.username, name=name)
    try:
        with transaction.atomic():
            algorithm.save(force_insert=True)
            create_repository(algorithm.id, files, message="Initial commit", author=owner.username)
    except IntegrityError as exc:
        raise AlgorithmNameHasBeenTaken from exc
    return algorithm


def check_name(name: str) -> None:
    if not re.match(NAME_PATTERN, name, re.ASCII) or len(name) > NAME_LENGTH:
        raise InputValidationError(
            "name: starts with a letter and has letters, digits and underscores, "
            f"at most {NAME_LENGTH}."
        )


def check_settings(chosen: AlgorithmSettings) -> None:
    """Refuse unknown values, and closed source under an open licence (spec.md 3.1)."""
    allowed: tuple[tuple[str, str, list[str]], ...] = (
        ("license", chosen.license, License.values),
        ("network_access", chosen.network_access, NetworkAccess.values),
        ("source_visibility", chosen.source_visibility, Visibility.values),
        ("algorithm_callability", chosen.callability, Callability.values),
    )
    for field, value, values in allowed:
        if value not in values:
            raise InputValidationError(f"settings.{field}: choose one of {', '.join(values)}.")
    if chosen.source_visibility == Visibility.CLOSED and chosen.license != License.APL:
        raise InputValidationError(
            "settings.source_visibility: only the license apl supports closed source."
        )


@transaction.atomic
def request_build(*, algorithm: Algorithm, commit_sha: str) -> Build:
    """Record a build of a commit and wake a worker when that is committed."""
    build = Build.objects.create(
        algorithm=algorithm, commit_sha=commit_sha, environment=algorithm.environment
    )
    transaction.on_commit(lambda: build_requested.send(Build, build_id=build.id))
    return build


@dataclass(frozen=True)
class Publication:
    """What a publisher asks for (spec.md 3.5)."""

    version_type: str = VersionType.DEFAULT
    callability: str = Callability.PRIVATE
    release_notes: str = ""
    sample_input: str | None = None
    git_hash: str | None = None


def publish_version(
    *, algorithm: Algorithm, publisher: Principal, publication: Publication
) -> Version:
    """Publish the newest successful build under the next number, once its runners are warm.

    Raises VersionAlreadyPublished (1007) when that build has a number already.
    """
    if publication.version_type not in VersionType.values:
        raise InputValidationError("version_info.version_type: choose major, minor or patch.")
    if publication.callability not in Callability.values:
        raise InputValidationError("settings.algorithm_callability: choose public or private.")
    warm_build(_publishable_build(algorithm, publication))
    return _publish(algorithm=algorithm, publisher=publisher, publication=publication)


def _publishable_build(algorithm: Algorithm, publication: Publication) -> Build:
    """Raises NothingToPublish, VersionAlreadyPublished."""
    builds = Build.objects.filter(algorithm=algorithm).select_related("algorithm")
    build = builds.succeeded().newest_first().first()
    if build is None:
        raise NothingToPublish
    if Version.objects.filter(build=build).exists():
        raise VersionAlreadyPublished
    if publication.git_hash not in (None, "", build.commit_sha):
        raise VersionAlreadyPublished(
            "Only the most recently compiled commit can be published. "
            "Please compile your algorithm."
        )
    return build


@transaction.atomic
def _publish(*, algorithm: Algorithm, publisher: Principal, publication: Publication) -> Version:
    locked = Algorithm.objects.select_for_update().get(pk=algorithm.pk)
    build = _publishable_build(locked, publication)
    major, minor, patch = _next_number(locked, publication.version_type)
    sample_input = publication.sample_input
    if sample_input is not None and sample_input != locked.sample_input:
        Algorithm.objects.filter(pk=locked.pk).update(sample_input=sample_input)
    Algorithm.objects.filter(pk=locked.pk).update(callability=publication.callability)
    version = Version.objects.create(
        algorithm=locked,
        build=build,
        major=major,
        minor=minor,
        patch=patch,
        callability=publication.callability,
        network_access=locked.network_access,
        pipeline_enabled=locked.pipeline_enabled,
        release_notes=publication.release_notes,
        sample_input=locked.sample_input if sample_input is None else sample_input,
        published_by_id=publisher.user_id,
    )
    announce_change()
    return version


def _next_number(algorithm: Algorithm, version_type: str) -> tuple[int, int, int]:
    """The first version is 0.1.0, or 1.0.0 by a major step (wire.md 5)."""
    newest = (
        Version.objects.filter(algorithm=algorithm).order_by("-major", "-minor", "-patch").first()
    )
    if newest is None:
        return (1, 0, 0) if version_type == VersionType.MAJOR else (0, 1, 0)
    if version_type == VersionType.MAJOR:
        return newest.major + 1, 0, 0
    if version_type in (VersionType.PATCH, VersionType.REVISION):
        return newest.major, newest.minor, newest.patch + 1
    return newest.major, newest.minor + 1, 0


@transaction.atomic
def delete_algorithm(*, algorithm: Algorithm) -> None:
    """Delete an algorithm without public versions: rows, repository, images, data.

    Its temp and perm collections of every user go with it (spec.md 3.15).
    """
    locked = Algorithm.objects.select_for_update().get(pk=algorithm.pk)
    if locked.versions.filter(callability=Callability.PUBLIC).exists():
        raise PublicVersionsExist
    identifier = locked.id
    locked.delete()
    delete_algorithm_collections(algorithm_id=identifier)
    announce_change()
    transaction.on_commit(lambda: _forget_files(identifier))


def _forget_files(algorithm_id: UUID) -> None:
    delete_repository(algorithm_id)
    remove_algorithm_images(algorithm_id)


def watch_build(build: Build, *, pause: Callable[[], None]) -> Iterator[Build]:
    """Yield the build's row as it stands until it has ended; `pause` is called in between."""
    while True:
        current = Build.objects.select_related("version", "environment").get(pk=build.pk)
        yield current
        if current.state != BuildState.IN_PROGRESS:
            return
        pause()
