"""Notifications by mail, for those who want them so."""

import logging
from collections.abc import Sequence
from smtplib import SMTPRecipientsRefused
from uuid import UUID

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.template.loader import render_to_string
from django.urls import reverse

from algoport.notifications.models import Notification

logger = logging.getLogger(__name__)


def mail_notifications(ids: Sequence[UUID]) -> None:
    """Mail those of them whose users still want it; what cannot be sent is on their page."""
    rows = Notification.objects.filter(
        pk__in=ids, user__mails_notifications=True, user__is_active=True
    )
    messages = [_message_of(row) for row in rows.select_related("user")]
    if not messages:
        return
    try:
        with get_connection() as connection:
            for message in messages:
                _send(connection, message)
    except OSError as exc:
        logger.error("notifications could not be mailed: %s", exc)


def _send(connection: BaseEmailBackend, message: EmailMessage) -> None:
    try:
        connection.send_messages([message])
    except SMTPRecipientsRefused as exc:
        # The others of this batch have addresses that may be good.
        logger.warning("a notification could not be mailed: %s", exc)


def _message_of(row: Notification) -> EmailMessage:
    link = row.link if row.leads_away or not row.link else f"{settings.ALGOPORT_URL}{row.link}"
    profile = f"{settings.ALGOPORT_URL}{reverse('profile')}"
    text = render_to_string(
        "notifications/mail.txt", {"row": row, "link": link, "profile": profile}
    )
    return EmailMessage(f"[Algoport] {row.heading}", text, None, [row.user.email])
