"""Celery's entry point to hosted data."""

from celery import shared_task

from dataportal.services import remove_unused_blobs


@shared_task
def remove_unused_blobs_task(**kwargs: object) -> None:
    remove_unused_blobs()
