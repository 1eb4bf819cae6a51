"""What users are told, on their pages and by mail; and messages of administrators."""

import re
from collections.abc import Callable
from datetime import timedelta
from smtplib import SMTPRecipientsRefused
from typing import Any
from unittest.mock import Mock

import pytest
from django.core.mail import EmailMessage
from django.core.mail.backends.locmem import EmailBackend
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from algoport.accounts.models import User
from algoport.audit.models import AuditEntry
from algoport.notifications.constants import KEPT, NotificationKind
from algoport.notifications.errors import InvalidNotification
from algoport.notifications.links import check_link
from algoport.notifications.models import Notification
from algoport.notifications.selectors import notifications_of
from algoport.notifications.services import (
    News,
    mark_read,
    notify,
    notify_once,
    remove_old_notifications,
    send_message,
)
from algoport.notifications.tasks import mail_notifications_task
from tests.plans import forget_statistics, plan_of
from tests.portal import recorded

PAGE = "/user/notifications"
ADD = "/admin/notifications/notification/add/"
HOSTILE = '"><script>alert(1)</script>'


@pytest.fixture
def guest(make_user: Callable[[str], User]) -> User:
    return make_user("guest")


@pytest.fixture
def mailed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Mail is sent at once, and not by a worker."""
    monkeypatch.setattr(
        "algoport.notifications.receivers.send_task", lambda task, ids: task.run(ids)
    )


def tell(user: User, text: str = "Hello", link: str = "") -> Notification:
    (row,) = notify(accounts=[user.pk], news=News(NotificationKind.MESSAGE, text, link))
    return row


def text_of(client: Client, path: str = PAGE) -> str:
    answer = client.get(path)
    assert answer.status_code == 200
    return answer.content.decode()


def badge(client: Client) -> str:
    """What the bell says, on a page that is about something else."""
    page = text_of(client, "/user/keys")
    found = re.search(r'class="bell" href="/user/notifications" aria-label="([^"]+)"', page)
    assert found
    return found[1]


def test_the_badge_counts_what_is_unread(browser: Client, demo: User, guest: User) -> None:
    tell(guest)
    assert badge(browser) == "Notifications"
    rows = [tell(demo) for _ in range(3)]
    assert badge(browser) == "Notifications, 3 unread"
    mark_read(user=demo, notification_id=rows[0].pk)
    assert badge(browser) == "Notifications, 2 unread"
    Notification.objects.bulk_create(
        Notification(user=demo, kind=NotificationKind.MESSAGE, text="x") for _ in range(200)
    )
    assert badge(browser) == "Notifications, 99+ unread"


def test_the_badge_is_one_query_and_none_for_who_has_not_signed_in(
    browser: Client, demo: User
) -> None:
    def asked(client: Client, path: str) -> int:
        with CaptureQueriesContext(connection) as queries:
            client.get(path)
        return sum("notifications_notification" in each["sql"] for each in queries)

    tell(demo)
    assert asked(browser, "/user/keys") == 1
    assert asked(Client(), "/") == asked(Client(), "/signin") == 0


def test_the_list(browser: Client, demo: User, guest: User) -> None:
    assert "No notifications" in text_of(browser)
    tell(guest, "secret of another")
    first = tell(demo, f"First {HOSTILE}\nline", "/algorithms/demo/Hello")
    tell(demo, "Second", "https://example.com/x")
    text = text_of(browser)
    assert text.index("Second") < text.index("First")
    assert "<script>alert" not in text and "secret of another" not in text
    assert '<a href="/algorithms/demo/Hello" aria-describedby' in text
    assert 'href="https://example.com/x" rel="noopener noreferrer nofollow"' in text
    mark_read(user=demo, notification_id=first.pk)
    unread = text_of(browser, f"{PAGE}?state=unread")
    assert "Second" in unread and "First" not in unread
    assert "First" in text_of(browser, f"{PAGE}?state=other")
    assert Client().get(PAGE)["Location"].startswith("/signin")


def test_paging_takes_the_same_queries(browser: Client, demo: User) -> None:
    def count() -> int:
        with CaptureQueriesContext(connection) as queries:
            text_of(browser)
        return len(queries)

    tell(demo)
    count()
    before = count()
    for number in range(29):
        tell(demo, f"Number {number}.")
    assert count() == before <= 10
    assert "Number 28." in text_of(browser) and "Number 3." not in text_of(browser)
    assert "Number 3." in text_of(browser, f"{PAGE}?page=2")
    part = browser.get(f"{PAGE}?page=2", headers={"HX-Request": "true", "HX-Target": "part"})
    assert "<html" not in part.content.decode() and "Number 3." in part.content.decode()


def test_marking_as_read(browser: Client, demo: User, guest: User) -> None:
    rows = [tell(demo) for _ in range(3)]
    other = tell(guest)
    one = f"{PAGE}/{rows[0].pk}/read"
    for _ in range(2):
        assert browser.post(f"{one}?state=unread")["Location"] == f"{PAGE}?state=unread"
    assert browser.get(one).status_code == 405
    assert browser.post(f"{PAGE}/{other.pk}/read").status_code == 404
    assert notifications_of(demo, unread=True).count() == 2
    for _ in range(2):
        assert browser.post(f"{PAGE}/read")["Location"] == PAGE
    assert notifications_of(demo, unread=True).count() == 0
    assert notifications_of(guest, unread=True).count() == 1
    told = [each.action for each in AuditEntry.objects.filter(via="web").order_by("number")]
    assert told == ["notification.read", "notification.read_all"]


def test_administrators_send_messages(portal: Client, demo: User, guest: User) -> None:
    form = {"recipients": "Demo, guest,demo,", "text": "Monday", "link": "/algorithms"}
    assert portal.post(ADD, form).status_code == 302
    rows = Notification.objects.order_by("user__username")
    assert [(row.user.username, row.text, row.link) for row in rows] == [
        ("demo", "Monday", "/algorithms"),
        ("guest", "Monday", "/algorithms"),
    ]
    recorded("notification.send")
    entry = AuditEntry.objects.get(action="notification.send")
    assert entry.changes["notes"]["recipients"] == ["demo", "guest"]


def test_messages_that_cannot_be_sent(portal: Client, demo: User, guest: User) -> None:
    User.objects.filter(pk=guest.pk).update(is_active=False)
    form = {"recipients": "demo", "text": "Monday", "link": ""}
    for changed, reason in (
        ({"recipients": "demo, Nobody,guest,x"}, "No users have these names: guest, Nobody, x."),
        ({"recipients": " , "}, "goes to 1 to 1000 users"),
        ({"recipients": "demo,a\x00b"}, "Null characters"),
        ({"text": ""}, "required"),
        ({"text": "x" * 1001}, "at most 1000"),
        ({"link": "http://example.com"}, "is a path of this site"),
        ({"link": "//example.com"}, "is a path of this site"),
    ):
        answer = portal.post(ADD, form | changed)
        assert answer.status_code == 200 and reason in answer.content.decode(), changed
    assert not Notification.objects.exists()


@pytest.mark.parametrize(
    "link", ["", "/", "/a/b?c=d#e", "https://example.com", "https://example.com:8443/x?y=%20#z"]
)
def test_links(link: str) -> None:
    check_link(link)


@pytest.mark.parametrize(
    "link",
    [
        *("x", "//a.example", "/\\a.example", "/a\\b", "/\t/a.example", "/a b", "/a\n", "/é"),
        *("http://a.example", "javascript:alert(1)", "https://", "https:/x", "ftp://a.example"),
        *("https://u:p@a.example/", "https://a.example/\x00", "/" + "x" * 500, "https://a b/"),
    ],
)
def test_links_that_lead_astray(link: str) -> None:
    with pytest.raises(InvalidNotification):
        check_link(link)


def test_mail_goes_to_who_wants_it(
    browser: Client,
    demo: User,
    guest: User,
    mailed: None,
    mailoutbox: list[EmailMessage],
    django_capture_on_commit_callbacks: Any,
) -> None:
    page = "/user/profile"
    assert "Receive notifications by e-mail" in text_of(browser, page)
    form = {"fullname": "", "company_name": "", "company_role": "", "mails_notifications": "on"}
    assert browser.post(page, form).status_code == 302
    demo.refresh_from_db()
    assert demo.mails_notifications and "checked" in text_of(browser, page)
    with django_capture_on_commit_callbacks(execute=True):
        send_message(usernames=["demo", "guest"], text=HOSTILE, link="/algorithms")
        notify(accounts=[demo.pk], news=News(NotificationKind.INVITATION, "x"))
    (mail,) = mailoutbox
    assert mail.to == ["demo@example.com"] and mail.subject == "[Algoport] Message"
    body = str(mail.body)
    assert HOSTILE in body and re.search(r"^http://\S+/algorithms$", body, re.MULTILINE)
    assert "/user/profile" in body
    browser.post(page, form | {"mails_notifications": ""})
    # Who has changed their mind since is left alone.
    mail_notifications_task.run([str(row.pk) for row in Notification.objects.all()])
    assert len(mailoutbox) == 1


def test_an_address_that_is_refused_costs_nobody_else_their_mail(
    demo: User, guest: User, mailoutbox: list[EmailMessage], monkeypatch: pytest.MonkeyPatch
) -> None:
    User.objects.update(mails_notifications=True)
    ids = [str(row.pk) for row in send_message(usernames=["demo", "guest"], text="x")]
    send, refused = EmailBackend.send_messages, {demo.email: (550, b"no such mailbox")}

    def refuse(self: EmailBackend, messages: list[EmailMessage]) -> int:
        if messages[0].to == [demo.email]:
            raise SMTPRecipientsRefused(refused)
        return int(send(self, messages))

    monkeypatch.setattr(EmailBackend, "send_messages", refuse)
    mail_notifications_task.run(ids)
    assert [mail.to for mail in mailoutbox] == [[guest.email]]
    monkeypatch.setattr(EmailBackend, "open", Mock(side_effect=ConnectionRefusedError))
    mail_notifications_task.run(ids)
    assert len(mailoutbox) == 1


def test_a_platform_without_mail_writes_none(
    demo: User, settings: Any, django_capture_on_commit_callbacks: Any
) -> None:
    settings.EMAIL_BACKEND = "algoport.mail.FolderBackend"
    User.objects.update(mails_notifications=True)
    with django_capture_on_commit_callbacks() as callbacks:
        send_message(usernames=["demo"], text="x")
    assert not callbacks


def test_the_same_is_told_once_while_it_is_unread(demo: User) -> None:
    news = News(NotificationKind.CALL_DEAD, "x" * 2000, context={"algorithm_id": "a"})
    (row,) = notify_once(accounts=[demo.pk, None], news=news)
    assert len(row.text) == 1000
    assert notify_once(accounts=[demo.pk], news=news) == []
    other = News(NotificationKind.CALL_DEAD, "x", context={"algorithm_id": "b"})
    assert len(notify_once(accounts=[demo.pk], news=other)) == 1
    mark_read(user=demo, notification_id=row.pk)
    assert len(notify_once(accounts=[demo.pk], news=news)) == 1


def test_old_ones_go(demo: User) -> None:
    old, young = tell(demo), tell(demo)
    Notification.objects.filter(pk=old.pk).update(created_at=timezone.now() - KEPT)
    Notification.objects.filter(pk=young.pk).update(
        created_at=timezone.now() - KEPT + timedelta(minutes=1)
    )
    remove_old_notifications()
    assert list(Notification.objects.all()) == [young]


def test_reads_are_from_indexes(demo: User) -> None:
    forget_statistics()
    mine, unread = notifications_of(demo), notifications_of(demo, unread=True)
    for rows, index in (
        (mine, "notification_list"),
        (unread, "notification_unread"),
        (Notification.objects.all(), "notification_newest"),
    ):
        sql, parameters = rows.order_by("-created_at", "-id")[:26].query.sql_with_params()
        with connection.cursor() as cursor:
            nodes = plan_of(cursor.mogrify(sql, parameters).decode())
        assert index in {node.get("Index Name") for node in nodes}
        assert "Sort" not in {node["Node Type"] for node in nodes}
