"""Pages are dark where administrators have switched that on."""

import pytest
from django.test import Client

from algoport.accounts.models import User
from algorithms.features.switching import switch_feature

pytestmark = pytest.mark.django_db

DARK = '<html lang="en" class="dark">'


def is_dark(client: Client) -> bool:
    page = client.get("/")
    assert page.status_code == 200
    return DARK in page.content.decode()


def test_the_dark_theme(demo: User) -> None:
    visitor, signed_in = Client(), Client()
    signed_in.force_login(demo)
    assert not is_dark(visitor) and not is_dark(signed_in)
    switch_feature(name="dark-theme-enabled", enabled=True, username="demo")
    assert not is_dark(visitor) and is_dark(signed_in)
    switch_feature(name="dark-theme-enabled", enabled=True)
    switch_feature(name="dark-theme-enabled", enabled=False, username="demo")
    assert is_dark(visitor) and not is_dark(signed_in)
