"""The head and tabs of an algorithm, its overview and docs."""

import re

import pytest
from django.test import Client

from algorithms.models import Algorithm
from algorithms.web.tabs import TABS
from tests.factories.algorithms import make_version

HOSTILE = '"><script>alert(1)</script>'


def tabs(client: Client) -> dict[str, str]:
    """The tabs of demo's algorithm by their labels."""
    text = client.get("/algorithms/demo/Hello").content.decode()
    found = re.findall(r'<li><a href="(/algorithms/demo/Hello[^"]*)"[^>]*>([^<]+)</a></li>', text)
    return {label: path for path, label in found}


def test_owners_see_every_tab_and_others_those_for_all(
    browser: Client, visitor: Client, algorithm: Algorithm
) -> None:
    make_version(algorithm)
    assert list(tabs(browser))[:2] == ["Overview", "Docs"]
    assert set(tabs(visitor)) <= set(tabs(browser))


def test_what_may_not_be_seen_is_not_there(visitor: Client, algorithm: Algorithm) -> None:
    for path in ("demo/Hello", "demo/Hello/docs", "demo/Nothing", "demo/Hello%00"):
        assert visitor.get(f"/algorithms/{path}").status_code == 404


@pytest.mark.parametrize("path", ["/algorithms/demo/hello", "/algorithms/DEMO/Hello"])
def test_names_compare_without_case(browser: Client, algorithm: Algorithm, path: str) -> None:
    text = browser.get(path).content.decode()
    assert text.count('aria-current="page">Overview') == 1


def test_the_head(browser: Client, visitor: Client, algorithm: Algorithm) -> None:
    text = browser.get("/algorithms/demo/Hello").content.decode()
    assert "Private" in text and "not published yet" in text
    make_version(algorithm)
    make_version(algorithm, "private")
    text = browser.get("/algorithms/demo/Hello").content.decode()
    assert '<code id="algorithm-path">demo/Hello/1.0.0<' in text and "Public" in text
    text = visitor.get("/algorithms/demo/Hello").content.decode()
    assert '<code id="algorithm-path">demo/Hello/0.1.0<' in text


def test_docs_are_the_readme_without_what_acts(browser: Client, algorithm: Algorithm) -> None:
    assert "No docs yet" in browser.get("/algorithms/demo/Hello/docs").content.decode()
    Algorithm.objects.update(summary=f"# Usage\n\n{HOSTILE}\n\n|a|\n|-:|\n|1|\n", label=HOSTILE)
    text = browser.get("/algorithms/demo/Hello/docs").content.decode()
    assert "<h1>Usage</h1>" in text and '<td align="right">1</td>' in text
    assert "<script>alert" not in text


def test_every_tab_has_its_page(browser: Client, algorithm: Algorithm) -> None:
    assert len({tab.url_name for tab in TABS}) == len(TABS)
    assert len(tabs(browser)) == len(TABS)
    for path in tabs(browser).values():
        page = browser.get(path)
        assert page.status_code == 200
        assert f'href="{path}" aria-current="page"' in page.content.decode()
