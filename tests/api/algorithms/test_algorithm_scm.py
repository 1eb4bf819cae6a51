"""The host of an algorithm's repository: chosen at creation, shown, asked for its health."""

import shutil
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from algoport.accounts.models import User
from algorithms.models import Algorithm
from algorithms.repository_host import AlgorithmRepositories
from scm.errors import NotOnInternalScm
from scm.models import ScmConfiguration
from scm.repositories import repository_path
from tests.factories.accounts import make_principal
from tests.factories.algorithms import SETTINGS, make_algorithm, make_version
from tests.factories.scm import GITHUB

pytestmark = pytest.mark.django_db

GITHUB_EVENT = {"X-GitHub-Event": "push", "X-Hub-Signature": "sha1=00"}


@pytest.fixture
def github(administrator: APIClient) -> ScmConfiguration:
    assert administrator.post("/v1/admin/scms", GITHUB, format="json").status_code == 201
    return ScmConfiguration.objects.get(pk="github")


def create(api: APIClient, **source: Any) -> Any:
    body = {"name": "Hello", "details": {"label": "x"}, "settings": SETTINGS, "source": source}
    return api.post("/v1/algorithms/demo", body, format="json")


def code(answer: Any) -> tuple[int, int]:
    return answer.status_code, answer.json()["error"]["code"]


@pytest.mark.parametrize(
    "source", [{}, {"scm": "internal"}, {"scm": {"id": "internal"}}, {"scm": None}, {"scm": ""}]
)
def test_on_the_internal_one(api: APIClient, source: dict[str, Any]) -> None:
    answer = create(api, **source)
    assert answer.status_code == 201
    assert answer.json()["source"]["scm"]["id"] == "internal"


def test_refused_hosts_make_nothing(
    api: APIClient, github: ScmConfiguration, administrator: APIClient
) -> None:
    assert code(create(api, scm="nowhere")) == (404, 4009)
    assert code(create(api, scm={"id": 1.5})) == (400, 6001)
    assert code(create(api, scm={})) == (400, 6001)
    assert code(create(api, scm="bad\x00")) == (400, 6001)
    assert code(create(api, scm="github")) == (400, 4080)
    administrator.post("/v1/admin/scms/github/default")
    assert code(create(api)) == (400, 4080)
    administrator.post("/v1/admin/scms/internal/default")
    administrator.patch("/v1/admin/scms/github", {"enabled": False}, format="json")
    assert code(create(api, scm="github")) == (400, 4042)
    cloud = {"id": "cloud", "provider": "bitbucket-cloud"}
    assert administrator.post("/v1/admin/scms", GITHUB | cloud, "json").status_code == 201
    assert code(create(api, scm="cloud")) == (501, 5005)
    assert not Algorithm.objects.exists()


def test_bodies_show_the_host_as_it_is_now(
    api: APIClient, demo: User, github: ScmConfiguration, administrator: APIClient
) -> None:
    algorithm = make_algorithm(demo)
    make_version(algorithm)
    administrator.post("/v1/admin/scms/github/default")
    base = "/v1/algorithms/demo/Hello"
    internal = {"id": "internal", "provider": "internal", "default": False, "enabled": True}
    assert api.get(base).json()["source"] == {"scm": internal}
    assert api.get(f"{base}/versions").json()["results"][0]["source"] == {"scm": internal}
    Algorithm.objects.update(scm=github)
    assert api.get(base).json()["source"]["scm"]["oauth"] == {"client_id": "89fsdy7"}


def test_the_host_costs_no_queries(api: APIClient, demo: User) -> None:
    algorithm = make_algorithm(demo)
    counts = []
    for _ in range(2):
        for _ in range(3):
            make_version(algorithm)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            api.get("/v1/algorithms/demo/Hello/versions")
        assert not any('FROM "scm_' in query["sql"] for query in queries.captured_queries)
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_status(api: APIClient, demo: User) -> None:
    algorithm = make_algorithm(demo)
    url = "/v1/algorithms/demo/Hello/scm/status"
    assert api.get(url).json() == {"scm_connection_status": "active"}
    shutil.rmtree(repository_path(algorithm.id))
    assert api.get(url).json() == {"scm_connection_status": "provider_internal_error"}


def test_only_internal_repositories_are_pushed_to(
    demo: User, python_environment: object, github: ScmConfiguration
) -> None:
    make_algorithm(demo)
    host, principal = AlgorithmRepositories(), make_principal(demo)
    assert host.authorize(principal, "demo", "Hello", write=True)
    Algorithm.objects.update(scm=github)
    assert host.authorize(principal, "demo", "Hello", write=False)
    with pytest.raises(NotOnInternalScm) as refused:
        host.authorize(principal, "demo", "Hello", write=True)
    assert refused.value.code == 4011


def test_the_internal_host_has_no_webhooks(
    api: APIClient, demo: User, api_of: Callable[..., APIClient], make_user: Callable[[str], User]
) -> None:
    algorithm = make_algorithm(demo)
    stranger = api_of(make_user("stranger"))
    for path in ("demo/Hello", str(algorithm.id)):
        url = f"/v1/algorithms/{path}/scm/webhook"
        for headers in (GITHUB_EVENT, {"X-Gitlab-Event": "Push"}, {"X-Event-Key": "repo:push"}):
            answer = api.post(url, {"ref": "x"}, format="json", headers=headers)
            assert code(answer) == (400, 4012)
            answer = APIClient().post(url, {"ref": "x"}, format="json", headers=headers)
            assert code(answer) == (400, 4070)
        answer = stranger.post(url, {"ref": "x"}, format="json", headers=GITHUB_EVENT)
        assert answer.status_code == 404


def test_without_a_key_no_name_is_found_out(api: APIClient, demo: User) -> None:
    make_algorithm(demo)
    anonymous = APIClient()
    answers = [
        anonymous.post(f"/v1/algorithms/{path}/scm/webhook", {"a": 1}, "json", headers=GITHUB_EVENT)
        for path in ("demo/Hello", "demo/Nothing", "no/body", str(uuid.uuid4()))
    ]
    assert {code(answer) for answer in answers} == {(400, 4070)}
    assert len({answer.json()["message"] for answer in answers}) == 1


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b'{"ref":"x"}', {}),
        (b'{"ref":"x"}', {"X-GitHub-Event": "push"}),
        (b"{", GITHUB_EVENT),
        (b"[]", GITHUB_EVENT),
        (b"", GITHUB_EVENT),
        (b"\xff\xfe", GITHUB_EVENT),
    ],
)
def test_malformed_webhooks(
    api: APIClient, demo: User, body: bytes, headers: dict[str, str]
) -> None:
    make_algorithm(demo)
    url = "/v1/algorithms/demo/Hello/scm/webhook"
    answer = api.post(url, body, content_type="application/json", headers=headers)
    assert code(answer) == (400, 4070)
