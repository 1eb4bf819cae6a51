"""Queued calls under /v1/requests: see, cancel, run again."""

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from algoport.accounts.api.authentication import principal_of
from algoport.api.description import page_of, refusals
from algoport.api.pagination import newest_first
from algoport.errors import InputValidationError
from algorithms.api.shapes import RequestHeadShape, RequestShape
from algorithms.constants import AsyncState
from algorithms.errors import RequestHasEnded, RequestNotDead, RequestNotFound
from algorithms.queueing.bodies import request_body, request_head
from algorithms.queueing.services import (
    cancel_request,
    get_request,
    redrive_request,
    requests_of,
)


class RequestListView(APIView):
    @extend_schema(
        parameters=[OpenApiParameter("state", enum=AsyncState.values)],
        responses={200: page_of(RequestHeadShape), **refusals(InputValidationError)},
    )
    def get(self, request: Request) -> Response:
        """List the account's queued calls, newest first."""
        rows = requests_of(principal_of(request)).without_payload()
        state = request.query_params.get("state")
        if state is not None:
            if state not in AsyncState.values:
                raise InputValidationError(f"state is one of {', '.join(AsyncState.values)}.")
            rows = rows.filter(state=state)
        page = newest_first(request, rows, time_field="accepted_at", render=request_head)
        return Response(page)


class RequestView(APIView):
    @extend_schema(
        responses={200: RequestShape, **refusals(RequestNotFound)},
    )
    def get(self, request: Request, request_id: str) -> Response:
        """Get a queued call, with its result when it has ended."""
        return Response(request_body(get_request(principal_of(request), request_id)))

    @extend_schema(
        responses={200: RequestShape, **refusals(RequestNotFound, RequestHasEnded)},
    )
    def delete(self, request: Request, request_id: str) -> Response:
        """Cancel a queued call."""
        principal = principal_of(request)
        return Response(request_body(cancel_request(principal=principal, request_id=request_id)))


class RedriveView(APIView):
    @extend_schema(
        request=None,
        responses={200: RequestShape, **refusals(RequestNotFound, RequestNotDead)},
    )
    def post(self, request: Request, request_id: str) -> Response:
        """Run a queued call again that has used up its attempts."""
        principal = principal_of(request)
        return Response(request_body(redrive_request(principal=principal, request_id=request_id)))
