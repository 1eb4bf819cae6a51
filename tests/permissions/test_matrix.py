"""Who may do what: every operation, by everybody, on a tenant's objects and on another's.

`matrix.txt` is the declared table. A line is an operation; then the statuses that it is answered
with for the roles in the order of ROLES, first on objects of the owner's organization, then on
those of another tenant. The test of a line that differs says what the line would be.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.urls import URLResolver, get_resolver
from drf_spectacular.generators import SchemaGenerator

from algoport.accounts.constants import KeyType
from algoport.accounts.permissions import Scopes
from algorithms.api.explaining.answers import explain
from algorithms.api.explaining.routes import GUARDS
from dataportal.constants import ReadAcl
from tests.factories.algorithms import make_version
from tests.permissions.door import Door, agree
from tests.permissions.operations import Operation, operations
from tests.permissions.world import (
    EVERYWHERE,
    Asker,
    World,
    asker,
    new_algorithm,
    new_collection,
    new_connector,
    new_organization,
    new_request,
    new_user,
    revoked,
)

ROLES = (
    "anonymous",
    "stranger",
    "member",
    "owner",
    "admin key",
    "read-only key",
    "wrong-scope key",
    "revoked key",
)
READ_ONLY = Scopes(("algo://*",), False, True, False, "", True, False)
WRONG_SCOPE = Scopes(("algo://other/*",))
SHARES = 4
TABLE = Path(__file__).with_name("matrix.txt")
OPERATIONS = {operation.name: operation for operation in operations()}


def declared() -> dict[str, str]:
    lines = [line for line in TABLE.read_text().splitlines() if line and line[0] != "#"]
    return {line.partition("  ")[0]: " ".join(line.split()) for line in lines}


def line_of(operation: Operation, answers: dict[str, list[int]]) -> str:
    cells = "  ".join(f"{whose}: {' '.join(map(str, answers[whose]))}" for whose in answers)
    return f"{operation.name}  {cells}"


def matrix_world() -> tuple[list[Asker], dict[str, dict[str, str]]]:
    """Everybody in the order of ROLES, and the parts of paths to both tenants' objects."""
    own, other = World(), World()
    owner, member = new_user(own, "owner"), new_user(own, "member")
    stranger = new_user(World(), "stranger")
    staff = new_user(World(), "staff", staff=True)
    team = new_organization(own, "team", owner, member)
    rival = new_user(other, "rival")
    rivals = new_organization(other, "rivals", rival)
    for world, account, person in ((own, team, owner), (other, rivals, rival)):
        algorithm = new_algorithm(world, account, "Tool")
        make_version(algorithm, "private")
        new_collection(world, account, "set", ReadAcl.PRIVATE)
        new_connector(world, person, f"lab{person.username}", "allowed/*", writeable=True)
        new_request(world, person, algorithm)
    askers = [
        Asker("anonymous"),
        asker(stranger, "stranger"),
        asker(member, "member"),
        asker(owner, "owner"),
        asker(staff, "admin key", key_type=KeyType.ADMIN),
        asker(owner, "read-only key", READ_ONLY),
        asker(owner, "wrong-scope key", WRONG_SCOPE),
        revoked(owner, "revoked key"),
    ]
    assert [each.name for each in askers] == list(ROLES)
    return askers, {"own": _parts(own), "other": _parts(other)}


def _parts(world: World) -> dict[str, str]:
    parts = EVERYWHERE | {"bucket": "allowed", "place": "allowed/object"}
    for kind in (world.accounts, world.organizations, world.algorithms, world.collections):
        parts |= kind[0]
    return parts | world.connectors[0] | world.requests[0]


@pytest.mark.parametrize("share", range(SHARES))
def test_operations_are_answered_as_declared(share: int, door: Door) -> None:
    askers, tenants = matrix_world()
    found, table = {}, declared()
    for name in list(OPERATIONS)[share::SHARES]:
        operation = OPERATIONS[name]
        answers: dict[str, list[int]] = {}
        for whose, parts in tenants.items():
            method, target, body = operation.request(parts)
            answers[whose] = [door.status(each.secret, method, target, body) for each in askers]
            for each, status in zip(askers, answers[whose], strict=True):
                if each.principal is not None or each.secret is None:
                    path = target.partition("?")[0]
                    explained = explain(each.principal, method, path, operation.options)
                    assert agree(explained, status), (name, whose, each.name, status, explained)
        line = line_of(operation, answers)
        if table.get(name) != " ".join(line.split()):
            found[name] = line
    assert not found, "\n".join(["the table should say:", *found.values()])


def test_table_declares_every_operation_and_no_other() -> None:
    assert set(declared()) == set(OPERATIONS)


def test_every_route_says_what_it_asks() -> None:
    """A route that `GUARDS` does not know could not be explained."""
    answered = {}
    for route, view in routes():
        named = view.initkwargs.get("http_method_names") or view.view_class.http_method_names
        methods = ("get", "post", "put", "patch", "delete")
        answered[route] = {
            each for each in methods if each in named and hasattr(view.view_class, each)
        }
    assert answered == {route: set(methods) for route, methods in GUARDS.items()}


def test_every_described_operation_is_declared() -> None:
    described = SchemaGenerator().get_schema(request=None, public=True)["paths"]
    known = {_shape(operation.method, f"/v1/{operation.target}") for operation in operations()}
    for path, methods in described.items():
        for method in set(methods) & {"get", "head", "post", "put", "patch", "delete"}:
            assert _shape(method, path) in known, f"{method} {path}"


def _shape(method: str, target: str) -> tuple[str, str]:
    return method.upper(), re.sub(r"{\w+}", "{}", target.partition("?")[0]).rstrip("/")


def routes(resolver: URLResolver | None = None, before: str = "") -> Iterator[tuple[str, Any]]:
    """The routes below /v1 that have a view of their own."""
    for pattern in (resolver or get_resolver()).url_patterns:
        route = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from routes(pattern, route)
        elif route.startswith("v1/") and hasattr(pattern.callback, "view_class"):
            yield route.removeprefix("v1/"), pattern.callback
