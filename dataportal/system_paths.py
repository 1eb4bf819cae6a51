"""What the paths below `data://.session` and `data://.algo` name (spec.md 5.3)."""

from dataclasses import dataclass

from algoport.accounts.permissions import CollectionKind
from algoport.errors import FeatureNotImplemented
from dataportal.errors import PathNotFound
from dataportal.paths import DataPath

SESSION = ".session"
ALGO = ".algo"
SYSTEM_FOLDERS = frozenset({SESSION, ALGO})

_KINDS = {str(kind): kind for kind in (CollectionKind.TEMP, CollectionKind.PERM)}
_DEFAULT = "default"
# Of one segment more, the first is an author of that name.
_LONGEST_SHORT_FORM = 2


@dataclass(frozen=True, slots=True)
class SystemFolder:
    """A folder above the collections of algorithms; empty for what it does not name."""

    author: str = ""
    algorithm: str = ""


@dataclass(frozen=True, slots=True)
class SystemPlace:
    """A collection that always exists; without an author, of the algorithm that asks."""

    kind: CollectionKind
    author: str = ""
    algorithm: str = ""


@dataclass(frozen=True, slots=True)
class SystemFile:
    place: SystemPlace
    name: str


def parse_system_path(path: DataPath) -> SystemFolder | SystemPlace | SystemFile:
    """What a path whose first segment is one of SYSTEM_FOLDERS names. Raises PathNotFound."""
    first, *rest = path.segments
    if first == SESSION:
        return _in_collection(SystemPlace(CollectionKind.SESSION), rest, path)
    assert first == ALGO
    if rest and len(rest) <= _LONGEST_SHORT_FORM:
        if rest[0] in _KINDS:
            return _in_collection(SystemPlace(_KINDS[rest[0]]), rest[1:], path)
        if rest[0] == _DEFAULT:
            raise FeatureNotImplemented("data://.algo/default is not available yet.")
    if len(rest) <= _LONGEST_SHORT_FORM:
        return SystemFolder(*rest)
    author, algorithm, kind, *names = rest
    if kind not in _KINDS:
        raise PathNotFound("An algorithm has two collections: temp and perm.")
    return _in_collection(SystemPlace(_KINDS[kind], author, algorithm), names, path)


def _in_collection(
    place: SystemPlace, names: list[str], path: DataPath
) -> SystemPlace | SystemFile:
    if not names:
        return place
    if len(names) > 1 or path.trailing_slash:
        raise PathNotFound("Collections do not nest: a file's name has no slash.")
    return SystemFile(place, names[0])
