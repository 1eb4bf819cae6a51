"""What an account sees first: how far it is on the way to a first call, then what is going on."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from django.db.models import OuterRef, Subquery

from algoport.accounts.models import ApiKey
from algoport.accounts.permissions import Action, Principal, can
from algorithms.constants import BuildState
from algorithms.models import Algorithm, Build, CallRecord, Version
from algorithms.selectors import algorithms_by_id, list_algorithms_for, resource_of

_MOST_ALGORITHMS = 8
_MOST_CALLS = 10


@dataclass(frozen=True, slots=True)
class OwnAlgorithm:
    """An algorithm with its newest build and its highest version, where it has them."""

    row: Algorithm
    build: Build | None
    version: Version | None

    @property
    def callable_path(self) -> str:
        """Under which its owner calls it by now; nothing before it is built."""
        if self.version is not None:
            return str(self.row)
        built = self.build is not None and self.build.state == BuildState.SUCCEEDED
        return f"{self.row}/{self.build.commit_sha}" if self.build and built else ""


@dataclass(frozen=True, slots=True)
class FirstSteps:
    """The way from an empty account to a call: what is there of it."""

    has_key: bool
    newest: OwnAlgorithm | None

    @property
    def at(self) -> str:
        """The step to be taken next: key, algorithm, build or call."""
        if not self.has_key:
            return "key"
        if self.newest is None:
            return "algorithm"
        return "call" if self.newest.callable_path else "build"

    @property
    def mark(self) -> str:
        """Another one as soon as something has changed."""
        build = None if self.newest is None else self.newest.build
        state = "" if build is None else f"{build.pk}-{build.state}"
        return f"{self.at}-{state}-{bool(self.newest and self.newest.version)}"


@dataclass(frozen=True, slots=True)
class RecentCall:
    """A call that has ended; without a name for an algorithm that may not be seen any more."""

    record: CallRecord
    algorithm: Algorithm | None


def first_steps_of(principal: Principal) -> FirstSteps | None:
    """None for an account that has made its first call."""
    if CallRecord.objects.filter(caller_id=principal.user_id).exists():
        return None
    keys = ApiKey.objects.filter(owner=principal.user_id, revoked_at=None)
    newest = own_algorithms_of(principal, most=1)
    return FirstSteps(keys.exists(), newest[0] if newest else None)


def own_algorithms_of(principal: Principal, most: int = _MOST_ALGORITHMS) -> list[OwnAlgorithm]:
    """The newest of the account and of its organizations, in four queries."""
    newest_build = Build.objects.filter(algorithm=OuterRef("pk")).newest_first().values("pk")[:1]
    versions = Version.objects.filter(algorithm=OuterRef("pk"))
    highest = versions.order_by("-major", "-minor", "-patch").values("pk")[:1]
    owners = [principal.user_id, *principal.member_of]
    found = Algorithm.objects.filter(owner__in=owners).order_by("-created_at", "-id")[:most]
    rows = found.values_list("pk", Subquery(newest_build), Subquery(highest))
    parts = {key: (build, version) for key, build, version in rows}
    algorithms = algorithms_by_id(set(parts))
    builds = Build.objects.in_bulk([build for build, _ in parts.values() if build])
    numbers = Version.objects.in_bulk([version for _, version in parts.values() if version])
    return [
        OwnAlgorithm(algorithms[key], builds.get(build), numbers.get(version))
        for key, (build, version) in parts.items()
        if key in algorithms and _may_see(principal, algorithms[key])
    ]


def recent_calls_of(principal: Principal) -> list[RecentCall]:
    """The account's own newest calls, in two queries."""
    rows = CallRecord.objects.filter(caller_id=principal.user_id)
    records = list(rows.order_by("-started_at")[:_MOST_CALLS])
    seen: Mapping[UUID, Algorithm] = {
        row.pk: row
        for row in list_algorithms_for(principal, {each.algorithm_id for each in records})
    }
    return [RecentCall(each, seen.get(each.algorithm_id)) for each in records]


def _may_see(principal: Principal, algorithm: Algorithm) -> bool:
    resource = resource_of(algorithm, public=algorithm.has_public_version)
    return bool(can(principal, Action.SEE_BUILDS, resource))
