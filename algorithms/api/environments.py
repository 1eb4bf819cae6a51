"""Languages, environments and templates (spec.md 4.2)."""

from typing import Any

import orjson
from django.http import HttpResponse
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from algorithms.api.serializers import environment_body
from algorithms.environments import selectors
from algorithms.environments.templates import template_archive


class LanguageListView(APIView):
    def get(self, request: Request) -> Response:
        return Response([_language(name) for name in selectors.list_languages()])


class LanguageEnvironmentListView(APIView):
    def get(self, request: Request, language: str) -> Response:
        rows = selectors.list_environments(language)
        return Response({"environments": [environment_body(row) for row in rows]})


class TemplateView(APIView):
    """The files that an algorithm of an environment starts with; open to everyone."""

    permission_classes: list[type[BasePermission]] = []

    def get(self, request: Request, specification_id: str) -> HttpResponse:
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
