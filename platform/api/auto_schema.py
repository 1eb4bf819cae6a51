"""How an operation of /v1 is described: what follows from the view by itself."""

import re
from typing import Any

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiResponse
from rest_framework.serializers import ListField

from algoport.api.description import ErrorShape, PageShape, describe, page_parameters
from algoport.api.strict import NOT_BLANK, CharField, PatternField
from algoport.errors import (
    ApiError,
    InputValidationError,
    InvalidLimit,
    InvalidMarker,
    MalformedJson,
    NotAuthenticated,
    NotAuthorized,
    ServiceUnavailable,
)

# The security scheme of settings.SPECTACULAR_SETTINGS.
SCHEME = "ApiKey"
NOT_THERE = "What the path names does not exist, or not for this caller."
_VERBS = {"GET": "get", "PUT": "put", "PATCH": "change", "DELETE": "delete", "POST": ""}
_LIST_VERBS = {**_VERBS, "GET": "list", "POST": "create"}


class OperationSchema(AutoSchema):
    """Key, errors, pages, id, tag and summary of an operation (CONTRIBUTING.md, An endpoint)."""

    def get_operation_id(self) -> str:
        name = type(self.view).__name__.removesuffix("View")
        verbs = _LIST_VERBS if name.endswith("List") else _VERBS
        words = re.findall(r"[A-Z][a-z0-9]*", name.removesuffix("List"))
        return "_".join(filter(None, [verbs[self.method], *(word.lower() for word in words)]))

    def get_tags(self) -> list[str]:
        app = type(self.view).__module__.partition(".api")[0]
        return [app.removeprefix("algoport.") or "api"]

    def get_serializer_name(self, serializer: Any, direction: Any) -> str:
        return str(super().get_serializer_name(serializer, direction)).removesuffix("Shape")

    def get_summary(self) -> str | None:
        return self._documentation()[0] or None

    def get_description(self) -> str:
        return self._documentation()[1]

    def get_auth(self) -> list[dict[str, list[str]]]:
        if not self.view.get_authenticators():
            return []
        needed: list[dict[str, list[str]]] = [{SCHEME: []}]
        return needed if self.view.get_permissions() else [*needed, {}]

    def get_override_parameters(self) -> list[Any]:
        return list(page_parameters()) if self._is_paged() else []

    def map_parsers(self) -> list[str]:
        """Bodies are JSON whatever they are labelled as (wire.md 2); forms are for one client."""
        return ["application/json"]

    def _map_serializer_field(
        self, field: Any, direction: Any, bypass_extensions: bool = False
    ) -> dict[str, Any]:
        schema: dict[str, Any] = super()._map_serializer_field(field, direction, bypass_extensions)
        if isinstance(field, ListField) and not field.allow_empty:
            schema["minItems"] = 1
        if direction == "request" and schema.get("type") == "string":
            if isinstance(field, PatternField):
                schema["pattern"] = field.pattern
            elif type(field) is CharField and field.trim_whitespace and not field.allow_blank:
                schema["pattern"] = NOT_BLANK
        return schema

    def _map_basic_serializer(self, serializer: Any, direction: Any) -> dict[str, Any]:
        schema: dict[str, Any] = super()._map_basic_serializer(serializer, direction)
        # What is said of several members at once.
        return schema | getattr(serializer, "together", {})

    def _get_request_body(self, direction: Any = "request") -> dict[str, Any] | None:
        body: dict[str, Any] | None = super()._get_request_body(direction)
        if body and (
            hasattr(self.get_request_serializer(), "together")
            or getattr(self.view, "body_required", False)
        ):
            body["required"] = True
        return body

    def _insert_field_validators(self, field: Any, schema: dict[str, Any]) -> None:
        super()._insert_field_validators(field, schema)
        if isinstance(field, PatternField) and field.allow_blank:
            # The blank as one more text of the pattern.
            text, _ = schema.pop("oneOf")
            schema.update(text | {"pattern": f"^$|{text['pattern']}"})
        if isinstance(field, CharField):
            schema.update(field.described)

    def _get_response_bodies(self, direction: Any = "response") -> dict[str, Any]:
        bodies: dict[str, Any] = super()._get_response_bodies(direction)
        for error in self._general_refusals():
            self._add(bodies, error.status, describe([error]))
        if "{" in self.path:
            self._add(bodies, 404, NOT_THERE)
        return dict(sorted(bodies.items()))

    def _add(self, bodies: dict[str, Any], status: int, text: str) -> None:
        known = bodies.get(str(status))
        if known is None:
            response = OpenApiResponse(ErrorShape, text)
            bodies[str(status)] = self._get_response_for_code(response, str(status))
        elif text not in known["description"]:
            known["description"] = f"{known['description']}\n{text}".strip()

    def _general_refusals(self) -> list[type[ApiError]]:
        refusals: list[type[ApiError]] = []
        if self.view.get_authenticators():
            refusals.append(NotAuthenticated)
        if self.view.get_permissions():
            refusals.append(NotAuthorized)
        if self._get_request_body():
            refusals += [MalformedJson, InputValidationError]
        if self._is_paged():
            refusals += [InvalidMarker, InvalidLimit]
        elif any(each["in"] == "query" for each in self._get_parameters()):
            refusals.append(InputValidationError)
        return [*refusals, ServiceUnavailable]

    def _is_paged(self) -> bool:
        declared = self.get_response_serializers()
        answer = declared.get(200) if isinstance(declared, dict) else declared
        return isinstance(answer, type) and issubclass(answer, PageShape)

    def _documentation(self) -> tuple[str, str]:
        """First line and rest of the method's docstring; the class's is for readers of code."""
        text = getattr(self.view, self.method.lower()).__doc__ or ""
        first, _, rest = text.strip().partition("\n")
        return first.strip().removesuffix("."), re.sub(r"\n +", "\n", rest).strip()


def below_v1(endpoints: list[Any]) -> list[Any]:
    """Preprocessing hook: the protocol's routes and no others."""
    return [endpoint for endpoint in endpoints if endpoint[0].startswith("/v1/")]


def _by_importance(route: tuple[str, dict[str, Any]]) -> tuple[int, bool, str]:
    return -len(route[1]), "{algorithm_id}" in route[0], route[0]


def unique_ids(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Postprocessing hook: of routes to one view, those beside the main one name their path.

    drf_spectacular warns of those that are alike nevertheless, which is a failure in tests.
    """
    seen: set[str] = set()
    for path, item in sorted(result["paths"].items(), key=_by_importance):
        fixed = [part for part in path.split("/") if part and "{" not in part]
        suffixes = ["by_id"] if "{algorithm_id}" in path else []
        suffixes.append(f"at_{fixed[1]}_{fixed[-1]}")
        for operation in item.values():
            for suffix in suffixes:
                if operation["operationId"] in seen:
                    operation["operationId"] += f"_{suffix}"
            seen.add(operation["operationId"])
    return result


_TRACE_HEADERS: dict[str, Any] = {
    "X-Request-Id": "The request; support can find it by this.",
    "X-Session-Id": "The request from outside with all the calls that it led to.",
    "Server-Timing": "Where the time went, in milliseconds.",
}


def head_of_every_answer(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Postprocessing hook: the headers by which any answer can be traced."""
    result["components"]["headers"] = {
        name: {"required": True, "schema": {"type": "string"}, "description": text}
        for name, text in _TRACE_HEADERS.items()
    }
    traced = {name: {"$ref": f"#/components/headers/{name}"} for name in _TRACE_HEADERS}
    for item in result["paths"].values():
        for operation in item.values():
            for response in operation["responses"].values():
                response["headers"] = traced | response.get("headers", {})
    return result
