"""What accounts are told."""

from django.db import models

from algoport.accounts.models import User
from algoport.db.models import UUIDModel
from algoport.notifications.constants import HEADINGS, LINK_LENGTH, TEXT_LENGTH, NotificationKind


class Notification(UUIDModel):
    """Something that a user is told; read or not, it goes when it is old.

    `context` says by ids and names what it is about, and tells it from others of its kind.
    """

    user = models.ForeignKey(User, models.CASCADE, related_name="notifications", db_index=False)
    kind = models.CharField(max_length=20, choices=NotificationKind.choices)
    text = models.CharField(max_length=TEXT_LENGTH)
    link = models.CharField(max_length=LINK_LENGTH, blank=True)
    context = models.JSONField(default=dict, blank=True)
    read_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["user", "-created_at", "-id"], name="notification_list"),
            models.Index(
                fields=["user", "-created_at", "-id"],
                condition=models.Q(read_at=None),
                name="notification_unread",
            ),
            models.Index(fields=["-created_at", "-id"], name="notification_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.heading} to {self.user}"

    @property
    def heading(self) -> str:
        return HEADINGS[self.kind]

    @property
    def leads_away(self) -> bool:
        """Whether its link is to another site."""
        return not self.link.startswith("/")
