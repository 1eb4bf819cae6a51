"""Celery's entry points to accounts."""

from celery import shared_task

from algoport.accounts.sessions import remove_expired_sessions


@shared_task
def remove_expired_sessions_task(**kwargs: object) -> None:
    remove_expired_sessions()
