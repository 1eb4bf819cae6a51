"""News of accounts for the apps above."""

from django.dispatch import Signal

# An identity provider has told which groups a user is in: `user`, `groups`. Sent inside the
# transaction that takes the identity over, only when the provider tells of groups.
groups_told = Signal()
# An account, a user's or an organization's, has ended: `account`. Sent inside the transaction.
account_ended = Signal()
