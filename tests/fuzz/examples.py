"""Whether the reasons of `tests.fuzz.reasons` are still needed: each has an example."""

from typing import Any

import requests
import schemathesis
from schemathesis.core.jsonschema import make_validator

from tests.fuzz.objects import Objects
from tests.fuzz.reasons import REASONS, Example, Reason
from tests.fuzz.running import named_description


def unneeded(objects: Objects) -> list[str]:
    """The reasons whose example its description forbids, or that is answered otherwise."""
    description = named_description(objects)
    schema = schemathesis.openapi.from_dict(description)
    operations = {
        described["operationId"]: (method.upper(), path)
        for path, item in description["paths"].items()
        for method, described in item.items()
    }
    found = []
    for reason in REASONS:
        method, path = operations[reason.operation]
        told = f"{reason.operation} {reason.error.__name__} {reason.says}"
        if not _is_described(schema, schema[path][method], reason.example):
            found.append(f"{told}: the description forbids {reason.example}")
        answer = _ask(objects, schema[path][method], reason)
        if not reason.explains(answer):
            found.append(f"{told}: {answer.status_code} {answer.text[:300]}")
    return found


def _is_described(schema: Any, operation: Any, example: Example) -> bool:
    validator = schema.adapter.jsonschema_validator_cls
    query = make_validator(operation.query.schema, validator)
    if not query.is_valid(dict(example.query)):
        return False
    if example.body is None or isinstance(example.body, bytes):
        return example.body is not None or not any(each.is_required for each in operation.body)
    return any(
        make_validator(each.optimized_schema, validator).is_valid(example.body)
        for each in operation.body
        if each.media_type == "application/json"
    )


def _is_administration(where: str) -> bool:
    listed = ("/v1/admin/", "/v1/users", "/v1/organization", "/v1/config")
    return where.startswith(listed) and "/connectors" not in where


def _ask(objects: Objects, operation: Any, reason: Reason) -> requests.Response:
    example = reason.example
    where = operation.path
    for parameter in operation.path_parameters:
        names = parameter.definition["schema"].get("enum", ["nothing"])
        value = example.path.get(parameter.name, names[0])
        where = where.replace(f"{{{parameter.name}}}", requests.utils.quote(value, safe=""))
    session = objects.admin if _is_administration(where) else objects.owner
    as_bytes = isinstance(example.body, bytes)
    return session.request(
        example.method or operation.method.upper(),
        f"{objects.platform.url}{where}",
        params=dict(example.query),
        headers=dict(example.headers),
        data=example.body if as_bytes else None,
        json=None if as_bytes else example.body,
        allow_redirects=False,
        timeout=60,
    )
