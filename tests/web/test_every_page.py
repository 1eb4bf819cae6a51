"""Every page: whom it is for, and that no text which somebody chose is more than text on it."""

from html.parser import HTMLParser
from pathlib import Path

import pytest
from django.test import Client
from pytest_django import Settings

from algoport.accounts.models import User
from algorithms.constants import FeatureName
from algorithms.features.switching import switch_feature
from algorithms.models import Environment
from tests.factories.dataportal import host_files_in
from tests.web.pages_world import PATTERNS, World, addresses, make_world

pytestmark = pytest.mark.django_db

# For everybody, or only on the way from somewhere.
OPEN = {"home", "api-reference", "account_signup", "invitation"}
# Of a public algorithm whose source is open, and pages for something of the reader's own.
FOR_STRANGERS = {
    *("algorithm", "algorithm-docs", "algorithm-versions"),
    *("algorithm-source", "algorithm-source-history", "algorithm-source-commit"),
    "connector-new",
}
STARTS = ("http:", "https:", "mailto:", "/", "#", "?", "data:image/", ".")


class Strict(HTMLParser):
    """Reads a page and notes whatever no page of ours has."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = {name for name, _ in attrs}
        if tag == "x-probe" or "x-probe" in names or (tag == "script" and "src" not in names):
            self.found.append(self.get_starttag_text() or tag)
        for name, value in attrs:
            if name.startswith("on") or name == "style":
                self.found.append(f"{tag} {name}={value}")
            if name in ("href", "src", "action") and value and not value.startswith(STARTS):
                self.found.append(f"{tag} {name}={value}")


@pytest.fixture
def world(demo: User, python_environment: Environment, settings: Settings, tmp_path: Path) -> World:
    host_files_in(tmp_path, settings)
    switch_feature(name=FeatureName.ALGORITHM_ERRORS, enabled=True)
    return make_world(demo)


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def test_no_text_is_more_than_text(world: World) -> None:
    client, shown = signed_in(world.owner), 0
    for name, address in addresses(world):
        for headers in ({}, {"HTTP_HX_REQUEST": "true", "HTTP_HX_TARGET": "part"}):
            answer = client.get(address, **headers)
            assert answer.status_code in (200, 204, 302, 404, 405, 422), (name, answer.status_code)
            if not answer.headers.get("Content-Type", "").startswith("text/html"):
                continue
            text = answer.content.decode()
            page = Strict()
            page.feed(text)
            assert not page.found, (name, page.found)
            assert "49<script" not in text and "49&lt;script" not in text, name
            shown += "&lt;x-probe x-probe=1" in text
    # Labels, file names, logs and errors were there to be seen.
    assert shown > 25


def test_pages_are_for_those_who_have_signed_in(world: World) -> None:
    visitor = Client()
    for name, address in addresses(world):
        answer = visitor.get(address)
        if name in OPEN:
            assert answer.status_code in (200, 404), (name, answer.status_code)
        else:
            refused = answer.status_code == 302 and answer["Location"].startswith("/signin?next=/")
            assert refused or answer.status_code == 405, (name, answer.status_code)


def test_what_a_stranger_may_not_see_does_not_exist(
    world: World, demo: User, make_user: object
) -> None:
    stranger = signed_in(make_user("stranger"))  # type: ignore[operator]
    shown = set()
    for name, address in addresses(world):
        if not PATTERNS[name].pattern.converters:
            continue
        answer = stranger.get(address)
        if answer.status_code == 200:
            shown.add(name)
        else:
            assert answer.status_code in (403, 404, 405, 302), (name, answer.status_code)
            assert demo.email not in answer.content.decode()
    assert shown - FOR_STRANGERS == FOR_STRANGERS - shown == set()
