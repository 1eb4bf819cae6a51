"""Who asks, as authentication finds it."""

from rest_framework.test import APIClient

from algoport.accounts.authentication import find_principal
from algoport.accounts.constants import KeyType
from algoport.accounts.models import ApiKey, User
from algoport.accounts.permissions import EVERYTHING, Principal
from algoport.accounts.services import create_key


def make_principal(user: User) -> Principal:
    """The user, by a new key that may do everything."""
    return principal_of_key(create_key(owner=user, label="test", scopes=EVERYTHING).row)


def principal_of_key(key: ApiKey) -> Principal:
    """As authentication finds it now."""
    principal = find_principal(pk=key.pk)
    assert principal is not None
    return principal


def administrator_client(user: User) -> APIClient:
    """A client with an admin key of the user, who is an administrator from now on."""
    user.is_staff = True
    user.save(update_fields=["is_staff"])
    key = create_key(owner=user, label="admin", scopes=EVERYTHING, key_type=KeyType.ADMIN)
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Simple {key.secret}")
    return client
