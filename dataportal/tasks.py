"""Celery's entry points to hosted data."""

from celery import shared_task

from dataportal.auditing.writing import remove_old_accesses
from dataportal.services import remove_outdated_data, remove_unused_blobs


@shared_task
def remove_outdated_data_task(**kwargs: object) -> None:
    remove_outdated_data()


@shared_task
def remove_unused_blobs_task(**kwargs: object) -> None:
    remove_unused_blobs()


@shared_task
def remove_old_accesses_task(**kwargs: object) -> None:
    remove_old_accesses()
