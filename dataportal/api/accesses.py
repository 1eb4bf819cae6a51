"""GET /v1/users/NAME/data-accesses: who has used an account's data."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from algoport.accounts.api.authentication import principal_of
from algoport.accounts.errors import UserNotFound
from algoport.api.description import IDENTIFIER, MOMENT, page_of, refusals
from algoport.api.pagination import newest_first
from algoport.api.timestamps import to_milliseconds
from algoport.errors import InputValidationError
from dataportal.api.shapes import DataAccessShape
from dataportal.auditing.selectors import OUTCOMES, AccessFilter, find_accesses_for
from dataportal.models import DataAccess

FILTERS = [
    OpenApiParameter("since", MOMENT, description="From this time on."),
    OpenApiParameter("until", MOMENT, description="Before this time."),
    OpenApiParameter("connector", description="`data`, or the id of a connector."),
    OpenApiParameter("path", description="How the path begins."),
    OpenApiParameter("account", description="Who used it."),
    OpenApiParameter(
        "algorithm", IDENTIFIER, description="Which algorithm did, in somebody's place."
    ),
    OpenApiParameter("outcome", enum=OUTCOMES),
]


class DataAccessListView(APIView):
    @extend_schema(
        parameters=FILTERS,
        responses={200: page_of(DataAccessShape), **refusals(UserNotFound, InputValidationError)},
    )
    def get(self, request: Request, username: str) -> Response:
        """List who has used an account's data, newest first."""
        rows = find_accesses_for(principal_of(request), username, _wanted(request))
        return Response(newest_first(request, rows, time_field="accessed_at", render=access_body))


def access_body(access: DataAccess) -> dict[str, Any]:
    return {
        "request_id": f"req-{access.id}",
        "session_id": f"rses-{access.session_id}",
        "accessed_at": to_milliseconds(access.accessed_at),
        "owner": access.owner,
        "connector": access.connector,
        "path": access.path,
        "operation": access.operation,
        "account": access.account,
        "principal": access.principal,
        "key_id": None if access.key_id is None else str(access.key_id),
        "algorithm_id": None if access.algorithm_id is None else str(access.algorithm_id),
        "run_id": None if access.run_id is None else f"req-{access.run_id}",
        "bytes_in": access.bytes_in,
        "bytes_out": access.bytes_out,
        "status": access.status,
        "error_type": access.error_type or None,
        "seconds": access.seconds,
    }


def _wanted(request: Request) -> AccessFilter:
    query = request.query_params
    return AccessFilter(
        since=_moment(query.get("since", ""), "since"),
        until=_moment(query.get("until", ""), "until"),
        connector=query.get("connector", ""),
        path=query.get("path", ""),
        account=query.get("account", ""),
        algorithm_id=_id(query.get("algorithm", "")),
        outcome=query.get("outcome", ""),
    )


def _moment(text: str, name: str) -> datetime | None:
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as exc:
        raise InputValidationError(f"{name} is a time such as 2026-11-21T10:00:00Z.") from exc
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _id(text: str) -> UUID | None:
    if not text:
        return None
    try:
        return UUID(text)
    except ValueError as exc:
        raise InputValidationError("algorithm is the id of an algorithm.") from exc
