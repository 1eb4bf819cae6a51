"""Environments of other images: how these are named, and what is kept of them."""

import shutil
from pathlib import Path

import pytest

from algoport.containers.base_image import (
    REFERENCE_LENGTH,
    base_image_of,
    describe_environment,
    is_reference,
)

DIGEST = "sha256:" + "0123456789abcdef" * 4


@pytest.mark.parametrize(
    "reference",
    [
        *("python:3.11-slim", "library/python:3", f"python@{DIGEST}", "localhost:5000/a/b_c:1"),
        *("registry.example:443/team/cuda-12.1__dev:V1.0_x", "10.0.0.1/a.b:latest"),
    ],
)
def test_what_names_one_image(reference: str) -> None:
    assert is_reference(reference)


@pytest.mark.parametrize(
    "reference",
    [
        *("", "python", "python:", "Python:3", "python:3 ", "python:3\n", "a//b:1", "/a:1", "a/:1"),
        *("-a:1", "a:-1", "a..b:1", "https://example.com/a:1", "a:1@x", "python@sha256:12"),
        *("a:1 --privileged", "a\x00:1", "\u00e4:1", "user:secret@host/a:1", "a:" + "x" * 129),
        "a" * REFERENCE_LENGTH + ":1",
        "a-" * 140 + ":",
    ],
)
def test_what_does_not(reference: str) -> None:
    assert not is_reference(reference)


def test_all_that_goes_into_an_image_names_it(tmp_path: Path) -> None:
    recipe = tmp_path / "recipe"
    (recipe / "site").mkdir(parents=True)
    (recipe / "requirements.txt").write_text("a==1\n")
    (recipe / "site" / "brought.py").write_text("VALUE = 1\n")

    def made(name: str = "own", base_image: str = "python:3") -> Path:
        return describe_environment(tmp_path / "environments", name, base_image, recipe)

    first = made()
    assert first == made() and base_image_of(first) == "python:3"
    assert len({first, made("other"), made(base_image="python:4")}) == 3
    (recipe / "site" / "brought.py").write_text("VALUE = 2\n")
    second = made()
    (recipe / "requirements.txt").write_text("a==2\n")
    assert len({first, second, made()}) == 3
    # It is made of what it was, whatever has become of the recipe.
    shutil.rmtree(recipe)
    assert (first / "site" / "brought.py").read_text() == "VALUE = 1\n"
    assert (first / "requirements.txt").read_text() == "a==1\n"
    assert not [each for each in first.parent.iterdir() if each.name.startswith(".")]


def test_a_root_file_system_is_made_of_none(tmp_path: Path) -> None:
    assert base_image_of(tmp_path) == "" and base_image_of(tmp_path / "missing") == ""
