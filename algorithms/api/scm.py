"""What connects an algorithm with the host of its repository (spec.md 6.2)."""

from collections.abc import Mapping
from typing import Any

import orjson
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from algoport.accounts.api.authentication import principal_of
from algoport.accounts.permissions import Action, Principal, can
from algoport.api.description import refusals
from algorithms.api.lookup import algorithm_of
from algorithms.api.shapes import ScmStatusShape, WebhookReasonShape
from algorithms.errors import AlgorithmIdDoesNotExist, AlgorithmNotFound
from algorithms.models import Algorithm
from algorithms.remotes.events import HostEvent
from algorithms.remotes.making import webhook_url
from algorithms.remotes.selectors import remote_of, source_state, webhook_secret
from algorithms.remotes.services import ask_for_fetch
from algorithms.selectors import find_algorithm, resource_of
from scm.constants import Provider
from scm.errors import WebhookMalformed, WebhooksNotSupported
from scm.selectors import check_external

# By what hosts say that this is about an event, and which; and how it is signed.
_SIGNS = (
    (Provider.GITHUB, "X-GitHub-Event", ("X-Hub-Signature", "X-Hub-Signature-256")),
    (Provider.GITLAB, "X-Gitlab-Event", ()),
    (Provider.BITBUCKET, "X-Event-Key", ()),
)


class ScmStatusView(APIView):
    @extend_schema(
        responses={200: ScmStatusShape, **refusals(AlgorithmNotFound, AlgorithmIdDoesNotExist)},
    )
    def get(self, request: Request, **where: Any) -> Response:
        """Tell whether the algorithm's repository can be reached."""
        algorithm = algorithm_of(request, where, Action.SEE_BUILDS)
        body = {"scm_connection_status": source_state(algorithm)}
        remote = remote_of(algorithm)
        if remote is not None and _may_manage(request, algorithm):
            if (secret := webhook_secret(remote)) is not None:
                body["repository_webhook_secret"] = secret
            body["repository_webhook_url"] = webhook_url(algorithm)
        return Response(body)


class ScmWebhookView(APIView):
    """Events of repository hosts: they come with a signature instead of a key.

    Who signs for no algorithm gets the same answer for every name, so that no name is found out.
    """

    permission_classes: list[type[BasePermission]] = []

    @extend_schema(
        request=OpenApiTypes.OBJECT,
        responses={
            202: WebhookReasonShape,
            204: None,
            **refusals(
                AlgorithmNotFound, AlgorithmIdDoesNotExist, WebhookMalformed, WebhooksNotSupported
            ),
        },
    )
    def post(self, request: Request, **where: Any) -> Response:
        """Tell of an event at a repository host."""
        event = _event_of(request)
        if event.kind == "ping":
            # It may come before the algorithm is there; nothing is told by this answer.
            return _ignored("The webhook is reached.")
        algorithm = _algorithm_of_event(request, where)
        remote = None if algorithm is None else remote_of(algorithm)
        if remote is None or not event.is_signed_by(remote):
            raise WebhookMalformed(
                reason="Its signature is not one of a webhook that the platform has here."
            )
        reason = event.reason_to_ignore(remote)
        if reason:
            return _ignored(reason)
        ask_for_fetch(algorithm_id=remote.pk)
        return Response(status=204)


def _ignored(reason: str) -> Response:
    return Response({"reason": reason}, status=202)


def _may_manage(request: Request, algorithm: Algorithm) -> bool:
    resource = resource_of(algorithm, public=algorithm.has_public_version)
    return bool(can(principal_of(request), Action.MANAGE_ALGORITHM, resource))


def _algorithm_of_event(request: Request, where: Mapping[str, Any]) -> Algorithm | None:
    """Raises WebhooksNotSupported, and what `algorithm_of` raises, to who comes with a key."""
    if not isinstance(request.user, Principal):
        return find_algorithm(where)
    algorithm = algorithm_of(request, where)
    check_external(algorithm.scm)
    return algorithm


def _event_of(request: Request) -> HostEvent:
    """Raises WebhookMalformed."""
    headers = request.headers
    found = next((sign for sign in _SIGNS if _has_sign(headers, *sign[1:])), None)
    if found is None:
        raise WebhookMalformed(reason="It has no headers that say what event it is about.")
    body = request.body
    try:
        payload = orjson.loads(body)
    except orjson.JSONDecodeError as exc:
        raise WebhookMalformed(reason="Its body is no JSON.") from exc
    if not isinstance(payload, dict) or not payload:
        raise WebhookMalformed(reason="Its body is no object.")
    return HostEvent(str(found[0]), headers[found[1]], headers, body, payload)


def _has_sign(headers: Mapping[str, str], kind: str, signatures: tuple[str, ...]) -> bool:
    return bool(headers.get(kind)) and any(map(headers.get, signatures or (kind,)))
