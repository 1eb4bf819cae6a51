"""Path restrictions of connectors, against their definition."""

import re
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from algoport.accounts.path_patterns import covers, literal_head, matches, may_hold

PATTERNS = st.text("ab/*.", min_size=1, max_size=8)
NAMES = st.text("ab.", min_size=1, max_size=3)
PATHS = st.lists(NAMES, min_size=1, max_size=4).map("/".join)
DIRECTORIES = st.one_of(st.just(""), PATHS.map(lambda path: path + "/"))


def as_expression(pattern: str) -> re.Pattern[str]:
    """The definition: `*` is anything, and a slash at the end stands for all below."""
    whole = pattern + "*" if pattern.endswith("/") else pattern
    return re.compile(".*".join(map(re.escape, whole.split("*"))) + r"\Z", re.DOTALL)


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        ("Algorithmia/team.jpg", "Algorithmia/team.jpg", True),
        ("Algorithmia/team.jpg", "Algorithmia/team.jpg.bak", False),
        ("Algorithmia/team.jpg", "Algorithmia/Team.jpg", False),
        ("Algorithmia/team.jpg", "Algorithmia/team_jpg", False),
        ("Algorithmia/*", "Algorithmia/a/b", True),
        ("Algorithmia/*", "Algorithmia2/a", False),
        ("Algorithmia*", "Algorithmia2/a", True),
        ("Algorithmia/", "Algorithmia/a/b", True),
        ("Algorithmia/", "Algorithmia", False),
        ("*", "anything/at all", True),
        ("a/*.csv", "a/b/c.csv", True),
        ("a/*.csv", "a/.csv", True),
        ("a*a", "a", False),
        ("*a*b*", "b/a", False),
    ],
)
def test_what_is_documented(pattern: str, path: str, expected: bool) -> None:
    assert matches(pattern, path) is expected


@given(PATTERNS, st.one_of(PATHS, DIRECTORIES))
def test_matches_is_its_definition(pattern: str, path: str) -> None:
    assert matches(pattern, path) == bool(as_expression(pattern).match(path))


@given(PATTERNS, PATHS)
def test_what_is_matched_begins_with_the_literal_head(pattern: str, path: str) -> None:
    if matches(pattern, path):
        assert path.startswith(literal_head(pattern))


@given(PATTERNS, PATHS)
def test_directories_above_a_match_may_hold_it(pattern: str, path: str) -> None:
    if not matches(pattern, path):
        return
    segments = path.split("/")
    for depth in range(len(segments)):
        above = "".join(f"{segment}/" for segment in segments[:depth])
        assert may_hold(pattern, above), above


@given(PATTERNS, DIRECTORIES)
def test_a_directory_that_may_hold_nothing_holds_nothing(pattern: str, directory: str) -> None:
    if may_hold(pattern, directory):
        return
    for size in (1, 2, 3):
        for name in map("".join, product("ab/.", repeat=size)):
            assert not matches(pattern, directory + name), name


@given(PATTERNS, DIRECTORIES, PATHS)
def test_a_covered_directory_is_covered_whole(pattern: str, directory: str, below: str) -> None:
    if covers(pattern, directory):
        assert matches(pattern, directory + below)


@pytest.mark.parametrize(
    ("pattern", "directory", "expected"),
    [
        ("a/*", "a/", True),
        ("a/*", "a/b/", True),
        ("a/", "a/", True),
        ("a*", "a/", True),
        ("*", "", True),
        ("a/*.csv", "a/", False),
        ("a/b", "a/", False),
        ("a/*", "", False),
    ],
)
def test_what_may_be_cleared(pattern: str, directory: str, expected: bool) -> None:
    assert covers(pattern, directory) is expected


def test_no_pattern_takes_long() -> None:
    pattern, path = "a*" * 500 + "b", "a" * 100_000
    assert not matches(pattern, path)
