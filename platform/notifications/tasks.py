"""Celery's entry points to notifications."""

from uuid import UUID

from celery import shared_task

from algoport.notifications.mailing import mail_notifications
from algoport.notifications.services import remove_old_notifications


@shared_task
def mail_notifications_task(ids: list[str], **kwargs: object) -> None:
    mail_notifications([UUID(each) for each in ids])


@shared_task
def remove_old_notifications_task(**kwargs: object) -> None:
    remove_old_notifications()
