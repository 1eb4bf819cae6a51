"""News of builds, for the layer that may enqueue tasks."""

from django.dispatch import Signal

# Sent after the commit that recorded a build; argument: build_id.
build_requested = Signal()
