"""Who uses the admin endpoints."""

import pytest
from rest_framework.test import APIClient

from algoport.accounts.constants import KeyType
from algoport.accounts.permissions import Scopes
from algoport.accounts.services import create_key, create_user


@pytest.fixture
def administrator(db: None) -> APIClient:
    """The account `root`, with an admin key."""
    owner = create_user(username="root", email="root@example.com", staff=True)
    key = create_key(owner=owner, label="test", scopes=Scopes(), key_type=KeyType.ADMIN)
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=key.secret)
    return client
