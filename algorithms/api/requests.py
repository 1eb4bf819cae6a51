"""Queued calls under /v1/requests: see, cancel, run again."""

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from algoport.accounts.api.authentication import principal_of
from algoport.api.pagination import newest_first
from algoport.errors import InputValidationError
from algorithms.constants import AsyncState
from algorithms.queueing.bodies import request_body, request_head
from algorithms.queueing.services import (
    cancel_request,
    get_request,
    redrive_request,
    requests_of,
)


class RequestListView(APIView):
    def get(self, request: Request) -> Response:
        """The account's requests, newest first; `state` leaves only those in that state."""
        rows = requests_of(principal_of(request)).without_payload()
        state = request.query_params.get("state")
        if state is not None:
            if state not in AsyncState.values:
                raise InputValidationError(f"state is one of {', '.join(AsyncState.values)}.")
            rows = rows.filter(state=state)
        page = newest_first(request, rows, time_field="accepted_at", render=request_head)
        return Response(page)


class RequestView(APIView):
    def get(self, request: Request, request_id: str) -> Response:
        return Response(request_body(get_request(principal_of(request), request_id)))

    def delete(self, request: Request, request_id: str) -> Response:
        principal = principal_of(request)
        return Response(request_body(cancel_request(principal=principal, request_id=request_id)))


class RedriveView(APIView):
    def post(self, request: Request, request_id: str) -> Response:
        principal = principal_of(request)
        return Response(request_body(redrive_request(principal=principal, request_id=request_id)))
