"""Writes of algorithms: create, request builds, publish, delete; `updates` has their changes."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from uuid import UUID

from django.db import IntegrityError, transaction

from algoport.accounts.models import User
from algoport.accounts.permissions import Principal
from algoport.audit.actors import current_actor
from algoport.audit.recording import act
from algoport.db.changes import announce_change
from algoport.errors import InputValidationError
from algorithms.building.aftermath import README, digest_readme
from algorithms.building.images import remove_algorithm_images
from algorithms.building.signals import build_requested
from algorithms.bumps import choose_step, next_number
from algorithms.constants import (
    NAME_LENGTH,
    NAME_PATTERN,
    BuildState,
    Callability,
    VersionType,
)
from algorithms.environments.selectors import find_environment
from algorithms.environments.templates import template_files
from algorithms.errors import (
    AlgorithmNameHasBeenTaken,
    NothingToPublish,
    PublicVersionsExist,
    VersionAlreadyPublished,
)
from algorithms.models import Algorithm, Approval, Build, Version
from algorithms.news import tell_of_creation, tell_of_held, tell_of_release
from algorithms.remotes.making import NOWHERE_SAID, SourceChoice, choose_place, make_remote
from algorithms.running.warming import warm_build
from algorithms.samples.runs import keep_sample, run_sample
from algorithms.selectors import needs_approval, newest_version
from algorithms.updates import (
    AlgorithmChanges,
    apply_changes,
    check_changes,
    check_settings,
    lock_algorithm,
)
from dataportal.services import delete_algorithm_collections
from scm.repositories import create_repository, delete_repository, head_commit
from scm.selectors import get_scm_for_creation


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
    royalty_microcredits: int | None = None
    insights_enabled: bool | None = None


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
    source: SourceChoice = NOWHERE_SAID,
) -> Algorithm:
    """A new algorithm with its repository, which holds the environment's working template.

    Raises AlgorithmNameHasBeenTaken, InputValidationError, and the errors of environments and
    hosts; nothing stays behind here when it fails.
    """
    check_name(name)
    scm = get_scm_for_creation(source.scm_id)
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
        royalty_microcredits=chosen.royalty_microcredits,
        insights_enabled=chosen.insights_enabled,
        sample_input=sample_input,
        scm=scm,
    )
    check_settings(algorithm)
    place = choose_place(scm, source, name)
    files = template_files(environment.recipe, owner=owner.username, name=name)
    algorithm.readme_digest = digest_readme(files.get(README, b""))
    try:
        with transaction.atomic(), act("algorithm.create") as done:
            algorithm.save(force_insert=True)
            done.target = algorithm
            tell_of_creation(algorithm)
            create_repository(algorithm.id, files, message="Initial commit", author=owner.username)
            if place is not None:
                done.note(repository=str(make_remote(algorithm, place)))
    except IntegrityError as exc:
        raise AlgorithmNameHasBeenTaken from exc
    return algorithm


def check_name(name: str) -> None:
    if not re.match(NAME_PATTERN, name, re.ASCII) or len(name) > NAME_LENGTH:
        raise InputValidationError(
            "name: starts with a letter and has letters, digits and underscores, "
            f"at most {NAME_LENGTH}."
        )


@transaction.atomic
def request_build(*, algorithm: Algorithm, commit_sha: str) -> Build:
    """Ask for a build of a commit."""
    with act("build.request") as done:
        done.target = build = start_build(algorithm=algorithm, commit_sha=commit_sha)
        done.note(algorithm=str(algorithm))
    return build


@transaction.atomic
def request_build_of_head(*, algorithm: Algorithm) -> Build:
    """Ask for a build of master's head; the one that a fetch has just begun is as good."""
    sha = head_commit(algorithm.id)
    going = Build.objects.in_progress().filter(algorithm=algorithm, commit_sha=sha)
    found = None if algorithm.scm.is_internal else going.newest_first().first()
    if found is None:
        return request_build(algorithm=algorithm, commit_sha=sha)
    with act("build.request") as done:
        done.target = found
        done.note(algorithm=str(algorithm))
    return found


@transaction.atomic
def start_build(*, algorithm: Algorithm, commit_sha: str) -> Build:
    """Make the row of a build, as part of another act, and wake a worker when it is committed."""
    build = Build.objects.create(
        algorithm=algorithm,
        commit_sha=commit_sha,
        environment=algorithm.environment,
        requested_by=current_actor().id,
    )
    transaction.on_commit(lambda: build_requested.send(Build, build_id=build.id))
    return build


@dataclass(frozen=True)
class Publication:
    """What a publisher asks for (spec.md 3.5); `changes` of settings go before it."""

    version_type: str = VersionType.DEFAULT
    release_notes: str = ""
    git_hash: str | None = None
    sample_output: str | None = None
    changes: AlgorithmChanges = field(default_factory=AlgorithmChanges)


def publish_version(
    *, algorithm: Algorithm, publisher: Principal, publication: Publication
) -> Version:
    """Publish the newest successful build under the next number, once its runners are warm.

    A public version of who may not publish for everybody is private until it is approved.
    Raises VersionAlreadyPublished (1007) when that build has a number already, LargerVersionNeeded,
    and what update_algorithm raises.
    """
    if publication.version_type not in VersionType.values:
        raise InputValidationError("version_info.version_type: choose major, minor or patch.")
    check_changes(algorithm, publication.changes)
    build = _publishable_build(algorithm, publication)
    warm_build(build, publication.changes.network_access or build.algorithm.network_access)
    return _publish(algorithm=algorithm, publisher=publisher, publication=publication)


def _publishable_build(algorithm: Algorithm, publication: Publication) -> Build:
    """Raises NothingToPublish, VersionAlreadyPublished."""
    builds = Build.objects.filter(algorithm=algorithm).select_related(
        "algorithm", "environment", "sample"
    )
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
    locked = lock_algorithm(algorithm)
    with act("algorithm.publish", locked) as done:
        version = _publish_locked(locked, publisher, publication)
        done.note(version=str(version), approval=version.approval_state)
    announce_change()
    return version


def _publish_locked(locked: Algorithm, publisher: Principal, publication: Publication) -> Version:
    build = _publishable_build(locked, publication)
    apply_changes(locked, publication.changes)
    before = newest_version(locked)
    step = choose_step(publication.version_type, before, locked, build)
    major, minor, patch = next_number(before, step)
    is_held = needs_approval(publisher, locked)
    version = Version.objects.create(
        algorithm=locked,
        build=build,
        major=major,
        minor=minor,
        patch=patch,
        callability=Callability.PRIVATE if is_held else locked.callability,
        network_access=locked.network_access,
        pipeline_enabled=locked.pipeline_enabled,
        royalty_microcredits=locked.royalty_microcredits,
        insights_enabled=locked.insights_enabled,
        release_notes=publication.release_notes,
        sample_input=locked.sample_input,
        published_by_id=publisher.user_id,
    )
    if is_held:
        tell_of_held(Approval.objects.create(version=version, owner=locked.owner))
    tell_of_release(version)
    _take_sample(version, publication.sample_output)
    return version


def _take_sample(version: Version, output: str | None) -> None:
    """The sample of what was published, if it is not the one that was run when it was built."""
    text = version.sample_input
    if output is not None:
        keep_sample(build=version.build, text=text, output=output)
    elif text != getattr(getattr(version.build, "sample", None), "input", ""):
        run_sample(build=version.build, text=text)


@transaction.atomic
def delete_algorithm(*, algorithm: Algorithm) -> None:
    """Delete an algorithm without public versions: rows, repository, images, data.

    Its temp and perm collections of every user go with it (spec.md 3.15). Raises
    PublicVersionsExist.
    """
    locked = lock_algorithm(algorithm)
    if Version.objects.filter(algorithm=locked).public().exists():
        raise PublicVersionsExist
    with act("algorithm.delete", locked) as done:
        _delete(locked)
        done.removed()


@transaction.atomic
def force_delete(*, algorithm: Algorithm) -> None:
    """As delete_algorithm, whoever may call it: for administrators."""
    locked = lock_algorithm(algorithm)
    with act("algorithm.force_delete", locked) as done:
        _delete(locked)
        done.removed()


def _delete(locked: Algorithm) -> None:
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
        rows = Build.objects.with_version().select_related("environment", "sample")
        current = rows.get(pk=build.pk)
        yield current
        if current.state != BuildState.IN_PROGRESS:
            return
        pause()
