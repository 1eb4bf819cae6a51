"""What follows from a build that succeeded: the README, the order of builds."""

from datetime import timedelta

import pytest
from django.utils import timezone

from algoport.accounts.models import User
from algorithms.building import aftermath
from algorithms.building.aftermath import read_readme, succeed
from algorithms.building.leases import LeaseLost, take_build
from algorithms.constants import BuildState
from algorithms.models import Algorithm, Build, Environment
from algorithms.services import delete_algorithm
from scm.git import run_git
from scm.repositories import BRANCH, existing_path, head_commit
from tests.factories.algorithms import make_algorithm, make_build

pytestmark = pytest.mark.django_db


@pytest.fixture
def algorithm(demo: User, python_environment: Environment) -> Algorithm:
    return make_algorithm(demo)


def commit(algorithm: Algorithm, path: str, content: bytes) -> str:
    """SHA of a commit on top of master that writes the file."""
    stream = b"commit %s\ncommitter d <d@example.com> %d +0000\ndata 1\nx\nfrom %s\n" % (
        BRANCH.encode(),
        timezone.now().timestamp(),
        str(head_commit(algorithm.id)).encode(),
    )
    stream += b"M 100644 inline %s\ndata %d\n%s\ndone\n" % (path.encode(), len(content), content)
    run_git(existing_path(algorithm.id), "fast-import", "--quiet", stdin=stream)
    return str(head_commit(algorithm.id))


def take(algorithm: Algorithm, sha: str) -> Build:
    build = take_build(make_build(algorithm, BuildState.IN_PROGRESS, sha).id)
    assert build is not None
    return build


def build(algorithm: Algorithm, sha: str) -> None:
    taken = take(algorithm, sha)
    succeed(taken, read_readme(taken))


def summary(algorithm: Algorithm) -> str:
    algorithm.refresh_from_db()
    return algorithm.summary


def test_a_readme_that_changed_takes_the_place_of_the_summary(algorithm: Algorithm) -> None:
    Algorithm.objects.update(summary="Given at its creation")
    build(algorithm, str(head_commit(algorithm.id)))
    # That of the template says nothing yet.
    assert summary(algorithm) == "Given at its creation"
    build(algorithm, commit(algorithm, "README.md", b"# Hello\n<script>alert(1)</script>"))
    assert summary(algorithm) == "<h1>Hello</h1>\n"
    Algorithm.objects.update(summary="Edited since")
    build(algorithm, commit(algorithm, "src/other.py", b""))
    assert summary(algorithm) == "Edited since"
    build(algorithm, commit(algorithm, "README.md", b"# Again"))
    assert summary(algorithm) == "<h1>Again</h1>\n"


@pytest.mark.parametrize(
    "content", [b"\xff\xfe\x00 not text", b"", b"[" * 10_000, b"> " * 10_000, b"<div>" * 10_000]
)
def test_any_readme_is_taken(algorithm: Algorithm, content: bytes) -> None:
    sha = commit(algorithm, "README.md", content)
    build(algorithm, sha)
    assert Build.objects.get().state == BuildState.SUCCEEDED
    assert "\x00" not in summary(algorithm)


def test_a_readme_that_cannot_be_shown_fails_nothing(
    algorithm: Algorithm, monkeypatch: pytest.MonkeyPatch
) -> None:
    Algorithm.objects.update(summary="Before")
    monkeypatch.setattr(aftermath, "README_BYTES", 10)
    build(algorithm, commit(algorithm, "README.md", b"x" * 11))
    # No commit of that name: a repository that was replaced.
    build(algorithm, "f" * 40)
    assert summary(algorithm) == "Before"


def test_an_older_build_that_ends_later_changes_no_summary(algorithm: Algorithm) -> None:
    old = take(algorithm, commit(algorithm, "README.md", b"old"))
    Build.objects.filter(pk=old.pk).update(started_at=timezone.now() - timedelta(hours=1))
    old.refresh_from_db()
    build(algorithm, commit(algorithm, "README.md", b"new"))
    succeed(old, read_readme(old))
    assert summary(algorithm) == "<p>new</p>\n"


def test_a_build_whose_algorithm_was_deleted(algorithm: Algorithm) -> None:
    taken = take(algorithm, str(head_commit(algorithm.id)))
    delete_algorithm(algorithm=algorithm)
    with pytest.raises(LeaseLost):
        succeed(taken, None)
