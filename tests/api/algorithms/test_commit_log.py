"""The commits of an algorithm's repository through /v1 (spec.md 3.4)."""

from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from algoport.accounts.models import User
from algorithms.models import Algorithm
from scm import repositories
from scm.git import run_git
from scm.repositories import BRANCH, existing_path, head_commit
from tests.factories.algorithms import make_algorithm, make_version

pytestmark = pytest.mark.django_db

LOG = "/v1/algorithms/demo/Hello/log"
# 2033-05-18T03:33:20Z
FIRST = 2_000_000_000


@pytest.fixture
def algorithm(api: APIClient, demo: User) -> Algorithm:
    """Its template's commit, and three more of ten seconds' distance."""
    made = make_algorithm(demo)
    for number in range(3):
        commit(made, f"Change {number}\n\nBecause of {number}.", FIRST + 10 * number)
    return made


def commit(algorithm: Algorithm, message: str, at: int) -> None:
    text = message.encode()
    stream = (
        f"commit {BRANCH}\nauthor d\u00e9mo <d@example.com> {at} +0000\n"
        f"committer demo <d@example.com> {at} +0000\ndata {len(text)}\n"
    ).encode()
    parent = f"\nfrom {head_commit(algorithm.id)}\n".encode()
    path = existing_path(algorithm.id)
    run_git(path, "fast-import", "--quiet", stdin=stream + text + parent + b"done\n")


def messages(api: APIClient, query: str = "") -> list[str]:
    answer = api.get(LOG + query)
    assert answer.status_code == 200, answer.json()
    return [each["short_message"] for each in answer.json()["commits"]]


def test_commits(api: APIClient, algorithm: Algorithm) -> None:
    commits: list[dict[str, Any]] = api.get(LOG).json()["commits"]
    assert commits[0] == {
        "id": head_commit(algorithm.id),
        "short_message": "Change 2",
        "message": "Change 2\n\nBecause of 2.",
        "author": "d\u00e9mo",
    }
    assert [each["short_message"] for each in commits[1:]] == [
        "Change 1",
        "Change 0",
        "Initial commit",
    ]


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ("since=2033-05-18T03:33:30Z", [2, 1]),
        ("since=2033-05-18T03:33:30Z&until=2033-05-18T03:33:30Z", [1]),
        ("since=2033-05-18T03:33:31Z", [2]),
        ("since=2033-05-18T05:33:40%2B02:00", [2]),
        ("since=2033-05-18T05:33:40+02:00", [2]),
        ("since=2033-05-18T03:33:40", [2]),
        ("since=2033-05-18&until=2033-05-18", [2, 1, 0]),
        ("since=2033-05-19", []),
        ("since=2033-01-01&until=2033-05-17", []),
        ("since=0001-01-01&until=0001-01-02", []),
        ("since=2033-01-01&until=9999-12-31", [2, 1, 0]),
    ],
)
def test_bounds_are_inclusive(
    api: APIClient, algorithm: Algorithm, query: str, numbers: list[int]
) -> None:
    assert messages(api, f"?{query}") == [f"Change {number}" for number in numbers]


@pytest.mark.parametrize(
    "moment",
    [
        "yesterday",
        "1",
        "--upload-pack=x",
        "2033-13-01",
        "%00",
        "9" * 400,
        "9999-12-31T23:59:59-10:00",
    ],
)
def test_what_is_no_moment(api: APIClient, algorithm: Algorithm, moment: str) -> None:
    for name in ("since", "until"):
        answer = api.get(f"{LOG}?{name}={moment}")
        assert (answer.status_code, answer.json()["code"]) == (400, 6001), name


def test_it_is_bounded(
    api: APIClient, algorithm: Algorithm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("algorithms.api.views.MOST_COMMITS", 2)
    assert messages(api) == ["Change 2", "Change 1"]
    monkeypatch.setattr(repositories, "_MOST_LOG_BYTES", 150)
    assert messages(api) == ["Change 2"]


def test_for_whom_the_source_is_open(
    algorithm: Algorithm,
    api: APIClient,
    make_user: Callable[[str], User],
    api_of: Callable[..., APIClient],
) -> None:
    stranger = api_of(make_user("stranger"))
    assert stranger.get(LOG).status_code == 404
    make_version(algorithm)
    assert stranger.get(LOG).status_code == 403
    settings = {"license": "mit", "source_visibility": "open"}
    api.put("/v1/algorithms/demo/Hello", {"settings": settings}, format="json")
    assert len(messages(stranger)) == 4
