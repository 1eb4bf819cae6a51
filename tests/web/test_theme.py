"""Pages have the colours that the reader has chosen, or else administrators."""

import pytest
from django.test import Client

from algoport.accounts.models import User
from algorithms.features.switching import switch_feature

pytestmark = pytest.mark.django_db


def theme_of(client: Client) -> str:
    page = client.get("/")
    assert page.status_code == 200
    head = page.content.decode().partition("<head>")[0]
    return head.partition('class="')[2].partition('"')[0]


def test_the_dark_theme(demo: User) -> None:
    visitor, signed_in = Client(), Client()
    signed_in.force_login(demo)
    assert theme_of(visitor) == theme_of(signed_in) == ""
    switch_feature(name="dark-theme-enabled", enabled=True, username="demo")
    assert theme_of(visitor) == "" and theme_of(signed_in) == "dark"
    switch_feature(name="dark-theme-enabled", enabled=True)
    switch_feature(name="dark-theme-enabled", enabled=False, username="demo")
    assert theme_of(visitor) == "dark" and theme_of(signed_in) == ""


def test_the_readers_choice_counts_before_the_sites() -> None:
    switch_feature(name="dark-theme-enabled", enabled=True)
    client = Client()
    answer = client.post("/theme", {"theme": "light", "next": "/signin?next=/"})
    assert answer.status_code == 302 and answer["Location"] == "/signin?next=/"
    assert theme_of(client) == "light"
    client.post("/theme", {"theme": "auto"})
    assert theme_of(client) == "dark"


@pytest.mark.parametrize("elsewhere", ["//example.com", "https://example.com/", "javascript:x"])
def test_choosing_leads_nowhere_else(elsewhere: str) -> None:
    answer = Client().post("/theme", {"theme": "dark", "next": elsewhere})
    assert answer["Location"] == "/"


def test_a_theme_that_there_is_not(demo: User) -> None:
    client = Client()
    client.post("/theme", {"theme": 'dark" onload="x'})
    assert theme_of(client) == ""
    client.cookies["theme"] = 'x" onload="x'
    assert theme_of(client) == ""
