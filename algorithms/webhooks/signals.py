"""Signals of webhooks."""

from django.dispatch import Signal

# A delivery is due; sent after the commit.
delivery_due = Signal()
