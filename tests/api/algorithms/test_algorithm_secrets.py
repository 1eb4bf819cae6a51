"""Secrets of algorithms and their providers under /v1."""

import logging
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings
from rest_framework.test import APIClient

from algoport.accounts.models import User
from algoport.accounts.permissions import Scopes
from algoport.accounts.services import create_user
from algoport.audit.models import AuditEntry
from algoport.logs import LineFormatter
from algorithms.constants import MOST_SECRETS, SECRET_VALUE_BYTES
from algorithms.errors import SecretsNotReadable
from algorithms.models import Algorithm, AlgorithmSecret
from algorithms.secrets.delivery import hide_secrets, secret_environ
from tests.factories.accounts import administrator_client
from tests.factories.algorithms import make_algorithm, make_version

pytestmark = pytest.mark.django_db

CANARY = "value-canary-0001"
# The id that clients find at the head of the list.
INTERNAL = "0d2f6a3c-8e0b-4a55-9c1e-6f3f1f0b7c21"
PROVIDERS = "/v1/secret-provider"
ADMIN = "/v1/admin/secret-provider"


@pytest.fixture
def algorithm(api: APIClient, demo: User) -> Algorithm:
    return make_algorithm(demo)


@pytest.fixture
def url(algorithm: Algorithm) -> str:
    return f"/v1/algorithms/{algorithm.pk}/secrets"


def body(algorithm: Algorithm, **fields: Any) -> dict[str, Any]:
    """As the Python client sends it."""
    given = {
        "owner_type": "algorithm",
        "owner_id": str(algorithm.pk),
        "short_name": "token",
        "provider_id": INTERNAL,
        "secret_key": "API_TOKEN",
        "secret_value": CANARY,
        "description": " ",
    }
    return {name: value for name, value in (given | fields).items() if value is not None}


def mark_of(algorithm: Algorithm) -> str:
    algorithm.refresh_from_db()
    return algorithm.secrets_mark


def test_set_list_change_and_delete(api: APIClient, algorithm: Algorithm, url: str) -> None:
    marks = [mark_of(algorithm)]
    made = api.post(url, body(algorithm), format="json")
    assert made.status_code == 200
    secret = made.json()
    assert secret == {
        "id": secret["id"],
        "short_name": "token",
        "description": "",
        "secret_key": "API_TOKEN",
        "owner_type": "algorithm",
        "owner_id": str(algorithm.pk),
        "provider_id": INTERNAL,
        "created": secret["created"],
        "modified": secret["modified"],
    }
    marks.append(mark_of(algorithm))
    assert secret_environ(algorithm.pk) == {"API_TOKEN": CANARY}
    assert api.get(url).json() == {"results": [secret], "secrets": [secret]}
    assert api.get("/v1/algorithms/demo/Hello/secrets").json()["results"] == [secret]

    one = f"{url}/{secret['id']}"
    renamed = api.put(one, {"short_name": "key", "description": "of a service"}, format="json")
    assert renamed.status_code == 200
    assert renamed.json()["short_name"] == "key" and renamed.json()["description"] == "of a service"
    # Runners that have this value are right still.
    assert mark_of(algorithm) == marks[-1]
    changed = {"short_name": "key", "secret_key": "API_TOKEN", "secret_value": " new\nvalue "}
    assert api.put(one, changed, format="json").status_code == 200
    assert secret_environ(algorithm.pk) == {"API_TOKEN": " new\nvalue "}
    marks.append(mark_of(algorithm))

    assert api.delete(one).status_code == 204
    marks.append(mark_of(algorithm))
    assert secret_environ(algorithm.pk) == {} and api.get(url).json()["results"] == []
    assert len(set(marks)) == 4 and marks[0] == ""
    assert api.delete(one).json()["code"] == 8008
    trail = list(AuditEntry.objects.filter(action__startswith="secret.").order_by("number"))
    acts = ["secret.create", "secret.update", "secret.update", "secret.delete"]
    assert [entry.action for entry in trail] == acts
    assert {entry.target_name for entry in trail} == {"API_TOKEN"}
    assert {entry.owner_id for entry in trail} == {algorithm.owner_id}
    assert trail[2].changes["fields"]["value"] == "hidden"


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({"secret_value": None}, 400, 8004),
        ({"secret_value": ""}, 400, 8004),
        ({"secret_value": {"a": CANARY}}, 400, 8000),
        ({"secret_value": f"{CANARY}\x00"}, 400, 8000),
        ({"secret_value": CANARY * (SECRET_VALUE_BYTES // len(CANARY) + 1)}, 400, 8001),
        ({"short_name": ""}, 400, 8001),
        ({"short_name": None}, 400, 8001),
        ({"short_name": "x" * 201}, 400, 8001),
        ({"description": "x" * 2001}, 400, 8001),
        ({"secret_key": None}, 400, 8001),
        ({"secret_key": "1ST"}, 400, 8001),
        ({"secret_key": "WITH SPACE"}, 400, 8001),
        ({"secret_key": "LINE\n"}, 400, 8001),
        ({"secret_key": "\u00c4"}, 400, 8001),
        ({"secret_key": "A" * 129}, 400, 8001),
        ({"secret_key": "Path"}, 400, 8001),
        ({"secret_key": "PYTHONPATH"}, 400, 8001),
        ({"secret_key": "LD_PRELOAD"}, 400, 8001),
        ({"secret_key": "ALGORITHMIA_API"}, 400, 8001),
        ({"secret_key": "ALGORITHM_NAME"}, 400, 8001),
        ({"secret_key": "https_proxy"}, 400, 8001),
        ({"owner_type": "user"}, 400, 8001),
        ({"owner_id": str(uuid.uuid4())}, 400, 8001),
        ({"provider_id": str(uuid.uuid4())}, 404, 8006),
        ({"provider_id": "nothing"}, 404, 8006),
    ],
)
def test_what_is_refused(
    api: APIClient, algorithm: Algorithm, url: str, fields: dict[str, Any], status: int, code: int
) -> None:
    answer = api.post(url, body(algorithm, **fields), format="json")
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert CANARY not in answer.content.decode()
    assert not AlgorithmSecret.objects.exists() and mark_of(algorithm) == ""


@pytest.mark.parametrize("sent", ["[]", '"text"', "1"])
def test_bodies_that_are_no_objects(api: APIClient, url: str, sent: str) -> None:
    answer = api.post(url, sent, content_type="application/json")
    assert answer.status_code == 400 and answer.json()["code"] == 8000


def test_a_variable_is_set_once_and_never_renamed(
    api: APIClient, algorithm: Algorithm, url: str
) -> None:
    secret = api.post(url, body(algorithm), format="json").json()
    again = api.post(url, body(algorithm, short_name="other"), format="json")
    assert again.status_code == 409 and again.json()["code"] == 8001
    # Case makes another variable, as it does for programs.
    assert api.post(url, body(algorithm, secret_key="api_token"), format="json").status_code == 200
    one = f"{url}/{secret['id']}"
    for change, code in (
        ({"secret_key": "OTHER"}, 8007),
        ({"secret_value": ""}, 8001),
        ({"short_name": ""}, 8001),
        ({"owner_id": str(uuid.uuid4())}, 8001),
        ({"secret_value": ["x"]}, 8000),
    ):
        answer = api.put(one, change, format="json")
        assert answer.status_code == 400 and answer.json()["code"] == code
    assert secret_environ(algorithm.pk)["API_TOKEN"] == CANARY


def test_there_is_a_limit(api: APIClient, algorithm: Algorithm, url: str) -> None:
    for number in range(MOST_SECRETS):
        given = body(algorithm, secret_key=f"KEY_{number}")
        assert api.post(url, given, format="json").status_code == 200
    refused = api.post(url, body(algorithm), format="json")
    assert refused.status_code == 400 and str(MOST_SECRETS) in refused.json()["message"]
    with CaptureQueriesContext(connection) as captured:
        assert len(api.get(url).json()["results"]) == MOST_SECRETS
    assert len(captured) <= 4


def test_who_may(
    api: APIClient,
    api_of: Callable[..., APIClient],
    make_user: Callable[[str], User],
    demo: User,
    algorithm: Algorithm,
    url: str,
) -> None:
    secret = api.post(url, body(algorithm), format="json").json()
    guest = make_user("guest")
    unmanaging = Scopes(("algo://*",), False, True, True, "", True, True)
    other = make_algorithm(guest, "Other")
    cases = [
        (APIClient(), 401, 2002),
        (api_of(guest), 404, 1009),
        (api_of(demo, unmanaging), 403, 2001),
    ]
    make_version(other)
    for client, status, code in cases:
        for answer in (
            client.get(url),
            client.post(url, body(algorithm, secret_key="B"), format="json"),
            client.put(f"{url}/{secret['id']}", {"secret_value": "x"}, format="json"),
            client.delete(f"{url}/{secret['id']}"),
        ):
            assert (answer.status_code, answer.json()["code"]) == (status, code)
    # Public: others see that it is there, and nothing of its secrets.
    assert api.get(f"/v1/algorithms/{other.pk}/secrets").json()["code"] == 2001
    # A secret of one algorithm is not found by way of another.
    mine = make_algorithm(demo, "Mine")
    elsewhere = f"/v1/algorithms/{mine.pk}/secrets/{secret['id']}"
    assert api.delete(elsewhere).json()["code"] == 8008
    assert secret_environ(algorithm.pk) == {"API_TOKEN": CANARY} and secret_environ(mine.pk) == {}


def test_values_show_nowhere(
    api: APIClient, algorithm: Algorithm, url: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    shown = [api.post(url, body(algorithm), format="json").content.decode()]
    secret = AlgorithmSecret.objects.get()
    shown.append(api.get(url).content.decode())
    one = f"{url}/{secret.pk}"
    shown.append(api.put(one, {"secret_value": CANARY + "2"}, format="json").content.decode())
    staff = Client()
    staff.force_login(create_user(username="root", email="root@example.com", staff=True))
    for page in ("", f"{secret.pk}/change/"):
        answer = staff.get(f"/admin/algorithms/algorithmsecret/{page}")
        assert answer.status_code == 200
        shown.append(answer.content.decode())
    assert "API_TOKEN" in shown[-1]
    shown += [LineFormatter().format(record) for record in caplog.records]
    with connection.cursor() as cursor:
        for table in ("algorithms_algorithmsecret", "audit_auditentry"):
            cursor.execute(f"SELECT row::text FROM {table} row")
            shown += [line for (line,) in cursor.fetchall()]
    for text in shown:
        assert CANARY not in text


def test_they_outlive_a_change_of_keys(
    api: APIClient, algorithm: Algorithm, url: str, settings: Settings
) -> None:
    api.post(url, body(algorithm), format="json")
    mark = mark_of(algorithm)
    settings.ENCRYPTION_KEYS = ("1" * 32,)
    call_command("encrypt_again", verbosity=0)
    settings.SECRET_KEY = "another" * 10
    assert secret_environ(algorithm.pk) == {"API_TOKEN": CANARY} and mark_of(algorithm) == mark
    settings.ENCRYPTION_KEYS = ("2" * 32,)
    with pytest.raises(SecretsNotReadable) as caught:
        secret_environ(algorithm.pk)
    assert (caught.value.code, caught.value.status) == (8009, 500)
    with pytest.raises(CommandError, match="API_TOKEN of demo/Hello"):
        call_command("encrypt_again", verbosity=0)


def test_deleting_the_algorithm_deletes_them(
    api: APIClient, algorithm: Algorithm, url: str
) -> None:
    api.post(url, body(algorithm), format="json")
    assert api.delete("/v1/algorithms/demo/Hello").status_code == 204
    assert not AlgorithmSecret.objects.exists()


def test_logs_do_not_show_them() -> None:
    environ = {"A": "secret-one", "B": "secret-one-longer", "C": "no", "D": "first line\nsecond\n"}
    output = b"secret-one-longer no secret-one first line second"
    assert hide_secrets(output, environ) == b"[secret] no [secret] [secret] [secret]"


def test_the_internal_provider(api: APIClient, administrator: APIClient) -> None:
    (provider,) = api.get(PROVIDERS).json()
    assert provider["id"] == INTERNAL
    assert provider["name"] == "algorithmia_internal_secret_provider"
    assert provider["isDefault"] is provider["isEnabled"] is True
    assert administrator.get(ADMIN).json() == [provider]
    one = f"{ADMIN}/{provider['id']}"
    assert administrator.get(one).json() == provider
    for answer in (
        administrator.post(one, {"name": "x"}, format="json"),
        administrator.delete(one),
    ):
        assert answer.status_code == 403 and answer.json()["code"] == 8005
    missing = f"{ADMIN}/{uuid.uuid4()}"
    for answer in (
        administrator.get(missing),
        administrator.post(missing, {}, format="json"),
        administrator.delete(f"{ADMIN}/x%00y"),
    ):
        assert answer.status_code == 404 and answer.json()["code"] == 8006


def test_providers_that_are_plugins(administrator: APIClient) -> None:
    plugin = f"/v1/admin/plugins/secret-provider/{INTERNAL}"
    for answer in (
        administrator.post(ADMIN, {"name": "vault"}, format="json"),
        administrator.get(plugin),
        administrator.post(plugin),
        administrator.post(f"{plugin}/default"),
    ):
        assert answer.status_code == 501 and answer.json()["code"] == 5005


def test_providers_are_administered_by_administrators(api: APIClient, make_user: Any) -> None:
    assert APIClient().get(PROVIDERS).status_code == 401
    assert administrator_client(make_user("boss")).get(PROVIDERS).status_code == 200
    for path in (ADMIN, f"{ADMIN}/{INTERNAL}"):
        assert api.get(path).json()["code"] == 2001
        assert APIClient().get(path).status_code == 401
    assert api.post(ADMIN, {}, format="json").json()["code"] == 2001
