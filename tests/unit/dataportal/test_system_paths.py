"""What paths below .session and .algo name."""

import pytest

from algoport.accounts.permissions import CollectionKind
from algoport.errors import FeatureNotImplemented
from dataportal.errors import PathNotFound
from dataportal.paths import parse_raw_path
from dataportal.system_paths import SystemFile, SystemFolder, SystemPlace, parse_system_path

SESSION = SystemPlace(CollectionKind.SESSION)
TEMP, PERM = SystemPlace(CollectionKind.TEMP), SystemPlace(CollectionKind.PERM)
LONG = SystemPlace(CollectionKind.PERM, "a", "n")


def parse(path: str):
    return parse_system_path(parse_raw_path(f"/v1/data/{path}".encode()))


@pytest.mark.parametrize(
    ("path", "named"),
    [
        (".session", SESSION),
        (".session/", SESSION),
        ("data://.session/f", SystemFile(SESSION, "f")),
        (".session/temp", SystemFile(SESSION, "temp")),
        (".algo", SystemFolder()),
        (".algo/a", SystemFolder("a")),
        (".algo/a/n/", SystemFolder("a", "n")),
        (".algo/a/n/perm", LONG),
        (".algo%2Fa%2Fn%2Fperm%2Ff", SystemFile(LONG, "f")),
        (".algo/temp", TEMP),
        (".algo/perm/", PERM),
        (".algo/perm/f", SystemFile(PERM, "f")),
        (".algo/temp/perm", SystemFile(TEMP, "perm")),
        # An account of that name is reached by what its algorithms have.
        (".algo/temp/n/perm", SystemPlace(CollectionKind.PERM, "temp", "n")),
        (
            ".algo/temp/perm/temp/f",
            SystemFile(SystemPlace(CollectionKind.TEMP, "temp", "perm"), "f"),
        ),
    ],
)
def test_path_names(path: str, named: object) -> None:
    assert parse(path) == named


@pytest.mark.parametrize(
    "path",
    [
        ".session/a/b",
        ".session/a/",
        ".algo/perm/f/",
        ".algo/a/n/other",
        ".algo/a/n/f/x",
        ".algo/a/n/TEMP",
        ".algo/a/n/perm/f/",
        ".algo/a/n/perm/f/g",
    ],
)
def test_path_names_nothing(path: str) -> None:
    with pytest.raises(PathNotFound):
        parse(path)


@pytest.mark.parametrize("path", [".algo/default", ".algo/default/f"])
def test_default_collection_is_not_there_yet(path: str) -> None:
    with pytest.raises(FeatureNotImplemented):
        parse(path)
