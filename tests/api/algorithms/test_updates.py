"""PUT of an algorithm: what changes, when, and what is refused (spec.md 3.3)."""

from collections.abc import Callable
from typing import Any

import pytest
from django.forms.models import model_to_dict
from rest_framework.test import APIClient

from algoport.accounts.authentication import principal_of_user
from algoport.accounts.models import User
from algoport.accounts.permissions import Scopes
from algorithms.models import Algorithm, Environment
from algorithms.selectors import resolve_call
from tests.factories.algorithms import make_algorithm, make_build, make_version

pytestmark = pytest.mark.django_db

ONE = "/v1/algorithms/demo/Hello"


@pytest.fixture
def algorithm(api: APIClient, demo: User) -> Algorithm:
    return make_algorithm(demo)


@pytest.fixture
def gpu(python_environment: Environment) -> Environment:
    """Another environment of the same language."""
    return Environment.objects.create(
        name="python311-gpu",
        display_name="Python 3.11 with CUDA",
        language="python3-1",
        recipe="python3",
        machine_type="gpu",
    )


def put(api: APIClient, **body: Any) -> Any:
    return api.put(ONE, body, format="json")


def stored(algorithm: Algorithm) -> dict[str, Any]:
    return model_to_dict(Algorithm.objects.get(pk=algorithm.pk))


def test_the_body_of_the_api_reference(
    api: APIClient, algorithm: Algorithm, gpu: Environment
) -> None:
    answer = put(
        api,
        details={"label": "My Updated Algorithm"},
        settings={
            "environment": "gpu",
            "license": "apl",
            "network_access": "full",
            "pipeline_enabled": False,
            "source_visibility": "closed",
        },
    )
    assert answer.status_code == 200
    changed = answer.json()
    assert changed["details"] == {"label": "My Updated Algorithm"}
    assert changed["settings"] == {
        "algorithm_callability": "private",
        "source_visibility": "closed",
        "language": "python3-1",
        "environment": "gpu",
        "license": "apl",
        "network_access": "full",
        "pipeline_enabled": False,
    }
    assert changed["id"] == str(algorithm.id) and "version_info" not in changed
    assert api.get(ONE).json() == changed


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"details": {}, "settings": {}, "version_info": {}, "source": {}, "scmsCredentials": {}},
        {"details": None, "settings": None, "version_info": None},
        {"details": {"label": None}, "settings": {"network_access": None, "language": None}},
        {"settings": {"language": "python3-1", "environment": "cpu", "username": "somebody"}},
    ],
)
def test_what_is_not_said_stays(api: APIClient, algorithm: Algorithm, body: dict[str, Any]) -> None:
    before = stored(algorithm)
    answer = put(api, **body)
    assert answer.status_code == 200 and answer.json()["name"] == "Hello"
    assert stored(algorithm) == before


def test_details_alone(api: APIClient, algorithm: Algorithm) -> None:
    details = {"label": "New", "summary": "<p>All of it</p>", "tagline": "In short"}
    assert put(api, details=details).json()["details"] == details
    assert put(api, details={"tagline": ""}).json()["details"] == {
        "label": "New",
        "summary": "<p>All of it</p>",
    }


def test_what_an_algorithm_shows_can_be_sent_back(api: APIClient, algorithm: Algorithm) -> None:
    make_version(algorithm)
    before = stored(algorithm)
    assert put(api, **api.get(ONE).json()).status_code == 200
    assert stored(algorithm) == before


def test_a_form_changes_nothing(api: APIClient, algorithm: Algorithm) -> None:
    before = stored(algorithm)
    answer = api.put(
        ONE,
        "details=label&settings=license&settings=network_access&version_info=sample_input",
        content_type="application/x-www-form-urlencoded",
    )
    assert answer.status_code == 200 and answer.json()["id"] == str(algorithm.id)
    assert stored(algorithm) == before


def test_the_environment_changes_and_the_language_does_not(
    api: APIClient, algorithm: Algorithm, gpu: Environment
) -> None:
    built = make_build(algorithm)
    other = Environment.objects.create(
        name="r42", display_name="R", language="r", recipe="r", machine_type="cpu"
    )
    moved = put(api, settings={"algorithm_environment": str(gpu.id)}).json()["settings"]
    assert moved["algorithm_environment"] == str(gpu.id) and "language" not in moved
    # A build keeps what it was made in.
    version = api.get(f"{ONE}/versions/{built.commit_sha}").json()
    assert version["settings"]["package_set"] == "python311"
    for settings in (
        {"algorithm_environment": str(other.id)},
        {"package_set": "r42"},
        {"language": "r", "environment": "cpu"},
    ):
        answer = put(api, settings=settings)
        assert answer.status_code == 400 and answer.json()["code"] == 6001
        assert "language cannot be changed" in answer.json()["message"]
    assert Algorithm.objects.get().environment == gpu


@pytest.mark.parametrize(
    ("body", "code", "status"),
    [
        ({"settings": {"license": "mit"}}, 6001, 400),
        ({"settings": {"source_visibility": "hidden"}}, 6001, 400),
        ({"settings": {"algorithm_callability": "some"}}, 6001, 400),
        ({"settings": {"network_access": ["full"]}}, 6001, 400),
        ({"settings": {"pipeline_enabled": "sometimes"}}, 6001, 400),
        ({"settings": {"language": "cobol"}}, 4001, 400),
        ({"settings": {"language": "java"}}, 4002, 400),
        ({"settings": {"environment": "tpu"}}, 4004, 400),
        ({"settings": {"package_set": "no\x00pe"}}, 6001, 400),
        ({"settings": {"algorithm_environment": "abcd-123"}}, 1003, 404),
        ({"settings": "open"}, 6001, 400),
        ({"details": {"label": ""}}, 6001, 400),
        ({"details": {"label": "x" * 201}}, 6001, 400),
        ({"version_info": {"sample_input": "x" * 100_001}}, 6001, 400),
    ],
)
def test_a_refused_update_changes_nothing(
    api: APIClient, algorithm: Algorithm, body: dict[str, Any], code: int, status: int
) -> None:
    before = stored(algorithm)
    # What would be good of it is not done either.
    answer = put(api, **{"details": {"label": "New"}, **body})
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert stored(algorithm) == before


def test_visibility_and_license_apply_to_all_and_the_rest_to_builds(
    api: APIClient, algorithm: Algorithm, demo: User
) -> None:
    version = make_version(algorithm)
    sha = version.build.commit_sha
    settings = {
        "license": "mit",
        "source_visibility": "open",
        "network_access": "full",
        "pipeline_enabled": False,
        "algorithm_callability": "private",
    }
    put(api, settings=settings)
    shown = api.get(f"{ONE}/versions/{sha}").json()["settings"]
    assert (shown["license"], shown["source_visibility"]) == ("mit", "open")
    assert (shown["network_access"], shown["pipeline_enabled"]) == ("isolated", True)
    assert shown["algorithm_callability"] == "public"
    owner = principal_of_user(demo)
    published = resolve_call(owner, "demo", "Hello", "0.1.0")
    assert (published.network_access, published.pipeline_enabled) == ("isolated", True)
    built = resolve_call(owner, "demo", "Hello", sha)
    assert (built.network_access, built.pipeline_enabled) == ("full", False)
    build = make_build(algorithm)
    unpublished = api.get(f"{ONE}/versions/{build.commit_sha}").json()["settings"]
    assert settings.items() <= unpublished.items()


def test_who_may(
    algorithm: Algorithm,
    demo: User,
    make_user: Callable[[str], User],
    api_of: Callable[..., APIClient],
) -> None:
    make_version(algorithm)
    before = stored(algorithm)
    narrow = api_of(demo, Scopes(("algo://*",), native_calls=True, data_read=True))
    for client in (api_of(make_user("stranger")), narrow):
        assert put(client, details={"label": "Mine"}).status_code == 403
    assert put(APIClient(), details={"label": "Mine"}).status_code == 401
    assert stored(algorithm) == before
