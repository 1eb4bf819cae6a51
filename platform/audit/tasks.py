"""Celery tasks of the audit trail."""

from celery import shared_task

from algoport.audit.checkpoints import write_checkpoint


@shared_task(ignore_result=True)
def write_checkpoint_task(**kwargs: object) -> None:
    write_checkpoint()
