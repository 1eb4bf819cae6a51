"""What the call plane takes and answers, for /v1/openapispec."""

from typing import Any

from django.conf import settings

from algoport.api.description import or_empty
from algoport.api.plane_description import (
    BYTES,
    TEXT,
    Part,
    answer,
    operation,
    parameter,
    refused,
)
from algoport.errors import (
    InputValidationError,
    MalformedJson,
    NotAuthenticated,
    NotAuthorized,
    ServiceUnavailable,
)
from algoport.http.asgi import RequestTooLarge
from algorithms.constants import IDEMPOTENCY_KEY_LENGTH, MOST_RETRIES
from algorithms.errors import (
    CalledAlgorithmNotFound,
    IdempotencyKeyReused,
    InvalidTimeout,
    QueueUnavailable,
    RunnersUnavailable,
    TooManyCalls,
    TooManyCallsWaiting,
    TooManyChildCalls,
    TooManyQueuedBytes,
    TooManyQueuedCalls,
    UnsupportedContentType,
    WebhookNotAllowed,
    WebhooksNotForCode,
)

_REFUSALS = (
    MalformedJson,
    InputValidationError,
    InvalidTimeout,
    WebhookNotAllowed,
    TooManyChildCalls,
    NotAuthenticated,
    NotAuthorized,
    WebhooksNotForCode,
    CalledAlgorithmNotFound,
    IdempotencyKeyReused,
    RequestTooLarge,
    UnsupportedContentType,
    TooManyCalls,
    TooManyCallsWaiting,
    TooManyQueuedBytes,
    TooManyQueuedCalls,
    RunnersUnavailable,
    QueueUnavailable,
    ServiceUnavailable,
)
_DURATION: Part = {"type": "number", "minimum": 0, "description": "Seconds of the run alone."}
_STDOUT: Part = {"type": "string", "description": "With `stdout=true`, for the owner."}
_SCHEMAS: dict[str, Part] = {
    "CallResult": {
        "type": "object",
        "description": "What the algorithm answered; bytes are base64.",
        "properties": {
            "result": {"nullable": True},
            "metadata": {
                "type": "object",
                "properties": {
                    "content_type": {"type": "string", "enum": ["text", "json", "binary", "void"]},
                    "duration": _DURATION,
                    "stdout": _STDOUT,
                },
                "required": ["content_type", "duration"],
            },
        },
        "required": ["result", "metadata"],
    },
    "CallFailure": {
        "type": "object",
        "description": "The algorithm failed; its trace is for those who may read its source.",
        "properties": {
            "error": {
                "type": "object",
                "properties": {
                    "message": TEXT,
                    "stacktrace": TEXT,
                    "stack_trace": TEXT,
                    "error_type": TEXT,
                },
                "required": ["message", "error_type"],
            },
            "metadata": {
                "type": "object",
                "properties": {"duration": _DURATION, "stdout": _STDOUT},
                "required": ["duration"],
            },
        },
        "required": ["error", "metadata"],
    },
    "CallAccepted": {
        "type": "object",
        "description": "With `output=void`: the call is in the queue.",
        "properties": {
            "async": {"type": "string", "enum": ["void"]},
            "request_id": {"type": "string", "pattern": "^req-[0-9a-f-]{36}$"},
        },
        "required": ["async", "request_id"],
    },
    "RawResult": {"description": "With `output=raw`: any JSON, as the algorithm answered it."},
}
_PATH = (
    parameter("owner", "path", TEXT, "The account that has the algorithm."),
    parameter("name", "path", TEXT, "The algorithm; case does not matter."),
)
_ID = parameter("algorithm_id", "path", {"type": "string", "format": "uuid"})
_VERSION = parameter(
    "version", "path", TEXT, "`1.2.3`, `1.2.*`, `1.*`, `latest`, `latestPrivate` or a commit."
)
_OPTIONS = (
    parameter(
        "timeout",
        "query",
        {
            "type": "integer",
            "minimum": 1,
            "maximum": settings.CALL_TIMEOUT_LIMIT_SECONDS,
            "default": settings.CALL_TIMEOUT_SECONDS,
        },
        "Seconds that the call may take in all.",
    ),
    parameter(
        "stdout", "query", or_empty({"type": "boolean"}), "Whether to answer what was printed."
    ),
    parameter(
        "output",
        "query",
        {"type": "string", "enum": ["default", "raw", "void"], "default": "default"},
        "`raw` answers the bare result, `void` queues the call.",
    ),
    parameter(
        "retries",
        "query",
        {"type": "integer", "minimum": 0, "maximum": MOST_RETRIES},
        "Of a queued call.",
    ),
    parameter(
        "webhook",
        "query",
        {"type": "string", "pattern": "^(https?://|$)"},
        "Where to tell the end of a queued call.",
    ),
    parameter(
        "Idempotency-Key",
        "header",
        {"type": "string", "minLength": 1, "maxLength": IDEMPOTENCY_KEY_LENGTH},
        "Of a queued call: the same key is the same call.",
    ),
)
_BODY = {
    "application/json": {"description": "Any JSON."},
    "text/plain": TEXT,
    "application/octet-stream": BYTES,
}


def add_calls(result: Part, **_: Any) -> Part:
    """Postprocessing hook: the paths of the call plane."""
    result["components"]["schemas"] |= _SCHEMAS
    for plane, suffix in (("algo", ""), ("web/algo", "_from_page")):
        for route, name, path in (
            (f"/v1/{plane}/{{owner}}/{{name}}", suffix, _PATH),
            (f"/v1/{plane}/{{algorithm_id}}", f"_by_id{suffix}", (_ID,)),
        ):
            result["paths"][route] = {"post": _call(f"call_algorithm{name}", *path)}
            result["paths"][f"{route}/{{version}}"] = {
                "post": _call(f"call_algorithm_version{name}", *path, _VERSION)
            }
    return result


def _call(identifier: str, *path: Part) -> Part:
    responses = refused(_REFUSALS)
    # With `output=raw` a failure of the algorithm itself is its text alone.
    responses["400"]["content"]["text/plain"] = {"schema": TEXT}
    responses["400"]["headers"] = {
        "X-Error-Message": {"schema": TEXT, "description": "With `output=raw`."}
    }
    named = [{"$ref": f"#/components/schemas/{name}"} for name in _SCHEMAS]
    content = {"application/json": {"anyOf": named}, "text/plain": TEXT}
    responses["200"] = answer(
        "What the algorithm answered, or how it failed.",
        {**content, "application/octet-stream": BYTES},
    )
    return operation(
        identifier,
        "algorithms",
        "Call an algorithm",
        parameters=(*path, *_OPTIONS),
        responses=responses,
        body=_BODY,
        body_required=True,
        description="With its latest public version where the path names none.",
    )
