"""Usage reports for administrators (spec.md 9.2)."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from algoport.accounts.api.authentication import MayAdminister
from algoport.accounts.errors import UserNotFound
from algoport.api.description import MOMENT, page_parameters, refusals
from algoport.api.pagination import decode_marker, encode_marker, read_limit
from algoport.errors import InputValidationError, InvalidLimit, InvalidMarker
from algorithms.api.shapes import (
    AlgorithmUsagePageShape,
    CallerUsagePageShape,
    LegacyAlgorithmListShape,
    UsagePageShape,
)
from algorithms.errors import UsageDatesMissing
from algorithms.metering.usage import (
    BY_ALGORITHM,
    BY_BOTH,
    BY_CALLER,
    Period,
    Usage,
    account_ids,
    usage_page,
)

_MOST_USERS = 100
_YEARS = range(1970, 9999)

_MOMENT = {"anyOf": MOMENT["anyOf"][:2]}


def _parameters(of_what: str) -> list[OpenApiParameter]:
    """Parameters of a report; `of_what` names the format of its markers."""
    return [
        OpenApiParameter(
            "start_date", _MOMENT, required=True, description="A day, or a moment in ISO 8601."
        ),
        OpenApiParameter(
            "end_date",
            _MOMENT,
            required=True,
            description="A day, counted as a whole, or a moment.",
        ),
        OpenApiParameter("user", str, many=True, description="Callers; `user[]` does as well."),
        *page_parameters(f"{of_what}-marker", "page_size"),
    ]


_REFUSALS = refusals(UsageDatesMissing, UserNotFound, InvalidLimit, InvalidMarker)


class UsageView(APIView):
    """Sums of calls in a period; `by` is what they are grouped by."""

    permission_classes = [MayAdminister]
    by: tuple[str, ...] = BY_BOTH

    @extend_schema(parameters=_parameters("usage"), responses={200: UsagePageShape, **_REFUSALS})
    def get(self, request: Request) -> Response:
        """Sum up the calls of a period by callers and the versions that they called."""
        return self.page(request)

    def page(self, request: Request) -> Response:
        period = read_period(request)
        limit = read_limit(request, "page_size")
        after = read_marker(request, self.by)
        rows, more = usage_page(period, self.by, after, limit)
        marker = encode_marker(dict(zip(self.by, rows[-1].group, strict=True))) if more else None
        return Response({"results": [usage_body(row) for row in rows], "next_marker": marker})


class CallerUsageView(UsageView):
    by = BY_CALLER

    @extend_schema(
        parameters=_parameters("caller-usage"), responses={200: CallerUsagePageShape, **_REFUSALS}
    )
    def get(self, request: Request) -> Response:
        """Sum up the calls of a period by callers."""
        return self.page(request)


class AlgorithmUsageView(UsageView):
    by = BY_ALGORITHM

    @extend_schema(
        parameters=_parameters("algorithm-usage"),
        responses={200: AlgorithmUsagePageShape, **_REFUSALS},
    )
    def get(self, request: Request) -> Response:
        """Sum up the calls of a period by the versions that were called."""
        return self.page(request)


class LegacyAlgorithmListView(APIView):
    """Algorithms that have no environment yet and are to get one: here every one has."""

    permission_classes = [MayAdminister]

    @extend_schema(responses=LegacyAlgorithmListShape)
    def get(self, request: Request) -> Response:
        """List the algorithms without an environment, of which there are none."""
        return Response({"results": []})


def read_period(request: Request) -> Period:
    """Raises UsageDatesMissing, InputValidationError, UserNotFound."""
    query = request.query_params
    first, last = query.get("start_date"), query.get("end_date")
    if not first or not last:
        raise UsageDatesMissing
    begin, end = _moment("start_date", first), _moment("end_date", last)
    if len(last) == len("2026-01-31"):
        # A day is meant as a whole.
        end += timedelta(days=1)
    if end < begin:
        raise InputValidationError("end_date: it is before start_date.")
    names = [*query.getlist("user"), *query.getlist("user[]")]
    if len(names) > _MOST_USERS:
        raise InputValidationError(f"user: name at most {_MOST_USERS} of them.")
    return Period(begin, end, account_ids(names))


def _moment(field: str, text: str) -> datetime:
    """A day as in 2026-01-31, or a moment; one without a zone is in UTC."""
    try:
        if len(text) == len("2026-01-31"):
            moment = datetime.combine(date.fromisoformat(text), time(), UTC)
        else:
            moment = datetime.fromisoformat(text)
    except ValueError as exc:
        raise InputValidationError(
            f"{field}: a day like 2026-01-31, or a moment like 2026-01-31T12:00:00Z."
        ) from exc
    if moment.year not in _YEARS:
        raise InputValidationError(f"{field}: the year is from {_YEARS[0]} to {_YEARS[-1]}.")
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def read_marker(request: Request, by: tuple[str, ...]) -> tuple[str, ...] | None:
    """Raises InvalidMarker."""
    text = request.query_params.get("marker")
    if not text:
        return None
    values = tuple(decode_marker(text, *by))
    for column, value in zip(by, values, strict=True):
        if "\x00" in value or (column != "version" and not _is_uuid(value)):
            raise InvalidMarker
    return values


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def usage_body(row: Usage) -> dict[str, Any]:
    """`total_calls` is a text in the protocol; what was not grouped by is left out."""
    body = {
        "algorithm_called": row.algorithm,
        "caller": row.caller,
        "algorithm_version": row.version,
        "total_calls": str(row.calls),
        "algorithm_owner": row.owner,
        "total_errors": row.errors,
        "total_error_duration": row.error_seconds,
        "total_duration": row.seconds,
        "machine_type": row.machine_type,
    }
    return {name: value for name, value in body.items() if value is not None}
