"""Tags of algorithms, and the categories that administrators make of them."""

import json
import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from algoport.accounts.models import User
from algoport.errors import InputValidationError
from algorithms.categories import CategoryFields, create_category
from algorithms.constants import MOST_CATEGORIES, MOST_TAGS
from algorithms.models import Algorithm, Category, Environment
from algorithms.tags import parse_tags
from algorithms.updates import AlgorithmChanges, update_algorithm
from tests.factories.algorithms import make_algorithm
from tests.plans import forget_statistics
from tests.portal import recorded

ADD = "/admin/algorithms/category/add/"
VISION = {"title": "Vision", "tagline": "What is seen", "tag": "vision", "position": "0"}


def make_category(tag: str, position: int = 0, description: str = "") -> Category:
    return create_category(
        given=CategoryFields(tag.title(), f"All {tag}", tag, description, position)
    )


def order() -> list[str]:
    """The categories' tags, by position, which have no gap."""
    rows = list(Category.objects.order_by("position").values_list("position", "tag"))
    assert [position for position, _ in rows] == list(range(len(rows)))
    return [tag for _, tag in rows]


def names(client: Client, **query: str) -> list[str]:
    answer = client.get("/algorithms", query)
    assert answer.status_code == 200
    return re.findall(r'<h3><a href="/algorithms/([^"]+)"', answer.content.decode())


def test_tags_as_they_are_written() -> None:
    assert parse_tags(" Face  Detection,vision ,,VISION,x") == ["face-detection", "vision", "x"]
    assert parse_tags(" , ") == []


def test_the_owner_sets_tags(browser: Client, algorithm: Algorithm) -> None:
    page = "/algorithms/demo/Hello/settings"
    form = browser.get(page).context["form"]
    given = {field.html_name: str(field.value()) for field in form}
    assert browser.post(page, given | {"tags": "Vision, Face Detection"}).status_code == 302
    algorithm.refresh_from_db()
    assert algorithm.tags == ["vision", "face-detection"]
    assert 'value="vision, face-detection"' in browser.get(page).content.decode()
    many = ",".join(f"t{number}" for number in range(MOST_TAGS + 1))
    for wrong in (many, "x" * 31, "<b>", "é", "a--b", "-a", "x" * 501, "a\x00b"):
        answer = browser.post(page, given | {"tags": wrong})
        assert answer.status_code == 422 and "id_tags_error" in answer.content.decode(), wrong
    algorithm.refresh_from_db()
    assert algorithm.tags == ["vision", "face-detection"]
    with pytest.raises(InputValidationError):
        update_algorithm(algorithm=algorithm, changes=AlgorithmChanges(tags=["Vision"]))
    overview = browser.get("/algorithms/demo/Hello").content.decode()
    assert 'href="/algorithms?q=face-detection"' in overview
    assert names(browser, q="face-detection") == ["demo/Hello"]


def test_the_catalogue_by_category(
    browser: Client, visitor: Client, demo: User, python_environment: Environment
) -> None:
    make_category("vision", description="# Eyes\n\n*here*\n\n<script>alert(1)</script>")
    for name, tags in (("Sees", ["vision"]), ("Looks", ["a", "vision"]), ("Hears", ["visions"])):
        row = make_algorithm(demo, name)
        update_algorithm(algorithm=row, changes=AlgorithmChanges(tags=tags))
    first = browser.get("/algorithms").content.decode()
    assert 'href="/algorithms?category=vision"' in first and "All vision" in first
    assert names(browser, category="vision") == ["demo/Looks", "demo/Sees"]
    assert names(browser, category="vision", sort="-name") == ["demo/Sees", "demo/Looks"]
    assert names(browser, category="vision", q="see", whose="mine") == ["demo/Sees"]
    assert names(browser, category="vision", page="2") == []
    text = browser.get("/algorithms", {"category": "vision"}).content.decode()
    assert "<em>here</em>" in text and "<script>alert" not in text
    assert 'href="/algorithms?category=vision"' not in text
    # What is no category is left out, and what may not be seen is in none.
    for unknown in ("visions", "a\x00b", "'", "x" * 5000):
        assert len(names(browser, category=unknown)) == 3
    assert names(visitor, category="vision") == []


def test_queries_do_not_grow_with_the_categories(browser: Client, algorithm: Algorithm) -> None:
    def count(**query: str) -> int:
        with CaptureQueriesContext(connection) as queries:
            names(browser, **query)
        return len(queries)

    make_category("vision")
    count()
    before = count(), count(category="vision")
    for number in range(5):
        make_category(f"tag{number}")
    assert (count(), count(category="vision")) == before
    assert max(before) <= 12


def test_a_category_is_read_from_an_index(algorithm: Algorithm) -> None:
    forget_statistics()
    rows = Algorithm.objects.filter(tags__contains=["vision"]).order_by("id")
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_indexscan = off")
        sql, parameters = rows.query.sql_with_params()
        cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}", parameters)
        (plan,) = cursor.fetchone()
    assert "algorithm_tags" in json.dumps(plan)


def test_administrators_order_categories(portal: Client) -> None:
    assert portal.post(ADD, VISION | {"description": "*x*"}).status_code == 302
    text = {"title": "Text", "tagline": "", "tag": " Text ", "description": ""}
    assert portal.post(ADD, text | {"position": "99"}).status_code == 302
    assert portal.post(ADD, text | {"tag": "sound", "position": "1"}).status_code == 302
    assert order() == ["vision", "sound", "text"]
    row = Category.objects.get(tag="text")
    one = f"/admin/algorithms/category/{row.pk}/change/"
    assert portal.post(one, text | {"title": "Words", "position": "0"}).status_code == 302
    assert order() == ["text", "vision", "sound"]
    assert portal.post(one, text | {"title": "Words", "position": "0"}).status_code == 302
    assert portal.post(one.replace("change", "delete"), {"post": "yes"}).status_code == 302
    assert order() == ["vision", "sound"]
    recorded(*["category.create"] * 3, "category.update", "category.delete")


def test_categories_that_cannot_be(portal: Client) -> None:
    make_category("vision")
    for changed, reason in (
        ({"tag": "VISION"}, "category of the tag vision already"),
        ({"tag": "no tag"}, "is no tag"),
        ({"title": ""}, "required"),
        ({"position": "-1"}, "greater than or equal to 0"),
        ({"description": "x" * 5001}, "at most 5000"),
    ):
        answer = portal.post(ADD, VISION | {"tag": "other", "description": ""} | changed)
        assert answer.status_code == 200 and reason in answer.content.decode(), changed
    assert order() == ["vision"]
    for number in range(MOST_CATEGORIES - 1):
        make_category(f"tag{number}")
    refused = portal.post(ADD, VISION | {"tag": "other"}).content.decode()
    assert f"there are {MOST_CATEGORIES} already" in refused
