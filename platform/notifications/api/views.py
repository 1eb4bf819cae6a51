"""/v1/users/ID/notifications: algorithms and versions that an account was told of."""

from datetime import UTC, datetime
from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from algoport.accounts.api.authentication import principal_of
from algoport.accounts.errors import UserNotFound
from algoport.api.description import MOMENT, refusals
from algoport.api.timestamps import to_milliseconds
from algoport.notifications.api.shapes import NotificationShape
from algoport.notifications.constants import EVENT_TYPES, MOST_LISTED
from algoport.notifications.errors import MissingQueryParameterEventTypes, QueryParameterError
from algoport.notifications.models import Notification
from algoport.notifications.selectors import events_of, get_reader_for

_TYPES = [str(each) for each in EVENT_TYPES]
_PARAMETERS = [
    OpenApiParameter(
        "event_types",
        {"type": "array", "items": {"type": "string", "enum": _TYPES}, "minItems": 1},
        required=True,
        style="form",
        explode=False,
        description="With commas between them.",
    ),
    OpenApiParameter(
        "limit",
        {"type": "integer", "minimum": 1, "maximum": MOST_LISTED, "default": MOST_LISTED},
        description="How many there are at most.",
    ),
    OpenApiParameter("since", MOMENT, description="After this time."),
]


class NotificationListView(APIView):
    @extend_schema(
        parameters=_PARAMETERS,
        responses={
            200: NotificationShape(many=True),
            **refusals(MissingQueryParameterEventTypes, QueryParameterError, UserNotFound),
        },
    )
    def get(self, request: Request, user_id: str) -> Response:
        """List what an account was told of algorithms, newest first."""
        user = get_reader_for(principal_of(request), user_id)
        query = request.query_params
        kinds = _kinds(query.get("event_types", ""))
        rows = events_of(user, kinds, _since(query.get("since", "")), _limit(query))
        return Response([notification_body(row) for row in rows])


def notification_body(row: Notification) -> dict[str, Any]:
    read = {} if row.read_at is None else {"read_at": to_milliseconds(row.read_at)}
    return {
        "notification_id": str(row.pk),
        "notification_type": row.kind,
        "created_at": to_milliseconds(row.created_at),
        **read,
        "notification_context": row.context,
    }


def _kinds(text: str) -> list[str]:
    kinds = [each.strip() for each in text.split(",") if each.strip()]
    if not kinds:
        raise MissingQueryParameterEventTypes
    if not set(kinds) <= set(_TYPES):
        raise QueryParameterError(reason=f"event_types has {' and '.join(_TYPES)}")
    return kinds


def _limit(query: Any) -> int:
    text = query.get("limit", str(MOST_LISTED))
    good = text.isascii() and text.isdigit() and len(text) < 10
    if not good or not 1 <= int(text) <= MOST_LISTED:
        raise QueryParameterError(reason=f"limit is a whole number from 1 to {MOST_LISTED}")
    return int(text)


def _since(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text) if text else None
    except ValueError as exc:
        raise QueryParameterError(reason="since is a time such as 2026-11-21T10:00:00Z") from exc
    return moment if moment is None or moment.tzinfo else moment.replace(tzinfo=UTC)
