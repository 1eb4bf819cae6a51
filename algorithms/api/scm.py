"""What connects an algorithm with the host of its repository (spec.md 6.2)."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from algoport.accounts.permissions import Action, Principal
from algoport.api.description import refusals
from algoport.errors import MalformedJson
from algorithms.api.lookup import algorithm_of
from algorithms.api.shapes import ScmStatusShape
from algorithms.errors import AlgorithmIdDoesNotExist, AlgorithmNotFound
from scm.errors import WebhookMalformed, WebhooksNotSupported
from scm.repositories import has_repository

# By what hosts say that this is about an event, and which.
_SIGNS = (("X-GitHub-Event", "X-Hub-Signature"), ("X-Gitlab-Event",), ("X-Event-Key",))


class ScmStatusView(APIView):
    @extend_schema(
        responses={200: ScmStatusShape, **refusals(AlgorithmNotFound, AlgorithmIdDoesNotExist)},
    )
    def get(self, request: Request, **where: Any) -> Response:
        """Tell whether the algorithm's repository can be reached."""
        healthy = has_repository(algorithm_of(request, where, Action.SEE_BUILDS).id)
        return Response(
            {"scm_connection_status": "active" if healthy else "provider_internal_error"}
        )


class ScmWebhookView(APIView):
    """Events of repository hosts: they come with a signature instead of a key.

    The platform's own repositories have no webhooks, and it builds from no others. Who comes
    without a key gets the same answer for every name, so that no name is found out.
    """

    permission_classes: list[type[BasePermission]] = []

    @extend_schema(
        request=OpenApiTypes.OBJECT,
        responses=refusals(
            AlgorithmNotFound, AlgorithmIdDoesNotExist, WebhookMalformed, WebhooksNotSupported
        ),
    )
    def post(self, request: Request, **where: Any) -> Response:
        """Tell of an event at a repository host."""
        _check_event(request)
        if isinstance(request.user, Principal):
            algorithm_of(request, where)
        raise WebhooksNotSupported


def _check_event(request: Request) -> None:
    """Raises WebhookMalformed."""
    if not any(all(request.headers.get(name) for name in sign) for sign in _SIGNS):
        raise WebhookMalformed(reason="It has no headers that say what event it is about.")
    try:
        given = request.data
    except MalformedJson as exc:
        raise WebhookMalformed(reason=exc.text) from exc
    if not isinstance(given, dict) or not given:
        raise WebhookMalformed(reason="Its body is no object.")
