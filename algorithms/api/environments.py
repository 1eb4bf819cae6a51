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

from algoport.accounts.api.authentication import MayAdminister
from algoport.api.description import refusals
from algoport.api.timestamps import to_plain_milliseconds
from algorithms.api.shapes import (
    AvailableEnvironmentListShape,
    AvailableEnvironmentShape,
    EnvironmentListShape,
    LanguageShape,
)
from algorithms.environments import selectors
from algorithms.environments.languages import language_of
from algorithms.environments.services import switch_environment
from algorithms.environments.templates import template_archive
from algorithms.errors import (
    EnvironmentNotFound,
    UnknownAlgorithmLanguage,
    UnsupportedAlgorithmLanguage,
)
from algorithms.models import Environment


class LanguageListView(APIView):
    @extend_schema(
        responses=LanguageShape(many=True),
    )
    def get(self, request: Request) -> Response:
        """List the languages that new algorithms may be written in."""
        return Response([language_body(name) for name in selectors.list_languages()])


class LanguageEnvironmentListView(APIView):
    @extend_schema(
        responses={
            200: EnvironmentListShape,
            **refusals(UnknownAlgorithmLanguage, UnsupportedAlgorithmLanguage),
        },
    )
    def get(self, request: Request, language: str) -> Response:
        """List a language's environments that new algorithms may use."""
        rows = selectors.list_environments(language)
        return Response({"environments": [environment_body(row) for row in rows]})


class AvailableEnvironmentListView(APIView):
    permission_classes = [MayAdminister]

    @extend_schema(responses=AvailableEnvironmentListShape)
    def get(self, request: Request) -> Response:
        """List all environments, with those that new algorithms may not use."""
        rows = selectors.available_environments()
        return Response({"environments": [available_body(row) for row in rows]})


class EnvironmentSyncView(APIView):
    permission_classes = [MayAdminister]

    @extend_schema(
        request=None,
        responses={200: AvailableEnvironmentShape, **refusals(EnvironmentNotFound)},
    )
    def post(self, request: Request, specification_id: str) -> Response:
        """Let new algorithms use an environment."""
        environment = switch_environment(identifier=specification_id, enabled=True)
        return Response(available_body(environment))


class EnvironmentSpecificationView(APIView):
    permission_classes = [MayAdminister]

    @extend_schema(responses={204: None, **refusals(EnvironmentNotFound)})
    def delete(self, request: Request, specification_id: str) -> Response:
        """Keep new algorithms from an environment; those that have it keep it."""
        switch_environment(identifier=specification_id, enabled=False)
        return Response(status=204)


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


def language_body(name: str) -> dict[str, Any]:
    language = language_of(name)
    return {
        "name": name,
        "display_name": language.display_name,
        "configuration": orjson.dumps(language.configuration).decode(),
    }


def environment_body(environment: Environment) -> dict[str, Any]:
    return {
        "id": str(environment.id),
        "environment_specification_id": str(environment.id),
        "display_name": environment.display_name,
        "description": environment.description,
        "created_at": to_plain_milliseconds(environment.created_at),
        "language": language_body(environment.language),
        "machine_type": environment.machine_type.upper(),
    }


def available_body(environment: Environment) -> dict[str, Any]:
    return environment_body(environment) | {"enabled": environment.enabled}
