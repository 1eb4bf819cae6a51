"""Celery's entry points to builds and runners."""

from uuid import UUID

from celery import shared_task

from algorithms.building.work import perform_build, wake_waiting_builds
from algorithms.metering.error_log import remove_old_errors
from algorithms.queueing.services import remove_old_requests
from algorithms.remotes.fetching import perform_fetch, wake_waiting_fetches
from algorithms.running.overview import tell_beat
from algorithms.running.program import program_from
from algorithms.running.starting import start_runner
from algorithms.waking import EXECUTOR, SENDER


@shared_task
def build_algorithm_task(build_id: str, **kwargs: object) -> None:
    perform_build(UUID(build_id))


@shared_task
def wake_waiting_builds_task(**kwargs: object) -> None:
    wake_waiting_builds()


@shared_task
def fetch_source_task(algorithm_id: str, **kwargs: object) -> None:
    perform_fetch(UUID(algorithm_id))


@shared_task
def wake_waiting_fetches_task(**kwargs: object) -> None:
    wake_waiting_fetches()


@shared_task(expires=30)
def start_runner_task(
    runner_id: str, program: dict[str, str], gateway_id: str, **kwargs: object
) -> None:
    start_runner(runner_id=runner_id, program=program_from(program), gateway_id=gateway_id)


@shared_task(expires=30)
def run_queued_calls_task(**kwargs: object) -> None:
    EXECUTOR.wake()


@shared_task(expires=30)
def deliver_webhooks_task(**kwargs: object) -> None:
    SENDER.wake()


@shared_task
def remove_old_requests_task(**kwargs: object) -> None:
    remove_old_requests()


@shared_task
def remove_old_errors_task(**kwargs: object) -> None:
    remove_old_errors()


@shared_task(expires=10)
def tell_beat_task(**kwargs: object) -> None:
    tell_beat()
