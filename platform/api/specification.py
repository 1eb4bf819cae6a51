"""GET /v1/openapispec: the description of /v1, and a page to read it."""

from functools import cache

import orjson
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiYamlRenderer
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.authentication import BaseAuthentication
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from algoport.errors import InputValidationError

_TYPES = {"json": "application/json", "yaml": "application/yaml"}
# The viewer's scripts and styles are files of this platform, and it talks to nobody else.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self';"
    " img-src 'self' data:; connect-src 'self'; base-uri 'none'; frame-ancestors 'none'"
)


class SpecificationView(APIView):
    authentication_classes: list[type[BaseAuthentication]] = []
    permission_classes: list[type[BasePermission]] = []

    @extend_schema(
        parameters=[OpenApiParameter("format", enum=list(_TYPES), default="json")],
        responses={
            (200, "application/json"): OpenApiTypes.OBJECT,
            (200, "application/yaml"): OpenApiTypes.OBJECT,
        },
    )
    def get(self, request: Request) -> HttpResponse:
        """Get this description.

        YAML by `format=yaml` or by an Accept header that names it.
        """
        accepts_yaml = "yaml" in request.headers.get("accept", "")
        wanted = request.query_params.get("format", "yaml" if accepts_yaml else "json")
        if wanted not in _TYPES:
            raise InputValidationError("format is json or yaml.")
        return HttpResponse(specification(wanted), content_type=_TYPES[wanted])


@cache
def specification(form: str) -> bytes:
    """The same for everybody, so it is made once."""
    described = SchemaGenerator().get_schema(public=True)
    if form == "yaml":
        return bytes(OpenApiYamlRenderer().render(described))
    return orjson.dumps(described, default=str)


def api_reference(request: HttpRequest) -> HttpResponse:
    """The description for reading and trying out, without anything from elsewhere."""
    page = render(request, "web/api_reference.html")
    page.headers["Content-Security-Policy"] = _POLICY
    return page
