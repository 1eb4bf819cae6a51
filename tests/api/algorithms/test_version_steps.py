"""Which step of the number a publication needs, and what its body changes (spec.md 3.5)."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from algoport.accounts.models import User
from algorithms.models import Algorithm, Environment, Version
from tests.factories.algorithms import make_algorithm, make_build, make_version

pytestmark = pytest.mark.django_db

ONE = "/v1/algorithms/demo/Hello"


@pytest.fixture
def algorithm(api: APIClient, demo: User) -> Algorithm:
    """With version 0.1.0, and a build that has no number yet."""
    made = make_algorithm(demo)
    make_version(made)
    make_build(made)
    return made


def publish(api: APIClient, kind: str | None = None, **settings: Any) -> Any:
    info = {"version_type": kind} if kind else {}
    body = {"settings": settings, "version_info": info}
    return api.post(f"{ONE}/versions", body, format="json")


PERMISSIONS = [
    {"algorithm_callability": "private"},
    {"network_access": "full"},
    {"pipeline_enabled": False},
]
OTHERS = [{"royalty_microcredits": 5}, {"insights_enabled": True}]


@pytest.mark.parametrize("changed", PERMISSIONS)
@pytest.mark.parametrize("before", [True, False])
def test_permissions_need_a_major_version(
    api: APIClient, algorithm: Algorithm, changed: dict[str, Any], before: bool
) -> None:
    """Whether they were changed before, or with the publication."""
    given = {} if before else changed
    if before:
        api.put(ONE, {"settings": changed}, format="json")
    for kind in ("patch", "revision", "minor"):
        refused = publish(api, kind, **given)
        assert (refused.status_code, refused.json()["code"]) == (400, 6001)
        (name,) = changed
        assert (
            name in refused.json()["message"] and "version_type major" in refused.json()["message"]
        )
    assert Version.objects.count() == 1
    row = Algorithm.objects.get()
    assert before or (row.callability, row.network_access, row.pipeline_enabled) == (
        "public",
        "isolated",
        True,
    )
    answer = publish(api, "major", **given)
    assert answer.json()["version_info"]["semantic_version"] == "1.0.0"
    assert changed.items() <= answer.json()["settings"].items()


@pytest.mark.parametrize("changed", OTHERS)
def test_other_settings_need_a_minor_version(
    api: APIClient, algorithm: Algorithm, changed: dict[str, Any]
) -> None:
    refused = publish(api, "revision", **changed)
    assert refused.status_code == 400 and "version_type minor" in refused.json()["message"]
    answer = publish(api, "minor", **changed)
    assert answer.json()["version_info"]["semantic_version"] == "0.2.0"
    assert changed.items() <= answer.json()["settings"].items()


def test_another_environment_needs_a_minor_version(
    api: APIClient, algorithm: Algorithm, python_environment: Environment
) -> None:
    other = Environment.objects.create(
        name="python312", display_name="Python 3.12", language="python3-1", recipe="python3"
    )
    settings = {"algorithm_environment": str(other.id)}
    api.put(ONE, {"settings": settings}, format="json")
    # What is published is still a build of the old one.
    assert publish(api, "revision").status_code == 200
    make_build(Algorithm.objects.get())
    assert publish(api, "revision").status_code == 400
    assert publish(api).json()["version_info"]["semantic_version"] == "0.2.0"


def test_code_and_words_alone_may_be_a_revision(api: APIClient, algorithm: Algorithm) -> None:
    body = {
        "details": {"label": "Better", "tagline": "Shorter"},
        "settings": {"license": "mit", "source_visibility": "open"},
        "version_info": {"version_type": "revision", "release_notes": "Fixed"},
    }
    answer = api.post(f"{ONE}/versions", body, format="json").json()
    assert answer["version_info"]["semantic_version"] == "0.1.1"
    assert answer["details"] == {"label": "Better", "tagline": "Shorter"}
    assert (answer["settings"]["license"], answer["settings"]["source_visibility"]) == (
        "mit",
        "open",
    )


@pytest.mark.parametrize("body", [{}, {"version_info": {}}, {"version_info": None}])
def test_without_a_step_it_is_the_least_that_is_allowed(
    api: APIClient, algorithm: Algorithm, body: dict[str, Any]
) -> None:
    first = api.post(f"{ONE}/versions", body, format="json").json()
    assert first["version_info"]["semantic_version"] == "0.2.0"
    # The algorithm's setting is kept where a body does not say another.
    assert first["settings"]["algorithm_callability"] == "public"
    make_build(algorithm)
    api.put(ONE, {"settings": {"network_access": "full"}}, format="json")
    second = api.post(f"{ONE}/versions", body, format="json").json()
    assert second["version_info"]["semantic_version"] == "1.0.0"


def test_insights_in_either_place(api: APIClient, algorithm: Algorithm) -> None:
    body = {"version_info": {"insights_enabled": True}}
    answer = api.post(f"{ONE}/versions", body, format="json").json()
    assert answer["version_info"]["insights_enabled"] is True
    assert answer["settings"]["insights_enabled"] is True
    old = api.get(f"{ONE}/versions?published=true").json()["results"][1]
    assert "insights_enabled" not in old["version_info"]


def test_a_refused_publication_changes_nothing(api: APIClient, algorithm: Algorithm) -> None:
    body = {
        "details": {"label": "Better"},
        "settings": {"license": "bsd"},
        "version_info": {"sample_input": "42"},
    }
    assert api.post(f"{ONE}/versions", body, format="json").status_code == 400
    row = Algorithm.objects.get()
    assert (row.label, row.license, row.sample_input) == ("Hello", "apl", "")
    assert Version.objects.count() == 1
