"""Telling users something, and their having read it (spec.md 2.10)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from uuid import UUID

from django.db import transaction
from django.db.models.functions import Lower
from django.utils import timezone

from algoport.accounts.models import User
from algoport.accounts.selectors import users
from algoport.audit.recording import act
from algoport.mail import is_sent
from algoport.notifications.constants import (
    KEPT,
    MOST_RECIPIENTS,
    NOT_MAILED,
    TEXT_LENGTH,
    NotificationKind,
)
from algoport.notifications.errors import (
    InvalidNotification,
    NotificationNotFound,
    UnknownRecipients,
)
from algoport.notifications.links import check_link
from algoport.notifications.models import Notification
from algoport.notifications.signals import mail_wanted


@dataclass(frozen=True, slots=True)
class News:
    """What is told; a text that is too long is cut."""

    kind: str
    text: str
    link: str = ""
    context: Mapping[str, str] = field(default_factory=dict)


@transaction.atomic
def notify(*, accounts: Iterable[UUID | None], news: News) -> list[Notification]:
    """Tell users, as a part of whatever it is about: there is no entry of its own for it.

    Mail goes out after the commit to those who want it. None, accounts that are no users, and
    those that have ended are left out.
    """
    wanted = {each for each in accounts if each is not None}
    return _tell(users().filter(pk__in=wanted), news) if wanted else []


@transaction.atomic
def notify_once(*, accounts: Iterable[UUID | None], news: News) -> list[Notification]:
    """As notify, but not who has the same kind of news in the same context unread."""
    wanted = {each for each in accounts if each is not None}
    unread = Notification.objects.filter(
        user__in=wanted, read_at=None, kind=news.kind, context=dict(news.context)
    )
    return notify(accounts=wanted - set(unread.values_list("user_id", flat=True)), news=news)


@transaction.atomic
def send_message(*, usernames: list[str], text: str, link: str = "") -> list[Notification]:
    """Send an administrator's message to users, by their names; to all of them or to none.

    Raises UnknownRecipients, InvalidNotification.
    """
    named = {name.lower(): name for name in usernames}
    if not 1 <= len(named) <= MOST_RECIPIENTS:
        raise InvalidNotification(reason=f"it goes to 1 to {MOST_RECIPIENTS} users")
    if not text.strip() or len(text) > TEXT_LENGTH:
        raise InvalidNotification(reason=f"a message has 1 to {TEXT_LENGTH} characters")
    check_link(link)
    known = [name for name in named if "\x00" not in name]
    found = list(users().alias(key=Lower("username")).filter(key__in=known).order_by("username"))
    unknown = named.keys() - {user.username.lower() for user in found}
    if unknown:
        raise UnknownRecipients(names=", ".join(named[key] for key in sorted(unknown)))
    with act("notification.send") as done:
        rows = _tell(found, News(NotificationKind.MESSAGE, text, link))
        done.target = rows[0]
        done.note(recipients=[user.username for user in found])
    return rows


@transaction.atomic
def mark_read(*, user: User, notification_id: UUID) -> Notification:
    """Raises NotificationNotFound, for another's too."""
    rows = Notification.objects.select_for_update(of=("self",)).select_related("user")
    row = rows.filter(pk=notification_id, user=user).first()
    if row is None:
        raise NotificationNotFound
    with act("notification.read", row) as done:
        if row.read_at is None:
            row.read_at = timezone.now()
            row.save(update_fields=["read_at"])
        else:
            done.nothing()
    return row


@transaction.atomic
def mark_all_read(*, user: User) -> int:
    """How many were unread."""
    with act("notification.read_all", user) as done:
        unread = Notification.objects.filter(user=user, read_at=None)
        count = unread.update(read_at=timezone.now())
        done.note(notifications=count)
        if not count:
            done.nothing()
    return count


def remove_old_notifications(now: datetime | None = None) -> None:
    """Forget those that are 90 days old."""
    Notification.objects.filter(created_at__lt=(now or timezone.now()) - KEPT).delete()


def _tell(recipients: Iterable[User], news: News) -> list[Notification]:
    text = news.text if len(news.text) <= TEXT_LENGTH else f"{news.text[: TEXT_LENGTH - 1]}…"
    found = list(recipients)
    rows = Notification.objects.bulk_create(
        Notification(
            user=user, kind=news.kind, text=text, link=news.link, context=dict(news.context)
        )
        for user in found
    )
    mailed = [row.pk for row in rows if row.user.mails_notifications]
    if mailed and news.kind not in NOT_MAILED and is_sent():
        transaction.on_commit(partial(mail_wanted.send, Notification, ids=mailed))
    return rows
