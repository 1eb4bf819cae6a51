"""News of sources at other hosts, for the layer that may enqueue tasks."""

from django.dispatch import Signal

# Sent after the commit that made a fetch due; argument: algorithm_id.
fetch_due = Signal()
