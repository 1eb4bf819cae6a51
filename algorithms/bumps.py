"""Which step of the version number a publication needs (spec.md 3.5).

Permissions change in a new major version only, so that whoever calls `1.*` keeps what they agreed
to; other settings in a new minor one. New code alone may be a revision.
"""

from typing import Any

from algorithms.constants import ApprovalState, Callability, VersionType
from algorithms.errors import LargerVersionNeeded
from algorithms.models import Algorithm, Build, Version

_PERMISSIONS = ("network_access", "pipeline_enabled")
_OTHERS = ("royalty_microcredits", "insights_enabled")
# The steps, smallest first; those of one rank are the same.
_RANKS: dict[str, int] = {
    VersionType.PATCH: 0,
    VersionType.REVISION: 0,
    VersionType.MINOR: 1,
    VersionType.MAJOR: 2,
}
Change = tuple[str, Any, Any]


def choose_step(asked: str, before: Version | None, algorithm: Algorithm, build: Build) -> str:
    """The step to take after `before` for what the algorithm's settings are now.

    Without one that is asked for it is the least that is allowed, and at least minor. Raises
    LargerVersionNeeded.
    """
    major, minor = ([], []) if before is None else _changes(before, algorithm, build)
    least = _least(major, minor)
    if asked == VersionType.DEFAULT:
        return VersionType.MAJOR if major else VersionType.MINOR
    if _RANKS[asked] < _RANKS[least]:
        name, old, new = (major or minor)[0]
        raise LargerVersionNeeded(
            changed=name, old=_shown(old), new=_shown(new), before=before, step=least
        )
    return asked


def allowed_steps(before: Version | None, algorithm: Algorithm, build: Build) -> list[str]:
    """The steps that `choose_step` would take, largest first."""
    major, minor = ([], []) if before is None else _changes(before, algorithm, build)
    least = _RANKS[_least(major, minor)]
    steps = (VersionType.MAJOR, VersionType.MINOR, VersionType.PATCH)
    return [step for step in steps if _RANKS[step] >= least]


def next_number(before: Version | None, step: str) -> tuple[int, int, int]:
    """The first version is 0.1.0, or 1.0.0 by a major step (wire.md 5)."""
    if before is None:
        return (1, 0, 0) if step == VersionType.MAJOR else (0, 1, 0)
    if step == VersionType.MAJOR:
        return before.major + 1, 0, 0
    if step == VersionType.MINOR:
        return before.major, before.minor + 1, 0
    return before.major, before.minor, before.patch + 1


def _changes(
    before: Version, algorithm: Algorithm, build: Build
) -> tuple[list[Change], list[Change]]:
    """What is not as it was: first what needs a major version, then what needs a minor one."""
    held = before.approval_state == ApprovalState.HELD
    callability = Callability.PUBLIC if held else before.effective_callability
    major: list[Change] = [("algorithm_callability", callability, algorithm.callability)]
    major += [(name, getattr(before, name), getattr(algorithm, name)) for name in _PERMISSIONS]
    minor: list[Change] = [("environment", before.build.environment, build.environment)]
    # Off and none are what is the case where nothing was said.
    minor += [
        (name, getattr(before, name) or None, getattr(algorithm, name) or None) for name in _OTHERS
    ]
    return _unequal(major), _unequal(minor)


def _least(major: list[Change], minor: list[Change]) -> str:
    return VersionType.MAJOR if major else VersionType.MINOR if minor else VersionType.PATCH


def _unequal(changes: list[Change]) -> list[Change]:
    return [change for change in changes if change[1] != change[2]]


def _shown(value: object) -> str:
    return str(value).lower() if value is None or isinstance(value, bool) else str(value)
