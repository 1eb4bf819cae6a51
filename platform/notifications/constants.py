"""Kinds and limits of notifications (spec.md 2.10)."""

from datetime import timedelta

from django.db import models

TEXT_LENGTH = 1000
LINK_LENGTH = 500
KEPT = timedelta(days=90)
MOST_RECIPIENTS = 1000
MOST_LISTED = 100
# The badge tells no higher number.
MOST_COUNTED = 99
MAILS_AT_ONCE = 100


class NotificationKind(models.TextChoices):
    """What a notification is about; the first two are the protocol's."""

    ALGORITHM_CREATION = "algorithm-creation"
    ALGORITHM_RELEASE = "algorithm-release"
    MESSAGE = "message"
    INVITATION = "invitation"
    APPROVAL_ASKED = "approval-asked"
    APPROVAL_DECIDED = "approval-decided"
    BUILD_FAILED = "build-failed"
    CALL_DEAD = "call-dead"
    WEBHOOK_FAILED = "webhook-failed"


# As readers see them.
HEADINGS: dict[str, str] = {
    NotificationKind.ALGORITHM_CREATION: "New algorithm",
    NotificationKind.ALGORITHM_RELEASE: "New version",
    NotificationKind.MESSAGE: "Message",
    NotificationKind.INVITATION: "Invitation",
    NotificationKind.APPROVAL_ASKED: "Approval needed",
    NotificationKind.APPROVAL_DECIDED: "Approval decided",
    NotificationKind.BUILD_FAILED: "Build failed",
    NotificationKind.CALL_DEAD: "Call given up",
    NotificationKind.WEBHOOK_FAILED: "Webhook failed",
}
# Those that the API lists.
EVENT_TYPES = (NotificationKind.ALGORITHM_CREATION, NotificationKind.ALGORITHM_RELEASE)
# Who is invited has a mail about it already.
NOT_MAILED = frozenset({NotificationKind.INVITATION})
