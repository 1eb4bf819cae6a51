"""What the URL of a list says."""

import pytest
from django.contrib.auth.models import Group
from django.test import RequestFactory

from algoport.web.lists import LAST_PAGE, Filter, Listing, Sort

SORTS = {"name": Sort("Name", ("name",)), "id": Sort("Number", ("pk",))}
FILTERS = [Filter("state", "State", [("open", "Open"), ("closed", "Closed")])]


def listing(query: str = "", size: int = 2) -> Listing:
    return Listing(RequestFactory().get(f"/things{query}"), SORTS, FILTERS, size=size)


@pytest.fixture
def groups(db: None) -> list[Group]:
    return [Group.objects.create(name=name) for name in "badce"]


def names(made: Listing) -> list[str]:
    return [row.name for row in made.take(Group.objects.all()).rows]


def test_pages(groups: list[Group]) -> None:
    first = listing()
    assert names(first) == ["a", "b"] and first.next_url == "/things?page=2"
    assert first.previous_url == "" and (first.first_number, first.last_number) == (1, 2)
    last = listing("?page=3")
    assert names(last) == ["e"] and last.next_url == "" and last.previous_url == "/things?page=2"
    assert (last.first_number, last.last_number) == (5, 5)
    assert names(listing("?page=4")) == []


def test_orders(groups: list[Group]) -> None:
    assert names(listing("?sort=-name")) == ["e", "d"]
    assert names(listing("?sort=id")) == ["b", "a"]
    backwards = listing("?sort=-name")
    assert backwards.direction("name") == "descending" and backwards.direction("id") == ""
    assert backwards.sort_url("name") == "/things" and backwards.sort_url("id") == "/things?sort=id"
    assert listing("?page=2").sort_url("name") == "/things?sort=-name"


@pytest.mark.parametrize(
    "query",
    ["?sort=password", "?sort=--name", "?page=0", "?page=x", "?page=-1", "?state=any", "?q=%00"],
)
def test_what_the_list_has_not_is_left_out(query: str, groups: list[Group]) -> None:
    made = listing(query)
    assert names(made) == ["a", "b"] and made.url() == "/things" and not made.is_narrowed


def test_a_page_beyond_all() -> None:
    assert listing(f"?page={LAST_PAGE}").page == LAST_PAGE
    assert listing(f"?page={LAST_PAGE + 1}").page == 1
    assert listing("?page=" + "9" * 5000).page == 1


def test_search_and_filters_stay_while_one_pages() -> None:
    made = listing("?q=+x%26y+&state=open&sort=id&page=2")
    assert made.q == "x&y" and made.chosen == {"state": "open"} and made.is_narrowed
    assert made.url(page=3) == "/things?q=x%26y&state=open&sort=id&page=3"
    assert made.url(q=None, state=None, page=None) == "/things?sort=id"
    (chosen,) = made.chosen_filters
    assert chosen.value == "open"
