"""Celery's entry points to repository hosts."""

from celery import shared_task

from scm.revocations import take_back_ended_tokens


@shared_task(expires=60)
def take_back_ended_tokens_task(**kwargs: object) -> None:
    take_back_ended_tokens()
