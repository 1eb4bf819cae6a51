"""News of notifications, for the layer that may enqueue tasks."""

from django.dispatch import Signal

# Sent after the commit; argument: `ids`, of notifications whose users want them by mail.
mail_wanted = Signal()
