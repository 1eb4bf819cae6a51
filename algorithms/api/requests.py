"""Queued calls under /v1/requests: see, cancel, run again."""

from datetime import datetime
from typing import Any

import orjson
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from algoport.accounts.permissions import Principal
from algoport.api.pagination import newest_first
from algoport.api.timestamps import to_milliseconds
from algoport.errors import InputValidationError
from algorithms.constants import AsyncState
from algorithms.models import AsyncCall
from algorithms.queueing.services import (
    cancel_request,
    get_request,
    redrive_request,
    requests_of,
)


class RequestListView(APIView):
    def get(self, request: Request) -> Response:
        """The account's requests, newest first; `state` leaves only those in that state."""
        rows = requests_of(_principal_of(request)).without_payload()
        state = request.query_params.get("state")
        if state is not None:
            if state not in AsyncState.values:
                raise InputValidationError(f"state is one of {', '.join(AsyncState.values)}.")
            rows = rows.filter(state=state)
        page = newest_first(request, rows, time_field="accepted_at", render=request_head)
        return Response(page)


class RequestView(APIView):
    def get(self, request: Request, request_id: str) -> Response:
        return Response(request_body(get_request(_principal_of(request), request_id)))

    def delete(self, request: Request, request_id: str) -> Response:
        principal = _principal_of(request)
        return Response(request_body(cancel_request(principal=principal, request_id=request_id)))


class RedriveView(APIView):
    def post(self, request: Request, request_id: str) -> Response:
        principal = _principal_of(request)
        return Response(request_body(redrive_request(principal=principal, request_id=request_id)))


def _principal_of(request: Request) -> Principal:
    principal = request.user
    assert isinstance(principal, Principal)
    return principal


def request_head(call: AsyncCall) -> dict[str, Any]:
    """What a list shows of a request."""
    return {
        "request_id": f"req-{call.pk}",
        "session_id": f"rses-{call.session_id}",
        "algorithm": f"algo://{call.address}",
        "state": call.state,
        "accepted_at": _time(call.accepted_at),
        "started_at": _time(call.started_at),
        "ended_at": _time(call.ended_at),
        "tries": call.tries,
        "attempts_allowed": call.attempts_allowed,
    }


def request_body(call: AsyncCall) -> dict[str, Any]:
    """A request with its result or error, in the form of a synchronous answer."""
    body = request_head(call)
    if call.state == AsyncState.FINISHED:
        kept = call.result is not None
        body["result"] = orjson.loads(call.result) if kept else None
        body["metadata"] = {"content_type": call.content_type, "duration": call.seconds}
        if not kept:
            body["metadata"]["expired"] = True
    elif call.error:
        body["error"] = {"message": call.error, "error_type": call.error_type}
    return body


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else to_milliseconds(moment)
