"""The description of /v1 that the platform serves, and the page to read it."""

import re
from typing import Any

import orjson
import pytest
import yaml
from django.contrib.staticfiles import finders
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.validation import validate_schema

from algoport.api.unbuilt import UnbuiltView

OPERATION_KEYS = {"get", "head", "put", "post", "patch", "delete", "options"}


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    GENERATOR_STATS.reset()
    made: dict[str, Any] = SchemaGenerator().get_schema(public=True)
    complaints = [*GENERATOR_STATS._warn_cache, *GENERATOR_STATS._error_cache]
    assert not complaints, "\n".join(complaints)
    return made


def operations(described: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [
        (f"{method.upper()} {path}", operation)
        for path, item in described["paths"].items()
        for method, operation in item.items()
        if method in OPERATION_KEYS
    ]


def test_it_is_valid_and_complete_in_itself(described: dict[str, Any]) -> None:
    validate_schema(orjson.loads(orjson.dumps(described, default=str)))


def test_every_operation_says_what_it_is(described: dict[str, Any]) -> None:
    ids = [operation["operationId"] for _, operation in operations(described)]
    assert len(set(ids)) == len(ids)
    for name, operation in operations(described):
        assert operation.get("summary"), f"{name}: its method has no docstring"
        assert operation["tags"], name
        assert "503" in operation["responses"], name


def test_every_operation_but_those_for_all_wants_a_key(described: dict[str, Any]) -> None:
    open_to_all = {
        name
        for name, operation in operations(described)
        if not operation.get("security") or {} in operation["security"]
    }
    template = "environment-specifications/{specification_id}/template"
    assert open_to_all == {
        "GET /v1/openapispec",
        "GET /v1/explain",
        "GET /v1/config/favicon",
        "GET /v1/config/logo",
        f"GET /v1/algorithm-environments/edge/{template}",
        # Hosts sign their events; they have no key.
        "POST /v1/algorithms/{algorithm_id}/scm/webhook",
        "POST /v1/algorithms/{owner}/{name}/scm/webhook",
    }


def test_every_route_below_v1_is_described(described: dict[str, Any]) -> None:
    paths = {re.sub(r"{\w+}", "{}", path) for path in described["paths"]}
    for route in routes(get_resolver().url_patterns):
        if route.startswith("v1/"):
            assert "/" + re.sub(r"<[^>]+>", "{}", route) in paths


def routes(patterns: list[Any], before: str = "") -> list[str]:
    found = []
    for each in patterns:
        if isinstance(each, URLResolver):
            found += routes(each.url_patterns, before + str(each.pattern))
        elif isinstance(each, URLPattern) and getattr(each.callback, "cls", None) != UnbuiltView:
            found.append(before + str(each.pattern))
    return found


def test_it_is_served_as_json_and_as_yaml(client: Client) -> None:
    as_json = client.get("/v1/openapispec")
    assert as_json["content-type"] == "application/json"
    assert as_json.json()["openapi"].startswith("3.")
    for as_yaml in (
        client.get("/v1/openapispec?format=yaml"),
        client.get("/v1/openapispec", headers={"accept": "application/yaml"}),
    ):
        assert as_yaml["content-type"] == "application/yaml"
        assert yaml.safe_load(as_yaml.content) == as_json.json()
    refused = client.get("/v1/openapispec?format=xml")
    assert refused.status_code == 400
    assert refused.json()["error"]["code"] == 6001


def test_the_page_has_everything_from_this_platform(client: Client) -> None:
    page = client.get("/developers/api")
    assert page.status_code == 200
    text = page.content.decode()
    assert "://" not in text
    assert "<style" not in text and "onclick" not in text
    assert not re.search(r"<script(?![^>]*\bsrc=)", text)
    assert "unsafe" not in page["content-security-policy"]
    for address in re.findall(r'(?:src|href)="/static/([^"]+)"', text):
        assert finders.find(address), address
