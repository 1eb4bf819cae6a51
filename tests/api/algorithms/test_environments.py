"""Languages, environments and templates."""

import io
import json
import tarfile

import pytest
from rest_framework.test import APIClient

pytestmark = pytest.mark.django_db
EDGE = "/v1/algorithm-environments/edge"


def test_languages_and_environments(api: APIClient) -> None:
    (language,) = api.get(f"{EDGE}/languages").json()
    assert language["name"] == "python3-1"
    assert json.loads(language["configuration"])["req_files"] == ["requirements.txt"]
    (environment,) = api.get(f"{EDGE}/languages/python3-1/environments").json()["environments"]
    assert environment["machine_type"] == "CPU"
    assert environment["display_name"] == "Python 3.11"


@pytest.mark.parametrize(("language", "code"), [("java", 4002), ("cobol", 4001)])
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
