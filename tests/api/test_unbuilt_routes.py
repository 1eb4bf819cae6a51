"""What the protocol has and the platform does not is refused as such, to those who could use it."""

import re
from collections.abc import Callable
from uuid import UUID

import pytest
from rest_framework.test import APIClient

from algoport.accounts.models import User
from algoport.api.unbuilt import UNBUILT
from tests.compat.routes import Route, State, django_routes, protocol, state_of
from tests.factories.accounts import administrator_client

pytestmark = pytest.mark.django_db

ROUTES = [
    (method, "/v1/" + route, administered)
    for methods, route, administered in UNBUILT
    for method in methods.split()
]
PROTOCOL = {route.shape: route for route in protocol()}


@pytest.fixture
def administrator(make_user: Callable[[str], User]) -> APIClient:
    return administrator_client(make_user("admin"))


def target(route: str) -> str:
    return re.sub(r"<\w+:\w+>", "x1", re.sub(r"<uuid:\w+>", str(UUID(int=7)), route))


def ask(client: APIClient, method: str, route: str) -> tuple[int, int]:
    answer = getattr(client, method.lower())(target(route))
    return answer.status_code, answer.json()["error"]["code"]


@pytest.mark.parametrize(("method", "route", "administered"), ROUTES)
def test_unbuilt(
    api: APIClient, administrator: APIClient, method: str, route: str, administered: bool
) -> None:
    assert ask(APIClient(), method, route) == (401, 2002)
    assert ask(api, method, route) == ((403, 2001) if administered else (501, 5005))
    assert ask(administrator, method, route) == (501, 5005)


@pytest.mark.parametrize(("method", "route", "administered"), ROUTES)
def test_what_is_built_is_not_declared_as_unbuilt(
    method: str, route: str, administered: bool
) -> None:
    declared = Route(route, method)
    assert declared.shape not in django_routes(), "take it out of algoport.api.unbuilt"
    assert declared.shape in PROTOCOL, "the protocol has no such endpoint"
    assert state_of(PROTOCOL[declared.shape]) is State.UNBUILT


def test_another_method_of_an_unbuilt_path(api: APIClient) -> None:
    assert ask(api, "PUT", "/v1/insights") == (405, 6001)
    assert ask(api, "PATCH", "/v1/scms") == (405, 6001)


def test_paths_that_nobody_has_documented(api: APIClient) -> None:
    for path in ("/v1", "/v1/", "/v1/nothing", "/v1/registries/x/y", "/v1/users/a/b/c", "/v1/%00"):
        assert ask(api, "GET", path) == (404, 6001), path
