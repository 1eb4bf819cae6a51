"""Languages, environments and templates (spec.md 4.2)."""

from typing import Any

import orjson
from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from algoport.api.description import refusals
from algorithms.api.serializers import environment_body
from algorithms.api.shapes import EnvironmentListShape, LanguageShape
from algorithms.environments import selectors
from algorithms.environments.templates import template_archive
from algorithms.errors import (
    EnvironmentNotFound,
    UnknownAlgorithmLanguage,
    UnsupportedAlgorithmLanguage,
)


class LanguageListView(APIView):
    @extend_schema(
        responses=LanguageShape(many=True),
    )
    def get(self, request: Request) -> Response:
        """List the languages that algorithms may be written in."""
        return Response([_language(name) for name in selectors.list_languages()])


class LanguageEnvironmentListView(APIView):
    @extend_schema(
        responses={
            200: EnvironmentListShape,
            **refusals(UnknownAlgorithmLanguage, UnsupportedAlgorithmLanguage),
        },
    )
    def get(self, request: Request, language: str) -> Response:
        """List a language's environments."""
        rows = selectors.list_environments(language)
        return Response({"environments": [environment_body(row) for row in rows]})


class TemplateView(APIView):
    """The files that an algorithm of an environment starts with; open to everyone."""

    permission_classes: list[type[BasePermission]] = []

    @extend_schema(
        responses={(200, "application/gzip"): OpenApiTypes.BINARY, **refusals(EnvironmentNotFound)},
    )
    def get(self, request: Request, specification_id: str) -> HttpResponse:
        """Download the files that an algorithm of an environment starts with."""
        environment = selectors.get_environment(specification_id)
        archive = template_archive(environment.recipe)
        return HttpResponse(archive, content_type="application/gzip")


def _language(name: str) -> dict[str, Any]:
    configuration: dict[str, Any] = {
        "display_name": "Python 3",
        "req_files": ["requirements.txt"],
        "artifacts": [{"source": "/opt/algorithm", "destination": "/opt/algorithm"}],
    }
    return {
        "name": name,
        "display_name": configuration["display_name"],
        "configuration": orjson.dumps(configuration).decode(),
    }
