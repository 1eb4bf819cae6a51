"""What happens when something is announced: a requested build is sent to a worker."""

from typing import Any
from uuid import UUID

from django.dispatch import receiver

from algorithms.building.signals import build_requested
from algorithms.tasks import build_algorithm_task


@receiver(build_requested)
def enqueue_build(sender: object, build_id: UUID, **kwargs: Any) -> None:
    build_algorithm_task.delay(str(build_id))
