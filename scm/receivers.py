"""What follows when an account or its tokens end."""

import logging
from typing import Any

from django.dispatch import receiver

from algoport.accounts.models import User
from algoport.accounts.signals import account_ended
from algoport.broker import BrokerUnavailable, send_task
from scm.connections import forget_account
from scm.signals import tokens_ended
from scm.tasks import take_back_ended_tokens_task

logger = logging.getLogger(__name__)


@receiver(account_ended)
def forget_authorizations(account: User, **kwargs: Any) -> None:
    forget_account(user_id=account.pk)


@receiver(tokens_ended)
def take_back(sender: object, **kwargs: Any) -> None:
    try:
        send_task(take_back_ended_tokens_task)
    except BrokerUnavailable as exc:
        # Those that wait are looked for every minute.
        logger.warning("ended tokens wait: %s", exc)
