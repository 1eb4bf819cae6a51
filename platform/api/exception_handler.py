"""The one renderer of /v1 errors (spec.md 15 row 1)."""

import logging
from typing import Any

from django.core.exceptions import BadRequest, PermissionDenied, SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponse
from django.views import defaults
from django.views.decorators.csrf import csrf_exempt
from rest_framework import exceptions
from rest_framework.response import Response

from algoport.api.renderers import CompactJSONRenderer
from algoport.api.unbuilt import is_unbuilt
from algoport.db.outages import is_outage
from algoport.errors import (
    ApiError,
    FeatureNotImplemented,
    InputValidationError,
    InvalidRequest,
    MethodNotAllowed,
    NotAuthenticated,
    NotAuthorized,
    RouteNotFound,
    ServiceUnavailable,
    UserError,
)

logger = logging.getLogger(__name__)


def handle(exc: Exception, context: dict[str, Any]) -> Response:
    """DRF's EXCEPTION_HANDLER."""
    request = context["request"]
    error = as_api_error(exc)
    # Another route has taken the path, and knows no such method or no such thing.
    if error.status in (404, 405) and is_unbuilt(request.method, request.path):
        exc = error = FeatureNotImplemented()
    if error.status >= 500:
        what = (request.method, request.path, error.id)
        if is_outage(exc):
            logger.error("%s %s failed [%s]: the database does not answer: %s", *what, exc)
        elif isinstance(exc, UserError):
            # Its text says what happened; of what it came from nothing may be said.
            logger.error("%s %s failed [%s]: %s", *what, exc)
        else:
            logger.error("%s %s failed [%s]", *what, exc_info=exc)
    headers = error.headers()
    if request.method == "HEAD":
        headers["X-Error-Message"] = error.text
    return Response(error.body(), status=error.status, headers=headers)


def as_api_error(exc: Exception) -> ApiError:
    """The error of the protocol that says what happened; an unknown one says nothing of itself."""
    if isinstance(exc, ApiError):
        return exc
    if isinstance(exc, exceptions.ValidationError):
        return InputValidationError(first_message(exc.detail))
    if isinstance(exc, exceptions.NotAuthenticated | exceptions.AuthenticationFailed):
        return NotAuthenticated()
    if isinstance(exc, exceptions.PermissionDenied | PermissionDenied):
        return NotAuthorized()
    if isinstance(exc, exceptions.MethodNotAllowed):
        return MethodNotAllowed()
    if isinstance(exc, Http404):
        return RouteNotFound()
    if isinstance(exc, SuspiciousOperation | BadRequest):
        return InvalidRequest()
    if isinstance(exc, exceptions.APIException) and exc.status_code < 500:
        return InputValidationError(str(exc.detail))
    if isinstance(exc, ValueError) and "NUL (0x00)" in str(exc):
        # The database's driver, of any text that it is given.
        return InputValidationError("A text has no NUL in it.")
    if is_outage(exc):
        return ServiceUnavailable()
    return ApiError()


def first_message(detail: Any, path: str = "") -> str:
    """The first complaint of a serializer, with the field it is about."""
    if isinstance(detail, dict):
        field, value = next((each for each in detail.items() if each[1]), ("", "not valid"))
        deeper = "" if field == "non_field_errors" else str(field)
        return first_message(value, ".".join(part for part in (path, deeper) if part))
    if isinstance(detail, list):
        # Of a list's members, those that are good have nothing to say.
        return first_message(next(filter(None, detail), "not valid"), path)
    return f"{path}: {detail}" if path else str(detail)


@csrf_exempt
def not_found(request: HttpRequest, unmatched: str = "") -> HttpResponse:
    """Answer to a /v1 path that does not exist."""
    return plain_response(request, RouteNotFound())


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler404."""
    if is_api(request):
        return plain_response(request, RouteNotFound())
    return defaults.page_not_found(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    """Django's handler500; Django has logged the exception."""
    if is_api(request):
        return plain_response(request, ApiError())
    return defaults.server_error(request)


def is_api(request: HttpRequest) -> bool:
    return request.path.startswith("/v1/")


def plain_response(request: HttpRequest, error: ApiError) -> HttpResponse:
    """The answer where DRF is not."""
    headers = error.headers()
    if request.method == "HEAD":
        headers["X-Error-Message"] = error.text
    body = CompactJSONRenderer().render(error.body())
    return HttpResponse(body, "application/json", error.status, headers=headers)
