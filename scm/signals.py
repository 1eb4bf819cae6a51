"""News of authorizations, for the app whose repositories wait for them."""

from django.dispatch import Signal

# Sent after the commit that recorded an authorization; arguments: user_id, scm_id.
host_authorized = Signal()
