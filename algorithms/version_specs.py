"""The version part of a call's path (spec.md 3.6)."""

import re
from dataclasses import dataclass
from enum import Enum

_SHA = re.compile(r"^[0-9a-fA-F]{40}\Z")
_NUMBER = re.compile(r"^([0-9]{1,9})(?:\.([0-9]{1,9}|\*|x))?(?:\.([0-9]{1,9}|\*|x))?\Z")


class SpecKind(Enum):
    LATEST_PUBLIC = "latest"
    LATEST_PRIVATE = "latestPrivate"
    COMMIT = "commit"
    EXACT = "exact"
    PREFIX = "prefix"


@dataclass(frozen=True, slots=True)
class VersionSpec:
    """What a call asked for; `numbers` are the fixed leading parts of a semantic version."""

    kind: SpecKind
    commit_sha: str = ""
    numbers: tuple[int, ...] = ()


def parse_version_spec(text: str) -> VersionSpec | None:
    """The meaning of a version string; None when it can mean nothing."""
    if text in ("", "latest"):
        return VersionSpec(SpecKind.LATEST_PUBLIC)
    if text == "latestPrivate":
        return VersionSpec(SpecKind.LATEST_PRIVATE)
    if _SHA.match(text):
        return VersionSpec(SpecKind.COMMIT, commit_sha=text.lower())
    match = _NUMBER.match(text)
    if match is None:
        return None
    numbers: list[int] = []
    wildcard = False
    for part in match.groups():
        if part is None:
            continue
        if part in "*x":
            wildcard = True
        elif wildcard:
            return None  # `1.*.2` names nothing.
        else:
            numbers.append(int(part))
    kind = SpecKind.EXACT if len(numbers) == 3 else SpecKind.PREFIX
    return VersionSpec(kind, numbers=tuple(numbers))
