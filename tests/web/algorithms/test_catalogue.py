"""The catalogue: what is found, by whom, and at what price."""

import re

import pytest
from django.db import connection
from django.db.models.functions import Lower
from django.test import Client
from django.test.utils import CaptureQueriesContext

from algoport.accounts.authentication import principal_of_user
from algoport.accounts.models import User
from algoport.accounts.permissions import Action, can
from algorithms.catalogue import Wanted, catalogue_of
from algorithms.models import Algorithm, Environment
from algorithms.selectors import all_algorithms, resource_of
from tests.factories.algorithms import make_algorithm, make_version
from tests.factories.organizations import make_organization
from tests.plans import forget_statistics, plan_of

HOSTILE = '"><script>alert(1)</script>'


def names(client: Client, **query: str) -> list[str]:
    """The algorithms that the page shows, in order."""
    answer = client.get("/algorithms", query)
    assert answer.status_code == 200
    return re.findall(r'<h3><a href="/algorithms/([^"]+)"', answer.content.decode())


@pytest.fixture
def several(demo: User, guest: User, python_environment: Environment) -> None:
    """demo has a private and a public algorithm, guest has the like, an organization a private."""
    for owner in (demo, guest):
        make_algorithm(owner, "Closed")
        make_version(make_algorithm(owner, "Shared"))
    make_algorithm(make_organization("team", demo).account, "Ours")


def test_each_sees_their_own_and_what_is_public(
    several: None, browser: Client, visitor: Client
) -> None:
    shown = names(browser)
    assert shown[:2] == ["demo/Closed", "team/Ours"]
    assert sorted(shown[2:]) == ["demo/Shared", "guest/Shared"]
    assert sorted(names(visitor)) == ["demo/Shared", "guest/Closed", "guest/Shared"]


def test_filters(several: None, browser: Client) -> None:
    assert names(browser, whose="mine") == ["demo/Closed", "demo/Shared"]
    assert names(browser, whose="organizations") == ["team/Ours"]
    assert sorted(names(browser, whose="public")) == ["demo/Shared", "guest/Shared"]
    assert len(names(browser, environment="python311")) == 4
    assert len(names(browser, environment="unheard")) == 4


def test_search_looks_at_owner_name_label_and_tagline(several: None, browser: Client) -> None:
    Algorithm.objects.filter(owner__username="team").update(
        label="Finds Faces", tagline="100% of them"
    )
    for words in ("team/", "OURS", "finds", "faces ours", "100%", "of them"):
        assert names(browser, q=words) == ["team/Ours"], words
    # A wildcard of the database is a character like others.
    for words in ("10%%", "O_rs", "ours closed", "demo/ours"):
        assert names(browser, q=words) == [], words
    assert names(browser, q="a\x00b" + "x" * 500) == []


def test_what_is_hidden_is_not_found(several: None, visitor: Client) -> None:
    assert names(visitor, q="demo/closed") == []


def test_order(several: None, browser: Client) -> None:
    assert names(browser, sort="newest")[0] == "team/Ours"
    assert names(browser, sort="-newest")[-1] == "team/Ours"


def test_the_condition_is_what_the_permissions_say(several: None, demo: User, guest: User) -> None:
    rows = list(all_algorithms())
    assert len(rows) == 5
    for viewer in (demo, guest):
        principal = principal_of_user(viewer)
        shown = {row.pk for row in catalogue_of(principal, Wanted())}
        for row in rows:
            resource = resource_of(row, public=row.has_public_version)
            assert bool(can(principal, Action.SEE_ALGORITHM, resource)) == (row.pk in shown)


def test_queries_do_not_grow_with_the_page(
    browser: Client, demo: User, python_environment: Environment
) -> None:
    def count() -> int:
        with CaptureQueriesContext(connection) as queries:
            browser.get("/algorithms")
        return len(queries)

    make_version(make_algorithm(demo, "First"))
    names(browser)
    before = count()
    for number in range(5):
        make_version(make_algorithm(demo, f"Another{number}"))
    assert count() == before <= 13


def test_a_page_of_many(browser: Client, demo: User, python_environment: Environment) -> None:
    first = make_algorithm(demo, "A0")
    Algorithm.objects.bulk_create(
        Algorithm(
            owner=demo,
            name=f"B{number:03}",
            label=f"B{number}",
            license="apl",
            source_visibility="closed",
            network_access="isolated",
            pipeline_enabled=True,
            environment=first.environment,
            environment_form="language",
        )
        for number in range(30)
    )
    assert names(browser)[0] == "demo/A0" and len(names(browser)) == 25
    assert names(browser, page="2") == [f"demo/B{number:03}" for number in range(24, 30)]
    assert names(browser, page="99999999999") == names(browser)


def test_what_people_wrote_is_text(browser: Client, algorithm: Algorithm) -> None:
    Algorithm.objects.update(label=HOSTILE, tagline=HOSTILE)
    text = browser.get("/algorithms", {"q": HOSTILE}).content.decode()
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text


def test_who_has_not_signed_in_is_asked_to(db: None) -> None:
    assert Client().get("/algorithms").headers["Location"].startswith("/signin")


def test_nothing_there_yet(browser: Client) -> None:
    assert "No algorithms yet" in browser.get("/algorithms").content.decode()
    assert "Nothing found" in browser.get("/algorithms", {"q": "x"}).content.decode()


def test_the_part_that_changes(browser: Client, algorithm: Algorithm) -> None:
    answer = browser.get("/algorithms", headers={"HX-Request": "true", "HX-Target": "part"})
    text = answer.content.decode()
    assert "demo/Hello" in text and "<html" not in text and "<form" not in text


@pytest.mark.parametrize(
    ("order", "index"),
    [
        (("name_key", "id"), "algorithm_by_name"),
        (("-name_key", "-id"), "algorithm_by_name"),
        (("-created_at", "-id"), "algorithm_newest"),
        (("created_at", "id"), "algorithm_newest"),
    ],
)
def test_each_order_is_read_from_an_index(
    algorithm: Algorithm, order: tuple[str, ...], index: str
) -> None:
    forget_statistics()
    rows = Algorithm.objects.alias(name_key=Lower("name")).order_by(*order)
    nodes = plan_of(str(rows[:26].query))
    assert index in {node.get("Index Name") for node in nodes}
    assert "Sort" not in {node["Node Type"] for node in nodes}
