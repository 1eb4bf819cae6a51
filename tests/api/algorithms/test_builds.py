"""Builds and their logs through /v1."""

from typing import Any
from uuid import uuid4

import pytest
from rest_framework.test import APIClient

from algoport.accounts.models import User
from algorithms.constants import BuildState
from tests.factories.algorithms import make_algorithm, make_build, make_version

pytestmark = pytest.mark.django_db
BASE = "/v1/algorithms/demo/Hello/builds"


def test_a_build_in_progress_and_its_log(api: APIClient, demo: User) -> None:
    build = make_build(make_algorithm(demo), BuildState.IN_PROGRESS)
    answer = api.get(f"{BASE}/{build.id}").json()
    assert answer["status"] == "in-progress"
    assert "finished_at" not in answer and "version_info" not in answer
    logs = api.get(f"{BASE}/{build.id}/logs")
    assert logs.status_code == 404 and logs.json()["code"] == 1011


def test_an_ended_build(api: APIClient, demo: User) -> None:
    algorithm = make_algorithm(demo)
    version = make_version(algorithm)
    answer = api.get(f"{BASE}/{version.build_id}").json()
    assert list(answer) == [
        "build_id",
        "commit_sha",
        "finished_at",
        "resource_type",
        "started_at",
        "status",
        "version_info",
    ]
    assert answer["version_info"] == {"semantic_version": "0.1.0"}
    assert answer["started_at"].endswith("Z") and len(answer["started_at"]) == 24
    logs = api.get(f"{BASE}/{version.build_id}/logs").json()
    assert logs == {"logs": "Beginning container customization\n"}


def test_unknown_builds(api: APIClient, demo: User) -> None:
    make_algorithm(demo)
    other = make_build(make_algorithm(demo, "Other"))
    for build_id in (uuid4(), "nonsense", other.id):
        answer = api.get(f"{BASE}/{build_id}")
        assert answer.status_code == 404 and answer.json()["code"] == 1010


def test_pages_newest_first(api: APIClient, demo: User) -> None:
    algorithm = make_algorithm(demo)
    builds = [make_build(algorithm) for _ in range(5)]
    expected = [str(build.id) for build in reversed(builds)]
    seen: list[str] = []
    url: Any = f"{BASE}?limit=2"
    while url:
        page = api.get(url).json()
        seen += [build["build_id"] for build in page["results"]]
        url = page["next_link"]
        assert (url is None) == (page["marker"] is None)
    assert seen == expected
