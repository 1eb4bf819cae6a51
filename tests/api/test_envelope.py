"""Every refusal below /v1 has the same form, wherever it comes from (spec.md 11.1)."""

from typing import Any
from uuid import UUID

import orjson
import pytest
from django.test import Client
from rest_framework.test import APIClient

from algoport.accounts.models import User
from algorithms.environments import selectors
from algorithms.errors import NoSuchAlgorithm
from tests.factories.algorithms import make_algorithm


def check_envelope(answer: Any, status: int, code: int) -> None:
    assert answer.status_code == status, answer.content
    assert answer["content-type"] == "application/json"
    body = orjson.loads(answer.content)
    assert list(body) == ["error", "id", "code", "message"]
    assert list(body["error"]) == ["id", "code", "message"]
    assert {key: body[key] for key in body["error"]} == body["error"]
    assert UUID(body["id"]) and body["code"] == code and body["message"]


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v1", 404, 6001),
        ("GET", "/v1/", 404, 6001),
        ("GET", "/v1/nothing/here", 404, 6001),
        ("POST", "/v1/nothing/here", 404, 6001),
        ("DELETE", "/v1/algorithms", 404, 6001),
        ("GET", "/v1/algorithms/a%0d%0ab/builds/x", 404, 6001),
        ("GET", "/v1/users/%00/connectors", 404, 3000),
        ("GET", "/v1/algorithms/demo/Missing/builds", 404, 1000),
        ("DELETE", "/v1/requests", 405, 6001),
        ("POST", "/v1/algorithms/demo", 400, 2013),
        ("GET", "/v1/requests?limit=0", 400, 5003),
        ("GET", "/v1/requests?marker=x", 400, 5002),
        ("GET", "/v1/users", 403, 2001),
    ],
)
def test_refusal(api: APIClient, method: str, path: str, status: int, code: int) -> None:
    answer = api.generic(method, path, b"{not json", content_type="application/json")
    check_envelope(answer, status, code)
    if status == 405:
        assert "GET" in answer["allow"]


@pytest.mark.parametrize(
    "path",
    ["/v1/nothing", "/v1/algorithms/demo/Missing/builds", "/v1/users", "/v1/requests?limit=x"],
)
def test_refusal_of_head_is_told_in_a_header(api: APIClient, path: str) -> None:
    answer = api.head(path)
    assert answer.status_code >= 400
    assert answer["x-error-message"]


def test_missing_algorithm_is_a_bare_text(api: APIClient) -> None:
    answer = api.get("/v1/algorithms/demo/Missing")
    assert answer.status_code == 404
    assert answer.content == b'{"error":"No such algorithm"}'
    assert api.head("/v1/algorithms/demo/Missing")["x-error-message"] == NoSuchAlgorithm.message


def test_a_form_is_not_asked_for_a_token(demo: User) -> None:
    browser = Client(enforce_csrf_checks=True)
    check_envelope(browser.post("/v1/nothing", {"a": "b"}), 404, 6001)


def test_too_many_fields_and_a_bad_host_are_requests_that_are_not_valid(api: APIClient) -> None:
    form = "&".join(f"f{number}=" for number in range(2000))
    answer = api.post("/v1/algorithms/demo", form, content_type="application/x-www-form-urlencoded")
    check_envelope(answer, 400, 2015)
    check_envelope(Client().get("/v1/requests", headers={"host": "a b"}), 400, 2015)
    assert Client().get("/", headers={"host": "a b"})["content-type"].startswith("text/html")


def test_failure_tells_nothing_but_its_id(
    api: APIClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> list[str]:
        raise RuntimeError("a secret")

    monkeypatch.setattr(selectors, "list_languages", fail)
    answer = api.get("/v1/algorithm-environments/edge/languages")
    check_envelope(answer, 500, 5001)
    assert b"secret" not in answer.content
    assert answer.json()["id"] in caplog.text


def test_the_first_member_that_is_wrong_is_named(api: APIClient) -> None:
    rule = {"allowed_methods": ["GET"], "allowed_origins": ["*"]}
    body = {"rules": [rule, 0, rule, {"allowed_methods": []}]}
    url = "/v1/users/demo/connectors/s3+lab/buckets/bucket/cors"
    check_envelope(api.put(url, body, format="json"), 400, 6001)


def test_a_boolean_that_is_none_is_refused(api: APIClient, demo: User) -> None:
    make_algorithm(demo)
    versions = "/v1/algorithms/demo/Hello/versions"
    for word in ("true", "FALSE", "1", ""):
        assert api.get(f"{versions}?published={word}").status_code == 200
    check_envelope(api.get(f"{versions}?published=perhaps"), 400, 6001)


def test_options_tell_the_methods_and_nothing_else(api: APIClient) -> None:
    answer = api.options("/v1/requests")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer["allow"] == "GET, HEAD, OPTIONS"
