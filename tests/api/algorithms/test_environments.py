"""Languages, environments and templates."""

import io
import json
import tarfile
import uuid
from typing import Any

import pytest
from rest_framework.test import APIClient

from algoport.accounts.authentication import principal_of_user
from algoport.accounts.models import User
from algoport.audit.models import AuditEntry
from algorithms.environments.languages import language_of
from algorithms.models import Algorithm, Environment
from algorithms.selectors import resolve_call
from algorithms.services import request_build
from tests.factories.algorithms import SETTINGS, make_algorithm, make_version

pytestmark = pytest.mark.django_db
EDGE = "/v1/algorithm-environments/edge"


def test_languages_and_environments(api: APIClient) -> None:
    (language,) = api.get(f"{EDGE}/languages").json()
    assert language["name"] == "python3-1"
    assert json.loads(language["configuration"])["req_files"] == ["requirements.txt"]
    (environment,) = api.get(f"{EDGE}/languages/python3-1/environments").json()["environments"]
    assert environment["machine_type"] == "CPU"
    assert environment["display_name"] == "Python 3.11"


@pytest.mark.parametrize(("language", "code"), [("java", 4002), ("cobol", 4001), ("x%00", 4001)])
def test_other_languages(api: APIClient, language: str, code: int) -> None:
    assert api.get(f"{EDGE}/languages/{language}/environments").json()["code"] == code


def test_template_needs_no_key(api: APIClient) -> None:
    (environment,) = api.get(f"{EDGE}/languages/python3-1/environments").json()["environments"]
    specification = environment["environment_specification_id"]
    answer = APIClient().get(f"{EDGE}/environment-specifications/{specification}/template")
    assert answer.status_code == 200
    with tarfile.open(fileobj=io.BytesIO(answer.content), mode="r:gz") as archive:
        names = archive.getnames()
    assert {"requirements.txt", "algorithmia.conf", "src/__ALGO__.py"} <= set(names)
    missing = APIClient().get(f"{EDGE}/environment-specifications/nothing/template")
    assert missing.status_code == 404 and missing.json()["code"] == 1003


def test_python_by_the_name_of_either_generation(api: APIClient) -> None:
    (environment,) = api.get(f"{EDGE}/languages/python3/environments").json()["environments"]
    assert [environment] == api.get(f"{EDGE}/languages/python3-1/environments").json()[
        "environments"
    ]
    (language,) = api.get(f"{EDGE}/languages").json()
    assert environment["language"] == language


@pytest.fixture
def specification(api: APIClient) -> str:
    (environment,) = api.get(f"{EDGE}/languages/python3-1/environments").json()["environments"]
    identifier: str = environment["environment_specification_id"]
    return identifier


def create(api: APIClient, name: str, **settings: str) -> Any:
    given = {**SETTINGS, **settings}
    if settings:
        del given["language"], given["environment"]
    body = {"name": name, "details": {"label": name}, "settings": given}
    return api.post("/v1/algorithms/demo", body, format="json")


def test_a_disabled_environment_takes_no_new_algorithms(
    api: APIClient, administrator: APIClient, demo: User, specification: str
) -> None:
    version = make_version(make_algorithm(demo, "Old"))
    one = f"{EDGE}/environment-specifications/{specification}"
    for _ in range(2):
        assert administrator.delete(one).status_code == 204
    (available,) = administrator.get(f"{EDGE}/environments/available").json()["environments"]
    assert available["id"] == specification and available["enabled"] is False
    assert api.get(f"{EDGE}/languages").json() == []
    assert api.get(f"{EDGE}/languages/python3-1/environments").json()["code"] == 4002
    for number, settings in enumerate(
        ({}, {"package_set": "python311"}, {"algorithm_environment": specification})
    ):
        refused = create(api, f"New{number}", **settings)
        assert (refused.status_code, refused.json()["code"]) == (403, 1003)
    assert Algorithm.objects.count() == 1
    # What there is goes on, and may say again what it has.
    kept = {"settings": {"algorithm_environment": specification}}
    changed = api.put("/v1/algorithms/demo/Old", kept, format="json")
    assert changed.status_code == 200, changed.content
    assert APIClient().get(f"{one}/template").status_code == 200
    principal = principal_of_user(demo)
    assert resolve_call(principal, "demo", "Old", "0.1.0").build_id == version.build_id
    assert request_build(algorithm=version.algorithm, commit_sha="a" * 40).pk

    enabled = administrator.post(f"{one}/syncs")
    assert enabled.status_code == 200 and enabled.json()["enabled"] is True
    assert create(api, "New").status_code == 201
    entries = AuditEntry.objects.filter(action__startswith="environment.").order_by("number")
    acts = list(entries.values_list("action", "target_name"))
    assert acts == [
        ("environment.disable", "Python 3.11"),
        ("environment.enable", "Python 3.11"),
    ]


def test_environments_are_switched_by_administrators(
    api: APIClient, administrator: APIClient, specification: str
) -> None:
    specifications = f"{EDGE}/environment-specifications"
    for client, status in ((api, 403), (APIClient(), 401)):
        assert client.get(f"{EDGE}/environments/available").status_code == status
        assert client.post(f"{specifications}/{specification}/syncs").status_code == status
        assert client.delete(f"{specifications}/{specification}").status_code == status
    for wrong in ("nothing", str(uuid.uuid4()), "x%00"):
        assert administrator.delete(f"{specifications}/{wrong}").json()["code"] == 1003
        assert administrator.post(f"{specifications}/{wrong}/syncs").json()["code"] == 1003
    assert len(api.get(f"{EDGE}/languages").json()) == 1


def test_every_environment_has_a_language_to_tell_of(python_environment: Environment) -> None:
    for environment in Environment.objects.all():
        assert language_of(environment.language).requirement_files
