"""What a publication would be, before it is asked for."""

from copy import copy
from dataclasses import dataclass

from algoport.accounts.permissions import Principal
from algorithms.bumps import allowed_steps, next_number
from algorithms.constants import Callability, VersionType
from algorithms.errors import VersionAlreadyPublished
from algorithms.models import Algorithm, Build, Version
from algorithms.selectors import needs_approval, newest_success, newest_version


@dataclass(frozen=True, slots=True)
class Step:
    """A step of the number, the number that it leads to, and who may call what it may be taken to.

    `callers` are the callabilities with which it is large enough.
    """

    name: str
    number: str
    callers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Draft:
    """The build that can be published, after which version, and the steps there are."""

    build: Build
    before: Version | None
    steps: tuple[Step, ...]

    def step(self, name: str) -> Step | None:
        return next((each for each in self.steps if each.name == name), None)


def draft_of(algorithm: Algorithm) -> Draft:
    """Of the newest successful build. Raises VersionAlreadyPublished when it has a version."""
    build = newest_success(algorithm)
    if build is None or hasattr(build, "version"):
        raise VersionAlreadyPublished
    before = newest_version(algorithm)
    allowed = {
        callers: allowed_steps(before, _with(algorithm, callers), build)
        for callers in Callability.values
    }
    steps: list[Step] = []
    for name in (VersionType.MAJOR, VersionType.MINOR, VersionType.PATCH):
        number = ".".join(map(str, next_number(before, name)))
        fitting = tuple(each for each in Callability.values if name in allowed[each])
        # The first version has the same number by two of them.
        if fitting and not any(number == other.number for other in steps):
            steps.append(Step(name, number, fitting))
    return Draft(build, before, tuple(steps))


def would_be_held(principal: Principal, algorithm: Algorithm, callers: str) -> bool:
    """Whether a version for these callers would wait for an owner's approval."""
    return needs_approval(principal, _with(algorithm, callers))


def _with(algorithm: Algorithm, callers: str) -> Algorithm:
    changed = copy(algorithm)
    changed.callability = callers
    return changed
