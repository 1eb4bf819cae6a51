"""Creating, reading and deleting algorithms through /v1."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from algoport.accounts.models import User
from algoport.accounts.permissions import Scopes
from algorithms.models import Algorithm, Environment
from scm.repositories import head_commit, repository_path
from tests.factories.accounts import administrator_client
from tests.factories.algorithms import SETTINGS, make_algorithm, make_build, make_version

pytestmark = pytest.mark.django_db


def body(**changes: Any) -> dict[str, Any]:
    """What the PyPI client sends to create an algorithm."""
    settings = {**SETTINGS, **changes.pop("settings", {})}
    return {
        "name": "Hello",
        "details": {"label": "Greeting"},
        "settings": settings,
        "version_info": {},
        "source": {},
        "scmsCredentials": {},
        **changes,
    }


def test_create(api: APIClient, demo: User) -> None:
    answer = api.post("/v1/algorithms/demo", body(), format="json")
    assert answer.status_code == 201
    row = Algorithm.objects.get()
    assert answer.json() == {
        "id": str(row.id),
        "name": "Hello",
        "details": {"label": "Greeting"},
        "settings": {
            "algorithm_callability": "private",
            "source_visibility": "closed",
            "language": "python3-1",
            "environment": "cpu",
            "license": "apl",
            "network_access": "isolated",
            "pipeline_enabled": True,
        },
        "source": {
            "scm": {"id": "internal", "provider": "internal", "default": True, "enabled": True}
        },
        "self_link": "http://testserver/v1/algorithms/demo/Hello",
        "resource_type": "algorithm",
    }
    assert head_commit(row.id)


def test_settings_without_effect_are_kept(api: APIClient) -> None:
    given = body(settings={"royalty_microcredits": 0, "insights_enabled": False})
    settings = api.post("/v1/algorithms/demo", given, format="json").json()["settings"]
    assert (settings["royalty_microcredits"], settings["insights_enabled"]) == (0, False)


def test_the_answer_is_compact(api: APIClient) -> None:
    answer = api.post("/v1/algorithms/demo", body(), format="json")
    assert b'"details":{"label":"Greeting"}' in answer.content


@pytest.mark.parametrize(
    ("chosen", "shown"),
    [
        ({"package_set": "python311"}, {"package_set": "python311"}),
        (
            {"algorithm_environment": "6b1d3a5e-5d0c-4c5e-9a53-7f1f3f6f7a11"},
            {
                "package_set": "python311",
                "algorithm_environment": "6b1d3a5e-5d0c-4c5e-9a53-7f1f3f6f7a11",
            },
        ),
    ],
)
def test_other_ways_to_name_the_environment(
    api: APIClient, chosen: dict[str, str], shown: dict[str, str]
) -> None:
    given = body(settings={"language": None, "environment": None, **chosen})
    settings = api.post("/v1/algorithms/demo", given, format="json").json()["settings"]
    assert shown.items() <= settings.items()
    assert "language" not in settings and "environment" not in settings


def test_licence_may_be_misspelt(api: APIClient) -> None:
    settings = {key: value for key, value in SETTINGS.items() if key != "license"}
    given = {**body(), "settings": {**settings, "licence": "mit", "source_visibility": "open"}}
    answer = api.post("/v1/algorithms/demo", given, format="json")
    assert answer.json()["settings"]["license"] == "mit"


@pytest.mark.parametrize(
    ("changes", "code", "status"),
    [
        ({"name": "1st"}, 6001, 400),
        ({"name": "with-dash"}, 6001, 400),
        ({"name": "x" * 31}, 6001, 400),
        ({"name": "\u00fcber"}, 6001, 400),
        ({"details": {}}, 6001, 400),
        ({"settings": {"language": "cobol"}}, 4001, 400),
        ({"settings": {"language": "java"}}, 4002, 400),
        ({"settings": {"environment": "gpu"}}, 4004, 400),
        ({"settings": {"language": None, "package_set": "nope"}}, 1003, 400),
        ({"settings": {"language": None, "algorithm_environment": "abcd-123"}}, 1003, 404),
        ({"settings": {"license": "bsd"}}, 6001, 400),
        ({"settings": {"license": "mit"}}, 6001, 400),
        ({"settings": {"network_access": "some"}}, 6001, 400),
        ({"settings": {"royalty_microcredits": -1}}, 6001, 400),
        ({"settings": {"royalty_microcredits": 2**63}}, 6001, 400),
        ({"settings": {"insights_enabled": "perhaps"}}, 6001, 400),
        ({"version_info": {"sample_input": "x" * 100_001}}, 6001, 400),
        ({"settings": {"language": None}}, 6001, 400),
    ],
)
def test_a_refused_creation_changes_nothing(
    api: APIClient, changes: dict[str, Any], code: int, status: int
) -> None:
    answer = api.post("/v1/algorithms/demo", body(**changes), format="json")
    assert answer.status_code == status
    error = answer.json()
    assert error["code"] == error["error"]["code"] == code
    assert not Algorithm.objects.exists()


def test_a_name_is_taken_in_any_case(api: APIClient) -> None:
    api.post("/v1/algorithms/demo", body(), format="json")
    answer = api.post("/v1/algorithms/demo", body(name="hELLO"), format="json")
    assert answer.status_code == 409 and answer.json()["code"] == 1002
    assert Algorithm.objects.count() == 1


def test_invalid_json(api: APIClient) -> None:
    answer = api.post("/v1/algorithms/demo", b"{", content_type="application/json")
    assert answer.status_code == 400 and answer.json()["code"] == 2013


def test_creating_needs_the_management_scope_and_the_own_account(
    demo: User,
    make_user: Callable[[str], User],
    api_of: Callable[..., APIClient],
    python_environment: Environment,
) -> None:
    narrow = api_of(demo, Scopes(("algo://*",), data_read=True, native_calls=True))
    other = api_of(make_user("other"))
    for client in (narrow, other):
        answer = client.post("/v1/algorithms/demo", body(), format="json")
        assert answer.status_code == 403 and answer.json()["code"] == 2001
    answer = other.post("/v1/algorithms/nobody", body(), format="json")
    assert answer.status_code == 404 and answer.json()["code"] == 3000
    anonymous = APIClient().post("/v1/algorithms/demo", body(), format="json")
    assert anonymous.status_code == 401 and anonymous.json()["code"] == 2002
    assert not Algorithm.objects.exists()


def test_get_without_and_with_a_version(api: APIClient, demo: User) -> None:
    algorithm = make_algorithm(demo)
    assert "version_info" not in api.get("/v1/algorithms/demo/Hello").json()
    build = make_build(algorithm)
    answer = api.get("/v1/algorithms/DEMO/hello").json()
    assert answer["version_info"] == {"git_hash": build.commit_sha}
    assert answer["compilation"]["successful"] is True
    assert answer["self_link"].endswith(f"/v1/algorithms/demo/Hello/versions/{build.commit_sha}")


def test_a_missing_algorithm_is_answered_to_the_letter(api: APIClient) -> None:
    answer = api.get("/v1/algorithms/demo/Nothing")
    assert answer.status_code == 404
    assert answer.content == b'{"error":"No such algorithm"}'


def test_a_private_algorithm_does_not_exist_for_others(
    demo: User,
    make_user: Callable[[str], User],
    api_of: Callable[..., APIClient],
    python_environment: Environment,
) -> None:
    algorithm = make_algorithm(demo)
    build = make_build(algorithm)
    stranger = api_of(make_user("stranger"))
    base = "/v1/algorithms/demo/Hello"
    for method, path in (
        ("get", ""),
        ("put", ""),
        ("delete", ""),
        ("post", "/compile"),
        ("get", "/builds"),
        ("get", f"/builds/{build.id}"),
        ("get", f"/builds/{build.id}/logs"),
        ("get", "/versions"),
        ("post", "/versions"),
        ("get", f"/versions/{build.commit_sha}"),
        ("get", "/log"),
        ("get", "/scm/status"),
    ):
        answer = getattr(stranger, method)(base + path)
        assert answer.status_code == 404, path
    make_version(algorithm)
    assert stranger.get(base).status_code == 200
    assert stranger.get(f"{base}/builds").status_code == 403
    assert stranger.delete(base).status_code == 403
    assert Algorithm.objects.exists()


def test_delete(api: APIClient, demo: User, django_capture_on_commit_callbacks: Any) -> None:
    algorithm = make_algorithm(demo)
    make_version(algorithm, "private")
    with django_capture_on_commit_callbacks(execute=True):
        answer = api.delete("/v1/algorithms/demo/Hello")
    assert answer.status_code == 204 and answer.content == b""
    assert not Algorithm.objects.exists()
    assert not repository_path(algorithm.id).exists()


def test_a_public_algorithm_is_not_deleted_by_its_owner(api: APIClient, demo: User) -> None:
    make_version(make_algorithm(demo))
    answer = api.delete("/v1/algorithms/demo/Hello")
    assert answer.status_code == 403
    assert Algorithm.objects.exists()


def test_an_administrator_deletes_it_by_force(
    api: APIClient, demo: User, make_user: Callable[[str], User]
) -> None:
    algorithm = make_algorithm(demo)
    make_version(algorithm)
    path = "/v1/admin/algorithms/demo/hello"
    assert api.delete(f"{path}?force=true").status_code == 403
    administrator = administrator_client(make_user("root"))
    assert administrator.delete(path).status_code == 403
    assert Algorithm.objects.exists()
    assert administrator.delete(f"{path}?force=true").status_code == 204
    assert not Algorithm.objects.exists()
    for gone in (path, "/v1/admin/algorithms/%00/x", f"/v1/admin/algorithms/demo/{'x' * 999}"):
        assert administrator.delete(f"{gone}?force=true").status_code == 404


def test_reading_it_costs_four_queries(api: APIClient, demo: User) -> None:
    algorithm = make_algorithm(demo)
    for _ in range(3):
        make_version(algorithm)
    make_build(algorithm, log="x" * 10)
    for path in ("/v1/algorithms/demo/Hello", f"/v1/algorithms/{algorithm.id}"):
        with CaptureQueriesContext(connection) as queries:
            assert api.get(path).status_code == 200
        # The key, the algorithm, its newest build with all that belongs to it, that one's log.
        assert len(queries) == 4, [each["sql"] for each in queries]


def test_scm_status(api: APIClient, demo: User) -> None:
    make_algorithm(demo)
    status = api.get("/v1/algorithms/demo/Hello/scm/status")
    assert status.json() == {"scm_connection_status": "active"}


def test_unknown_paths_are_in_the_envelope(api: APIClient) -> None:
    answer = api.get("/v1/nothing/here")
    assert answer.status_code == 404 and answer.json()["error"]["message"]


def test_names_with_nul_are_just_not_there(api: APIClient) -> None:
    assert api.get("/v1/algorithms/de%00mo/Hello").status_code == 404
    assert api.get("/v1/algorithms/demo/Hel%00lo").status_code == 404
