"""What happens when somebody wants a notification by mail: a worker sends it."""

import logging
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.dispatch import receiver

from algoport.broker import BrokerUnavailable, send_task
from algoport.notifications.constants import MAILS_AT_ONCE
from algoport.notifications.signals import mail_wanted
from algoport.notifications.tasks import mail_notifications_task

logger = logging.getLogger(__name__)


@receiver(mail_wanted)
def enqueue_mails(sender: object, ids: Sequence[UUID], **kwargs: Any) -> None:
    for start in range(0, len(ids), MAILS_AT_ONCE):
        part = [str(each) for each in ids[start : start + MAILS_AT_ONCE]]
        try:
            send_task(mail_notifications_task, part)
        except BrokerUnavailable as exc:
            # They are on the page of notifications in any case.
            logger.warning("%s notifications are not mailed: %s", len(ids) - start, exc)
            return
