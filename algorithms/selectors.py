"""Reads of algorithms, each of which checks what the principal may see."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models.functions import Lower

from algoport.accounts.models import User
from algoport.accounts.permissions import (
    AccountResource,
    Action,
    AlgorithmResource,
    Principal,
    can,
    require,
)
from algoport.accounts.selectors import get_account
from algorithms.constants import (
    MOST_LISTED,
    BuildState,
    Callability,
    Visibility,
)
from algorithms.errors import (
    AlgorithmBuildLogsNotFound,
    AlgorithmBuildNotFound,
    AlgorithmIdDoesNotExist,
    AlgorithmNotFound,
    CalledAlgorithmNotFound,
    VersionDoesNotExist,
)
from algorithms.models import Algorithm, Build, BuildLogLine, Version
from algorithms.querysets import AlgorithmQuerySet, BuildQuerySet, VersionQuerySet
from algorithms.version_specs import SpecKind, VersionSpec, parse_version_spec

_WHOLE_LOG = (
    "SELECT string_agg(text, '' ORDER BY id) FROM algorithms_buildlogline WHERE build_id = %s"
)


def all_algorithms() -> AlgorithmQuerySet:
    """Whoever asks, with what `resource_of` needs of them."""
    return Algorithm.objects.select_related("owner", "environment", "scm", "remote")


def resource_of(algorithm: Algorithm, *, public: bool) -> AlgorithmResource:
    """What the permission module needs to know of an algorithm."""
    return AlgorithmResource(
        id=algorithm.id,
        owner_id=algorithm.owner_id,
        owner=algorithm.owner.username,
        name=algorithm.name,
        public=public,
        source_open=algorithm.source_visibility == Visibility.OPEN,
    )


def get_algorithm_for(
    principal: Principal, owner: str, name: str, action: Action = Action.SEE_ALGORITHM
) -> Algorithm:
    """The algorithm, if `principal` may do `action` to it.

    Raises AlgorithmNotFound when it may not even be seen, NotAuthorized when only the action is
    refused.
    """
    return check_algorithm(principal, get_algorithm(owner, name), action)


def get_algorithm(owner: str, name: str) -> Algorithm:
    """Whoever asks: for administrators. Raises AlgorithmNotFound."""
    algorithm = find_algorithm({"owner": owner, "name": name})
    if algorithm is None:
        raise AlgorithmNotFound
    return algorithm


def find_algorithm(where: Mapping[str, Any]) -> Algorithm | None:
    """Whoever asks: what a route's arguments name, if there is such an algorithm."""
    rows = all_algorithms()
    if "algorithm_id" in where:
        return rows.filter(pk=where["algorithm_id"]).first()
    owner, name = where["owner"], where["name"]
    return rows.named(owner, name).first() if "\x00" not in owner + name else None


def list_algorithms_for(principal: Principal, ids: Iterable[UUID]) -> list[Algorithm]:
    """Those of the algorithms that `principal` may see."""
    return [row for row in algorithms_by_id(set(ids)).values() if _may_see(principal, row)]


def get_algorithm_by_id_for(principal: Principal, identifier: UUID, action: Action) -> Algorithm:
    """As get_algorithm_for; raises AlgorithmIdDoesNotExist in place of AlgorithmNotFound."""
    algorithm = all_algorithms().filter(pk=identifier).first()
    if algorithm is None:
        raise AlgorithmIdDoesNotExist
    try:
        return check_algorithm(principal, algorithm, action)
    except AlgorithmNotFound as exc:
        raise AlgorithmIdDoesNotExist from exc


def algorithms_by_id(identifiers: set[UUID]) -> dict[UUID, Algorithm]:
    """Those of the algorithms that exist, with what `resource_of` needs of them."""
    return all_algorithms().in_bulk(identifiers)


def check_algorithm(principal: Principal, algorithm: Algorithm, action: Action) -> Algorithm:
    resource = resource_of(algorithm, public=algorithm.has_public_version)
    if not can(principal, Action.SEE_ALGORITHM, resource):
        raise AlgorithmNotFound
    require(principal, action, resource)
    return algorithm


def list_algorithms_of(principal: Principal, account: User) -> list[Algorithm]:
    """The account's algorithms that `principal` may see, by name; for administrators all."""
    rows = all_algorithms().filter(owner=account).order_by(Lower("name"))
    if can(principal, Action.ADMINISTER):
        return list(rows[:MOST_LISTED])
    if not principal.acts_for(account.id):
        rows = rows.filter(has_public_version=True)
    return [row for row in rows[:MOST_LISTED] if _may_see(principal, row)]


def _may_see(principal: Principal, algorithm: Algorithm) -> bool:
    resource = resource_of(algorithm, public=algorithm.has_public_version)
    return bool(can(principal, Action.SEE_ALGORITHM, resource))


def needs_approval(principal: Principal, algorithm: Algorithm) -> bool:
    """Whether what the algorithm's settings say is more than `principal` may publish."""
    resource = resource_of(algorithm, public=True)
    public = algorithm.callability == Callability.PUBLIC
    return public and not can(principal, Action.PUBLISH_PUBLICLY, resource)


def get_owner_for(principal: Principal, username: str) -> User:
    """The account in which `principal` wants to create an algorithm."""
    owner = get_account(username)
    require(principal, Action.CREATE_ALGORITHM, AccountResource(owner.id))
    return owner


def list_owners_for(principal: Principal) -> list[User]:
    """The accounts in which `principal` may create algorithms: its own first, then by name."""
    wanted = {*principal.member_of, *filter(None, (principal.user_id,))}
    rows = User.objects.filter(pk__in=wanted, is_active=True).order_by("username")
    owners = [
        row for row in rows if can(principal, Action.CREATE_ALGORITHM, AccountResource(row.id))
    ]
    return sorted(owners, key=lambda owner: owner.id != principal.user_id)


def is_name_taken(owner: User, name: str) -> bool:
    """Whether the account has an algorithm of this name, in whatever case."""
    return Algorithm.objects.named(owner.username, name).exists()


def builds_of(algorithm: Algorithm) -> BuildQuerySet:
    """Every build, newest ordering left to the caller, with what a page of them shows."""
    rows = Build.objects.filter(algorithm=algorithm)
    return rows.with_version().select_related("environment", "sample")


def get_build(algorithm: Algorithm, build_id: str) -> Build:
    try:
        return builds_of(algorithm).get(pk=UUID(build_id))
    except (ValueError, Build.DoesNotExist) as exc:
        raise AlgorithmBuildNotFound from exc


def get_build_log(build: Build) -> str:
    """The whole log of a build that has ended (spec.md 3.4)."""
    if build.state == BuildState.IN_PROGRESS:
        raise AlgorithmBuildLogsNotFound
    return read_log(build)


def read_log(build: Build) -> str:
    # Every read of an algorithm ends with this one: the ORM would take four times as long.
    with connection.cursor() as cursor:
        cursor.execute(_WHOLE_LOG, [build.pk])
        (text,) = cursor.fetchone()
    return str(text or "")


def log_after(build: Build, number: int) -> list[tuple[int, str]]:
    """The log's pieces that came after piece `number`, oldest first."""
    rows = BuildLogLine.objects.filter(build=build, id__gt=number).order_by("id")
    return list(rows.values_list("id", "text"))


def read_logs(builds: list[Build]) -> dict[UUID, str]:
    """The logs of a page of builds, in one query."""
    logs: dict[UUID, list[str]] = {build.id: [] for build in builds}
    rows = BuildLogLine.objects.filter(build__in=builds).order_by("id")
    for build_id, text in rows.values_list("build_id", "text"):
        logs[build_id].append(text)
    return {build_id: "".join(lines) for build_id, lines in logs.items()}


def visible_versions(principal: Principal, algorithm: Algorithm) -> BuildQuerySet:
    """Successful builds: all of them for who may see builds, the public versions for others."""
    builds = builds_of(algorithm).succeeded()
    if can(principal, Action.SEE_BUILDS, resource_of(algorithm, public=True)):
        return builds
    return builds.callable_by_all(True)


def get_version(principal: Principal, algorithm: Algorithm, git_hash: str) -> Build:
    """The newest version of a commit that the principal may see."""
    spec = parse_version_spec(git_hash)
    if spec is None or spec.kind is not SpecKind.COMMIT:
        raise VersionDoesNotExist
    versions = visible_versions(principal, algorithm)
    build = versions.filter(commit_sha=spec.commit_sha).newest_first().first()
    if build is None:
        raise VersionDoesNotExist
    return build


def newest_success(algorithm: Algorithm) -> Build | None:
    """The newest build that succeeded: the one that can be published, if it has no version yet."""
    return builds_of(algorithm).succeeded().newest_first().first()


def newest_version(algorithm: Algorithm) -> Version | None:
    """The one with the highest number."""
    rows = Version.objects.filter(algorithm=algorithm)
    rows = rows.select_related("build__environment", "approval")
    return rows.order_by("-major", "-minor", "-patch").first()


def published_versions(principal: Principal, algorithm: Algorithm) -> VersionQuerySet:
    """The versions that `principal` may see, with what a list of them shows."""
    rows = Version.objects.filter(algorithm=algorithm)
    rows = rows.select_related("approval", "build", "published_by")
    if can(principal, Action.SEE_BUILDS, resource_of(algorithm, public=True)):
        return rows
    return rows.public()


def newest_visible_version(principal: Principal, algorithm: Algorithm) -> Version | None:
    """The one with the highest number that `principal` may see."""
    rows = published_versions(principal, algorithm)
    return rows.order_by("-major", "-minor", "-patch").first()


def get_published_version(algorithm: Algorithm, number: str) -> Version:
    """The version with this number, or the newest one of this commit.

    Raises VersionDoesNotExist.
    """
    spec = parse_version_spec(number)
    rows, version = Version.objects.filter(algorithm=algorithm), None
    if spec is not None and spec.kind is SpecKind.EXACT:
        major, minor, patch = spec.numbers
        version = rows.filter(major=major, minor=minor, patch=patch).first()
    elif spec is not None and spec.kind is SpecKind.COMMIT:
        rows = rows.filter(build__commit_sha=spec.commit_sha)
        version = rows.order_by("-major", "-minor", "-patch").first()
    if version is None:
        raise VersionDoesNotExist
    return version


@dataclass(frozen=True, slots=True)
class Target:
    """What a call is to run, as resolved for one principal.

    `version` is the number, or the commit's hash when it was called by that.
    """

    build_id: UUID
    rootfs: str
    packages: str
    algorithm_id: UUID
    owner_id: UUID
    owner: str
    name: str
    pipeline_enabled: bool
    network_access: str
    is_owner: bool
    may_read_source: bool
    version: str
    secrets: str
    machine: str
    base_image: str


def resolve_call(principal: Principal, owner: str, name: str, version: str) -> Target:
    """The build that a call means. Raises CalledAlgorithmNotFound or NotAuthorized.

    Two queries; what may not be seen is answered like what does not exist.
    """
    asked = "/".join(part for part in (owner, name, version) if part)
    if "\x00" in asked:
        raise CalledAlgorithmNotFound(target=asked)
    return _resolve(principal, Algorithm.objects.named(owner, name), version, asked)


def resolve_call_by_id(principal: Principal, algorithm_id: UUID, version: str) -> Target:
    """As resolve_call, of the algorithm with this id."""
    asked = "/".join(part for part in (str(algorithm_id), version) if part)
    return _resolve(principal, Algorithm.objects.filter(pk=algorithm_id), version, asked)


def _resolve(principal: Principal, rows: AlgorithmQuerySet, version: str, asked: str) -> Target:
    spec = parse_version_spec(version)
    missing = CalledAlgorithmNotFound(target=asked)
    if spec is None:
        raise missing
    algorithm = rows.select_related("owner").first()
    build = _find_build(algorithm, spec) if algorithm is not None else None
    if algorithm is None or build is None:
        raise missing
    by_commit = spec.kind is SpecKind.COMMIT
    return _target(principal, algorithm, build, by_commit=by_commit, missing=missing)


def resolve_build(principal: Principal, build_id: UUID, version: str) -> Target:
    """A build that was resolved before, under the same version. Raises as resolve_call does."""
    rows = Build.objects.succeeded().with_version()
    rows = rows.select_related("algorithm__owner", "environment")
    build = rows.filter(pk=build_id).first()
    if build is None:
        raise CalledAlgorithmNotFound(target=version)
    missing = CalledAlgorithmNotFound(target=f"{build.algorithm}/{version}")
    by_commit = version == build.commit_sha
    return _target(principal, build.algorithm, build, by_commit=by_commit, missing=missing)


def _target(
    principal: Principal,
    algorithm: Algorithm,
    build: Build,
    *,
    by_commit: bool,
    missing: CalledAlgorithmNotFound,
) -> Target:
    published: Version | None = getattr(build, "version", None)
    public = published is not None and published.effective_callability == Callability.PUBLIC
    resource = resource_of(algorithm, public=public and not by_commit)
    if not can(principal, Action.SEE_ALGORITHM, resource):
        raise missing
    require(principal, Action.CALL_VERSION, resource)
    settings_of = published if published is not None and not by_commit else algorithm
    return Target(
        build_id=build.id,
        rootfs=build.rootfs,
        packages=build.packages,
        algorithm_id=algorithm.id,
        owner_id=algorithm.owner_id,
        owner=algorithm.owner.username,
        name=algorithm.name,
        pipeline_enabled=settings_of.pipeline_enabled,
        network_access=settings_of.network_access,
        is_owner=principal.acts_for(algorithm.owner_id),
        may_read_source=bool(can(principal, Action.READ_SOURCE, resource)),
        version=(
            build.commit_sha if by_commit or published is None else published.semantic_version
        ),
        secrets=algorithm.secrets_mark,
        machine=build.environment.machine_type,
        base_image=build.base_image,
    )


def _find_build(algorithm: Algorithm, spec: VersionSpec) -> Build | None:
    builds = Build.objects.filter(algorithm=algorithm).succeeded().with_version()
    builds = builds.select_related("environment")
    if spec.kind is SpecKind.COMMIT:
        return builds.filter(commit_sha=spec.commit_sha).newest_first().first()
    if spec.kind is SpecKind.LATEST_PRIVATE:
        builds = builds.callable_by_all(False)
    elif spec.kind is not SpecKind.EXACT:
        builds = builds.callable_by_all(True)
    parts = zip(("major", "minor", "patch"), spec.numbers, strict=False)
    wanted = {f"version__{part}": number for part, number in parts}
    newest = ("-version__major", "-version__minor", "-version__patch")
    # By the version's own column: its index then finds the number, or the highest, at once.
    return builds.filter(version__algorithm=algorithm, **wanted).order_by(*newest).first()
