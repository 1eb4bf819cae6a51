"""GET /v1/admin/audit: who has changed what, for administrators (docs/audit.md)."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from algoport.accounts.api.authentication import MayAdminister
from algoport.accounts.api.shapes import AuditEntryShape
from algoport.api.description import IDENTIFIER, MOMENT, page_of, page_parameters, refusals
from algoport.api.pagination import decode_marker, encode_marker, page_body, read_limit
from algoport.api.timestamps import to_milliseconds
from algoport.audit.models import AuditEntry
from algoport.audit.selectors import EntryFilter, find_entries
from algoport.errors import InputValidationError, InvalidMarker

_LARGEST_NUMBER = 2**63 - 1
_TEXTS = ("actor", "action", "target", "target_kind", "request_id")

_FILTERS = [
    *page_parameters("number-marker"),
    *(OpenApiParameter(name) for name in _TEXTS),
    OpenApiParameter("owner", IDENTIFIER),
    OpenApiParameter("since", MOMENT, description="From this time on."),
    OpenApiParameter("until", MOMENT, description="Before this time."),
]


class AuditListView(APIView):
    permission_classes = [MayAdminister]

    @extend_schema(
        parameters=_FILTERS,
        responses={200: page_of(AuditEntryShape), **refusals(InputValidationError)},
    )
    def get(self, request: Request) -> Response:
        """List who has changed what, newest first."""
        rows = find_entries(_wanted(request))
        marker, limit = request.query_params.get("marker"), read_limit(request)
        if marker:
            rows = rows.filter(number__lt=_number(marker))
        page = list(rows[: limit + 1])
        more, page = len(page) > limit, page[:limit]
        after = encode_marker({"number": str(page[-1].number)}) if more else None
        return Response(page_body(request, after, limit, map(entry_body, page)))


def entry_body(entry: AuditEntry) -> dict[str, Any]:
    return {
        "number": entry.number,
        "at": to_milliseconds(entry.at),
        "action": entry.action,
        "actor": _named(entry.actor_id, entry.actor_name)
        | {"kind": entry.actor_kind, "key_id": _text(entry.key_id), "via": entry.via},
        "impersonator": _named(entry.impersonator_id, entry.impersonator_name)
        if entry.impersonator_id
        else None,
        "target": {
            "kind": entry.target_kind,
            "id": entry.target_id,
            "name": entry.target_name,
            "owner_id": _text(entry.owner_id),
        },
        "changes": entry.changes,
        "request_id": entry.request_id or None,
        "hash": entry.hash,
    }


def _named(identifier: UUID | None, name: str) -> dict[str, Any]:
    return {"id": _text(identifier), "name": name}


def _text(identifier: UUID | None) -> str | None:
    return None if identifier is None else str(identifier)


def _wanted(request: Request) -> EntryFilter:
    query = request.query_params
    if any("\x00" in query.get(name, "") for name in _TEXTS):
        raise InputValidationError("A filter has no NUL in it.")
    return EntryFilter(
        **{name: query.get(name, "") for name in _TEXTS},
        owner=_id(query.get("owner", "")),
        since=_moment(query.get("since", ""), "since"),
        until=_moment(query.get("until", ""), "until"),
    )


def _id(text: str) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError as exc:
        raise InputValidationError("owner is the id of an account.") from exc


def _moment(text: str, name: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text) if text else None
    except ValueError as exc:
        raise InputValidationError(f"{name} is a time such as 2026-11-21T10:00:00Z.") from exc
    return moment if moment is None or moment.tzinfo else moment.replace(tzinfo=UTC)


def _number(marker: str) -> int:
    (number,) = decode_marker(marker, "number")
    if not (number.isascii() and number.isdigit()) or len(number) > 19:
        raise InvalidMarker
    return min(int(number), _LARGEST_NUMBER)
