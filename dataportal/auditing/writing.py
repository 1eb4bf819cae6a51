"""Accesses to data on their way into their table, and out of it when they are old."""

from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from algoport.journals.intents import REST_SECONDS
from algoport.journals.writing import write_records
from dataportal.auditing.records import ACCESSES, INTENTS
from dataportal.models import DataAccess

_BATCH = 5000


def write_data_accesses(folder: Path) -> int:
    """Write the accesses that have been recorded by now; how many that were.

    Those that a killed process had begun come after all that it had ended.
    """
    written = write_records(folder, ACCESSES)
    return written + write_records(folder / INTENTS, ACCESSES, REST_SECONDS)


def remove_old_accesses(now: datetime | None = None) -> int:
    """Forget accesses after ALGOPORT_DATA_ACCESS_DAYS; how many went."""
    limit = (now or timezone.now()) - timedelta(days=settings.DATA_ACCESS_DAYS)
    removed = 0
    while True:
        old = DataAccess.objects.filter(accessed_at__lt=limit).order_by("accessed_at")
        ids = list(old.values_list("id", flat=True)[:_BATCH])
        if not ids:
            return removed
        removed += DataAccess.objects.filter(id__in=ids).delete()[0]
