"""Parts of the operations that the byte planes declare: they are not views, so nothing follows."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from algoport.api.auto_schema import SCHEME
from algoport.api.description import describe
from algoport.errors import ApiError

Part = dict[str, Any]

TEXT: Part = {"type": "string"}
BYTES: Part = {"type": "string", "format": "binary"}
RETRY_AFTER: Part = {
    "Retry-After": {"schema": {"type": "integer"}, "description": "Seconds until a new try."}
}
_ERROR: Part = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}


def parameter(name: str, where: str, schema: Part, description: str = "") -> Part:
    """Of the path, the query or the head of a request; those of the path are never left out."""
    told = {"description": description} if description else {}
    needed = {"required": True} if where == "path" else {}
    return {"name": name, "in": where, "schema": schema, **needed, **told}


def answer(
    description: str,
    content: Mapping[str, Part] | None = None,
    headers: Mapping[str, Part] | None = None,
) -> Part:
    """A response with the schemas of its media types; none is an empty body."""
    body: Part = {"description": description}
    if headers:
        body["headers"] = dict(headers)
    if content:
        body["content"] = {media: {"schema": schema} for media, schema in content.items()}
    return body


def refused(errors: Iterable[type[ApiError]], *, head: bool = False) -> dict[str, Part]:
    """Error responses by status; those to HEAD tell their message in a header."""
    by_status: dict[int, list[type[ApiError]]] = {}
    for error in errors:
        by_status.setdefault(error.status, []).append(error)
    answers = {}
    for status, same in sorted(by_status.items()):
        headers: Part = dict(RETRY_AFTER) if any(each.retry_after for each in same) else {}
        if head:
            headers["X-Error-Message"] = {"required": True, "schema": TEXT}
        answers[str(status)] = answer(describe(same), headers=headers)
        if not head:
            answers[str(status)]["content"] = dict(_ERROR)
    return answers


def operation(
    identifier: str,
    tag: str,
    summary: str,
    *,
    parameters: Sequence[Part],
    responses: Mapping[str, Part],
    body: Mapping[str, Part] | None = None,
    body_required: bool = False,
    description: str = "",
) -> Part:
    """An operation that wants a key."""
    made: Part = {
        "operationId": identifier,
        "summary": summary,
        "parameters": list(parameters),
        "tags": [tag],
        "security": [{SCHEME: []}],
        "responses": dict(sorted(responses.items())),
    }
    if description:
        made["description"] = description
    if body is not None:
        content = {media: {"schema": schema} for media, schema in body.items()}
        made["requestBody"] = {"content": content, "required": body_required}
    return made
