"""News of authorizations: for the app whose repositories wait for them, and for workers."""

from django.dispatch import Signal

# Sent after the commit that recorded an authorization; arguments: user_id, scm_id.
host_authorized = Signal()
# Sent after the commit that parted with tokens, which a worker is to take back.
tokens_ended = Signal()
