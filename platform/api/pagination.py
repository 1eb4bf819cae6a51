"""Pages of /v1 lists: `marker`, `next_link`, `results` (spec.md 11.4)."""

import base64
import binascii
from collections.abc import Callable, Iterable
from datetime import datetime
from heapq import merge
from itertools import islice
from operator import attrgetter
from typing import Any, TypeVar
from urllib.parse import urlencode
from uuid import UUID

import orjson
from django.conf import settings
from django.db.models import Model, Q, QuerySet
from rest_framework.request import Request

from algoport.errors import InvalidLimit, InvalidMarker

M = TypeVar("M", bound=Model)


def encode_marker(value: dict[str, str]) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(value)).decode().rstrip("=")


def decode_marker(marker: str, *fields: str) -> list[str]:
    """The marker's fields. Raises InvalidMarker for anything we did not make."""
    try:
        value = orjson.loads(base64.urlsafe_b64decode(marker + "=" * (-len(marker) % 4)))
    except (binascii.Error, ValueError) as exc:
        raise InvalidMarker from exc
    if not isinstance(value, dict) or set(value) != set(fields):
        raise InvalidMarker
    if not all(isinstance(part, str) for part in value.values()):
        raise InvalidMarker
    return [value[field] for field in fields]


def read_limit(request: Request, name: str = "limit") -> int:
    raw = request.query_params.get(name)
    if raw is None:
        return int(settings.PAGE_SIZE)
    if not (raw.isascii() and raw.isdigit()) or not 1 <= int(raw) <= settings.PAGE_SIZE_LIMIT:
        raise InvalidLimit
    return int(raw)


def newest_first(
    request: Request, *lists: QuerySet[M], time_field: str, render: Callable[[M], Any]
) -> dict[str, Any]:
    """One page of all the rows together, newest first; a query for each list.

    The marker is the last row's time and id, so pages never shift.
    """
    limit = read_limit(request)
    marker = request.query_params.get("marker")
    after = _after_marker(marker, time_field) if marker else Q()
    found = (rows.filter(after).order_by(f"-{time_field}", "-id")[: limit + 1] for rows in lists)
    page = list(islice(merge(*found, key=attrgetter(time_field, "pk"), reverse=True), limit + 1))
    more = len(page) > limit
    page = page[:limit]
    next_marker = None
    if more:
        last = page[-1]
        stamp = getattr(last, time_field).isoformat()
        next_marker = encode_marker({"at": stamp, "id": str(last.pk)})
    return page_body(request, next_marker, limit, (render(row) for row in page))


def page_body(
    request: Request, marker: str | None, limit: int, results: Iterable[Any]
) -> dict[str, Any]:
    link = None
    if marker is not None:
        query = request.query_params.dict() | {"limit": str(limit), "marker": marker}
        link = request.build_absolute_uri(f"{request.path}?{urlencode(query)}")
    return {"marker": marker, "next_link": link, "results": list(results)}


def _after_marker(marker: str, time_field: str) -> Q:
    stamp, identifier = decode_marker(marker, "at", "id")
    try:
        at, pk = datetime.fromisoformat(stamp), UUID(identifier)
    except ValueError as exc:
        raise InvalidMarker from exc
    if at.tzinfo is None:
        raise InvalidMarker
    return Q(**{f"{time_field}__lt": at}) | Q(**{time_field: at}, id__lt=pk)
