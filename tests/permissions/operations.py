"""Every operation below /v1 as a request that is well formed, about objects of a world."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from algorithms.api.explaining.routes import GUARDS

_PART = re.compile(r"<\w+:(\w+)>")
# `name` is another thing in each of these.
_NAMES = {
    "organizations/": "organization",
    "organization/types/": "type",
    "admin/features/": "feature",
}
_SETTINGS = {
    "license": "apl",
    "network_access": "isolated",
    "pipeline_enabled": True,
    "source_visibility": "closed",
    "language": "python3-1",
    "environment": "cpu",
}
_ORGANIZATION = {
    "org_name": "fresh",
    "org_label": "fresh",
    "org_contact_name": "demo",
    "org_email": "info@example.com",
}
_KEY = {"key_label": "made", "key_type": "AlgorithmKey"}
_ALL_CONNECTORS = "users/<str:username>/connectors"
_ONE_CONNECTOR = f"{_ALL_CONNECTORS}/<str:connector_id>"

# What the operations are sent; those that are not here have no body.
BODIES: dict[tuple[str, str], dict[str, Any]] = {
    ("POST", "algorithms/<str:owner>"): {
        "name": "Fresh",
        "details": {"label": "Fresh"},
        "settings": _SETTINGS,
    },
    ("POST", "organizations"): _ORGANIZATION,
    ("PUT", "organizations/<str:name>"): _ORGANIZATION,
    ("POST", "organizations/<str:name>/keys"): _KEY,
    ("POST", "organizations/<str:name>/members/<str:username>/keys"): _KEY,
    ("POST", "organization/types"): {"name": "fresh"},
    ("POST", "users"): {"username": "fresh", "email": "fresh@example.com"},
    ("PUT", "users/<str:username>"): {"username": "{username}", "email": "{username}@example.com"},
    ("POST", "users/<str:username>/keys"): _KEY,
    ("POST", "admin/users/<str:username>/keys"): _KEY,
    ("POST", "admin/invites"): {"inviteCode": "fresh-code"},
    ("POST", "organizations/<str:name>/invitations"): {"email": "fresh@example.com"},
    ("PUT", "config/frontend/<str:keyname>"): {"keyname": "fresh", "value": "x"},
    **{
        ("POST", f"algorithms/{which}/secrets"): {
            "owner_type": "algorithm",
            "owner_id": "{algorithm_id}",
            "short_name": "fresh",
            "description": "fresh",
            "secret_key": "FRESH",
            "secret_value": "x",
        }
        for which in ("<str:owner>/<str:name>", "<uuid:algorithm_id>")
    },
    ("PUT", "admin/features/<str:name>"): {"enabled": True},
    ("POST", "admin/reservations"): {
        "username": "{owner}",
        "algoname": "{algorithm}",
        "calling_user": "{username}",
        "version_type": "latest_public",
        "num_slots": 1,
    },
    ("POST", _ALL_CONNECTORS): {
        "username": "{username}",
        "protocol": "s3",
        "label": "fresh",
        "cred_type": "iam",
        "cred_data": {"access_key_id": "demo", "secret_access_key": "demo"},
    },
    ("POST", "admin/scms"): {
        "id": "fresh",
        "provider": "github",
        "oauth": {"client_id": "demo", "client_secret": "demo"},
        "urls": {
            "api": "https://host.example/api",
            "ssh": "ssh://git@host.example",
            "web": "https://host.example",
        },
    },
    ("PATCH", "admin/scms/<str:scm_id>"): {"enabled": True},
    ("POST", "algorithms/<str:owner>/<str:name>/scm/webhook"): {"push": "x"},
    ("POST", "algorithms/<uuid:algorithm_id>/scm/webhook"): {"push": "x"},
    ("PATCH", _ONE_CONNECTOR): {"label": "other"},
    ("POST", f"{_ONE_CONNECTOR}/buckets"): {"name": "allowed"},
    ("PUT", f"{_ONE_CONNECTOR}/buckets/<str:bucket>/acl"): {"acl": "private"},
    ("PUT", f"{_ONE_CONNECTOR}/buckets/<str:bucket>/objects/acl"): {"acl": "private"},
    ("PUT", f"{_ONE_CONNECTOR}/buckets/<str:bucket>/cors"): {
        "rules": [{"allowed_methods": ["GET"], "allowed_origins": ["*"]}]
    },
}
QUERIES: dict[str, str] = {
    "organizations/<str:name>/members/<str:username>": "",
    f"{_ONE_CONNECTOR}/preview": "path=*",
    f"{_ONE_CONNECTOR}/buckets/<str:bucket>/objects/acl": "key=allowed/object",
    "users/<str:user_id>/notifications": "event_types=algorithm-release",
    "explain": "path=/v1/requests",
    **dict.fromkeys(
        ("admin/usage", "admin/usage/users", "admin/usage/algorithms"),
        "start_date=2026-01-01&end_date=2026-01-02&page_size=10",
    ),
}
_READS = ("GET", "HEAD")
_FILE_METHODS = (*_READS, "PUT", "DELETE")
# The planes, with the options of an explanation that say what a body says.
_PLANES: list[tuple[str, str, dict[str, Any] | None]] = [
    ("POST", "algo/{owner}/{algorithm}?output=void", None),
    ("POST", "algo/{owner}/{algorithm}/latestPrivate?output=void", None),
    ("POST", "algo/{owner}/{algorithm}/{git_hash}?output=void", None),
    ("POST", "algo/{algorithm_id}?output=void", None),
    ("POST", "web/algo/{owner}/{algorithm}?output=void", None),
    ("POST", "web/algo/{owner}/{algorithm}/{git_hash}?output=void", None),
    ("POST", "web/algo/{algorithm_id}?output=void", None),
    ("POST", "algo/{algorithm_id}/{git_hash}?output=void", None),
    *((method, "data/", None) for method in _READS),
    *((method, "data/{data_owner}", None) for method in _READS),
    ("POST", "data/{data_owner}", {"name": "fresh"}),
    *((method, "data/{data_owner}/{collection}", None) for method in (*_READS, "DELETE")),
    *(
        (method, "data/{data_owner}/{collection}", {"acl": {"read": []}})
        for method in ("POST", "PATCH")
    ),
    *((method, "data/{data_owner}/{collection}/{file}", None) for method in _FILE_METHODS),
    *((method, "data/.session", None) for method in _READS),
    *((method, "data/.session/{file}", None) for method in _FILE_METHODS),
    *((method, "data/.algo", None) for method in _READS),
    *((method, "data/.algo/{kind}", None) for method in _READS),
    *((method, "data/.algo/{kind}/{file}", None) for method in _FILE_METHODS),
    *((method, "data/.algo/{owner}/{algorithm}/{kind}", None) for method in _READS),
    *((method, "data/.algo/{owner}/{algorithm}/{kind}/{file}", None) for method in _FILE_METHODS),
    *((method, "connector/{connector_id}", None) for method in _READS),
    ("POST", "connector/{connector_id}", {"name": "allowed"}),
    *((method, "connector/{connector_id}/{place}", None) for method in _FILE_METHODS),
    ("PATCH", "connector/{connector_id}/{place}", {"acl": {"read": []}}),
    ("POST", "connector/{connector_id}/{place}", {"name": "made"}),
    ("DELETE", "connector/{connector_id}/{place}/", None),
]


@dataclass(frozen=True)
class Operation:
    """A method at a route; `{part}`s of its target and body are names of objects."""

    method: str
    target: str
    body: dict[str, Any] | None = None
    options: dict[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return f"{self.method} /v1/{self.target}"

    @property
    def ignores_keys(self) -> bool:
        return self.target == "openapispec"

    def request(self, parts: Mapping[str, str]) -> tuple[str, str, dict[str, Any] | None]:
        """Method, target and body."""
        body = None if self.body is None else _filled(self.body, parts)
        return self.method, f"/v1/{self.target.format_map(parts)}", body


def operations() -> Iterator[Operation]:
    for route, methods in GUARDS.items():
        for method in sorted(methods):
            yield _of_route(method.upper(), route)
    for method, target, body in _PLANES:
        yield Operation(method, target, body, _options(body))


def _of_route(method: str, route: str) -> Operation:
    name = next((_NAMES[start] for start in _NAMES if route.startswith(start)), "algorithm")
    target = _PART.sub(lambda part: "{" + {"name": name}.get(part[1], part[1]) + "}", route)
    query = QUERIES.get(route, "")
    body = BODIES.get((method, route))
    options = dict(pair.split("=", 1) for pair in query.split("&")) if query else _options(body)
    if body is None and method in ("PUT", "POST", "PATCH"):
        body = {}
    return Operation(method, f"{target}?{query}" if query else target, body, options)


def _options(body: dict[str, Any] | None) -> dict[str, str]:
    """What an explanation has to be told of a body."""
    return {"name": body["name"]} if body and "name" in body else {}


def _filled(value: Any, parts: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _filled(each, parts) for key, each in value.items()}
    return value.format_map(parts) if isinstance(value, str) else value
