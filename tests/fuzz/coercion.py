"""What a body says when texts may be written as numbers, and booleans as 0 and 1.

The platform takes them so, because clients send them so; schemathesis takes that for a body that
should have been refused.
"""

from collections.abc import Mapping
from typing import Any

Schema = Mapping[str, Any]
_BOOLEANS = {"true": True, "True": True, "false": False, "False": False, "1": True, "0": False}


def as_read(value: Any, schema: Schema, components: Mapping[str, Schema]) -> Any:
    """The value with its scalars in the types that the schema names."""
    schema = _resolved(schema, components)
    kind = schema.get("type")
    if isinstance(value, dict):
        properties = schema.get("properties", {})
        return {
            key: as_read(each, properties.get(key, {}), components) for key, each in value.items()
        }
    if isinstance(value, list):
        return [as_read(each, schema.get("items", {}), components) for each in value]
    if kind == "string" and isinstance(value, int | float) and not isinstance(value, bool):
        return str(value).strip()
    if kind == "boolean" and not isinstance(value, bool):
        return _BOOLEANS.get(str(value), value)
    if kind == "integer" and isinstance(value, str) and value.strip().lstrip("-").isdigit():
        return int(value)
    return value


def is_good(value: Any, schema: Schema, components: Mapping[str, Schema]) -> bool:
    """Whether a value as it is read is what the schema allows."""
    schema = _resolved(schema, components)
    if value is None:
        return bool(schema.get("nullable")) or not schema
    for choice in ("oneOf", "anyOf"):
        if choice in schema:
            return any(is_good(value, each, components) for each in schema[choice])
    if isinstance(value, dict):
        return _is_good_object(value, schema, components)
    if isinstance(value, list):
        items = schema.get("items", {})
        return schema.get("type") in (None, "array") and all(
            is_good(each, items, components) for each in value
        )
    return _is_good_scalar(value, schema)


def _is_good_object(
    value: Mapping[str, Any], schema: Schema, components: Mapping[str, Schema]
) -> bool:
    if schema.get("type") not in (None, "object"):
        return False
    properties = schema.get("properties", {})
    return set(schema.get("required", ())) <= set(value) and all(
        is_good(each, properties.get(key, {}), components) for key, each in value.items()
    )


def _is_good_scalar(value: Any, schema: Schema) -> bool:
    kinds: dict[str, type | tuple[type, ...]] = {
        "string": str,
        "boolean": bool,
        "integer": int,
        "number": (int, float),
    }
    kind = schema.get("type")
    if kind is None:
        return True
    if kind not in kinds or not isinstance(value, kinds[kind]):
        return False
    if isinstance(value, bool):
        return kind == "boolean"
    return "enum" not in schema or value in schema["enum"]


def _resolved(schema: Schema, components: Mapping[str, Schema]) -> Schema:
    if "$ref" in schema:
        return _resolved(components[schema["$ref"].rpartition("/")[2]], components)
    if "allOf" in schema:
        merged = dict(_resolved(schema["allOf"][0], components))
        return merged | {key: each for key, each in schema.items() if key != "allOf"}
    return schema
