"""Who asks, as authentication finds it."""

from algoport.accounts.authentication import principal_of_key
from algoport.accounts.models import User
from algoport.accounts.permissions import EVERYTHING, Principal
from algoport.accounts.services import create_key


def make_principal(user: User) -> Principal:
    """The user, by a new key that may do everything."""
    return principal_of_key(create_key(owner=user, label="test", scopes=EVERYTHING).row)
