"""What the dashboard tells: a fixed number of queries, and nothing that grows with the site."""

import time
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import redis
from django.db.models import Count, Q, QuerySet, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone

from algorithms.admin.search import FAILED
from algorithms.constants import (
    MOST_RESERVED_SLOTS,
    AsyncState,
    BuildState,
    DeliveryState,
)
from algorithms.models import AsyncCall, Build, CallRecord, Reservation, WebhookDelivery
from algorithms.running.overview import PoolsTold, read_beat, read_told
from dataportal.models import HostedUsage

# More than that is told as so many and more.
MOST_COUNTED = 10_000
# Beat sends a task every few seconds; one that was late several times is not there.
BEAT_SECONDS = 30
_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)


@dataclass(frozen=True)
class Live:
    """What only the broker knows; `beat_seconds` is how long ago beat was last heard."""

    pools: PoolsTold
    beat_seconds: float | None

    @property
    def beat_is_late(self) -> bool:
        return self.beat_seconds is None or self.beat_seconds > BEAT_SECONDS


def read_live() -> Live | None:
    """None when the broker does not answer."""
    try:
        told, beat = read_told(), read_beat()
    except redis.RedisError:
        return None
    return Live(told, None if beat is None else max(time.time() - beat, 0.0))


def read_figures() -> dict[str, Any]:
    """Everything on the dashboard, by the name that the template knows."""
    now = timezone.now()
    return {
        "live": read_live(),
        "now": now,
        "calls": _calls(now - _HOUR, now - _DAY),
        "queue": {
            "queued": _counted(AsyncCall.objects.filter(state=AsyncState.QUEUED)),
            "running": _counted(AsyncCall.objects.filter(state=AsyncState.RUNNING)),
            "dead": _counted(AsyncCall.objects.filter(state=AsyncState.DEAD)),
        },
        "builds": {
            "running": _counted(Build.objects.filter(state=BuildState.IN_PROGRESS)),
            "failed": _counted(
                Build.objects.filter(state=BuildState.FAILED, started_at__gte=now - _DAY)
            ),
        },
        "webhooks": WebhookDelivery.objects.filter(
            Q(state=DeliveryState.PENDING)
            | Q(state=DeliveryState.FAILED, created_at__gte=now - _DAY)
        ).aggregate(
            waiting=Count("id", filter=Q(state=DeliveryState.PENDING)),
            retrying=Count("id", filter=Q(state=DeliveryState.PENDING, tries__gt=0)),
            failed=Count("id", filter=Q(state=DeliveryState.FAILED)),
        ),
        "reserved": Reservation.objects.aggregate(
            slots=Coalesce(Sum("num_slots"), 0), rows=Count("id")
        )
        | {"most": MOST_RESERVED_SLOTS},
        "storage": HostedUsage.objects.aggregate(
            size=Coalesce(Sum("bytes"), 0), number=Coalesce(Sum("files"), 0)
        ),
    }


def _calls(hour: Any, day: Any) -> dict[str, Any]:
    in_hour = Q(started_at__gte=hour)
    return CallRecord.objects.filter(started_at__gte=day).aggregate(
        hour=Count("pk", filter=in_hour),
        hour_failed=Count("pk", filter=in_hour & FAILED),
        day=Count("pk"),
        day_failed=Count("pk", filter=FAILED),
    )


def _counted(rows: QuerySet) -> int:
    """How many, up to MOST_COUNTED."""
    return int(rows.order_by().values("pk")[:MOST_COUNTED].count())
