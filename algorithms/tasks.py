"""Celery's entry points to builds and runners."""

from uuid import UUID

from celery import shared_task

from algorithms.building.work import perform_build, wake_waiting_builds
from algorithms.constants import NetworkAccess
from algorithms.running.starting import start_runner


@shared_task
def build_algorithm_task(build_id: str, **kwargs: object) -> None:
    perform_build(UUID(build_id))


@shared_task
def wake_waiting_builds_task(**kwargs: object) -> None:
    wake_waiting_builds()


@shared_task(expires=30)
def start_runner_task(
    runner_id: str,
    build_id: str,
    gateway_id: str,
    network_access: str = NetworkAccess.ISOLATED,
    **kwargs: object,
) -> None:
    start_runner(
        runner_id=runner_id,
        build_id=UUID(build_id),
        gateway_id=gateway_id,
        network_access=network_access,
    )
