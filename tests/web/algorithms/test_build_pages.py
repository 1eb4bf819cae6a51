"""Builds on pages: the list, one of them, and a log that grows."""

import re
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from algorithms.constants import BuildState
from algorithms.models import Algorithm, Build, BuildLogLine
from tests.factories.algorithms import make_build, make_version

PATH = "/algorithms/demo/Hello/builds"
HOSTILE = "</pre><script>alert(1)</script>"


def shown(client: Client, path: str = PATH, **query: str) -> str:
    answer = client.get(path, query)
    assert answer.status_code == 200
    return answer.content.decode()


def hashes(text: str) -> list[str]:
    return re.findall(r'<th scope="row"><a href="[^"]+"><code>(\w{8})</code>', text)


def finish(build: Build) -> None:
    """As a worker does, by a row of its own attempt."""
    Build.objects.filter(pk=build.pk).update(
        state=BuildState.SUCCEEDED, finished_at=build.started_at
    )


def test_the_list(browser: Client, algorithm: Algorithm) -> None:
    assert "No builds yet" in shown(browser)
    first = make_version(algorithm).build
    failed = make_build(algorithm, BuildState.FAILED)
    newest = make_build(algorithm)
    text = shown(browser)
    assert hashes(text) == [each.commit_sha[:8] for each in (newest, failed, first)]
    assert text.count(">Publish</a>") == 1 and "0.1.0" in text and "0:01" in text
    assert hashes(shown(browser, status="failed")) == [failed.commit_sha[:8]]
    assert hashes(shown(browser, q=newest.commit_sha[:12].upper())) == [newest.commit_sha[:8]]
    assert "Nothing found" in shown(browser, q="zz")
    assert 'hx-trigger="every' not in text
    make_build(algorithm, BuildState.IN_PROGRESS)
    assert 'hx-trigger="every' in shown(browser)


def test_queries_do_not_grow_with_the_list(browser: Client, algorithm: Algorithm) -> None:
    def count() -> int:
        with CaptureQueriesContext(connection) as queries:
            shown(browser)
        return len(queries)

    make_version(algorithm)
    shown(browser)
    before = count()
    for _ in range(4):
        make_version(algorithm)
    assert count() == before <= 12


def test_what_is_published_is_not_offered_again(browser: Client, algorithm: Algorithm) -> None:
    make_build(algorithm)
    make_version(algorithm)
    assert ">Publish</a>" not in shown(browser)


def test_the_log_of_a_build_that_has_ended(browser: Client, algorithm: Algorithm) -> None:
    build = make_build(algorithm, BuildState.FAILED, log=HOSTILE)
    Build.objects.filter(pk=build.pk)
    text = shown(browser, f"{PATH}/{build.pk}")
    assert "&lt;script&gt;alert(1)" in text and "<script>alert" not in text
    assert "log?after=" not in text
    answer = browser.get(f"{PATH}/{build.pk}/log.txt")
    assert answer.content.decode() == HOSTILE
    assert answer["Content-Type"].startswith("text/plain")
    assert answer["Content-Disposition"].startswith('attachment; filename="Hello-')


def test_a_log_grows_and_ends(browser: Client, algorithm: Algorithm) -> None:
    build = make_build(algorithm, BuildState.IN_PROGRESS, log="one\n")
    text = shown(browser, f"{PATH}/{build.pk}")
    (more,) = re.findall(r'hx-get="([^"]+log\?after=\d+)"', text)
    BuildLogLine.objects.create(build=build, text="<two>\n")
    part = browser.get(more, headers={"HX-Request": "true", "HX-Target": "log"}).content.decode()
    assert 'hx-swap-oob="beforeend:#log">&lt;two&gt;\n</div>' in part and "one\n" not in part
    assert "build-facts" not in part
    (again,) = re.findall(r'hx-get="([^"]+log\?after=\d+)"', part)
    assert again != more
    BuildLogLine.objects.create(build=build, text="three\n")
    finish(build)
    part = browser.get(again, headers={"HX-Request": "true", "HX-Target": "log"}).content.decode()
    assert "three" in part and "two" not in part
    assert "log?after=" not in part and 'id="build-facts" hx-swap-oob' in part
    assert "Succeeded" in part


@pytest.mark.parametrize("after", ["-1", "x", "9" * 40, "1e3", "\x00"])
def test_pieces_that_cannot_be(browser: Client, algorithm: Algorithm, after: str) -> None:
    build = make_build(algorithm)
    assert browser.get(f"{PATH}/{build.pk}/log", {"after": after}).status_code == 400


def test_builds_that_are_not_there(browser: Client, algorithm: Algorithm) -> None:
    for path in (uuid4(), "no-uuid", "a%00b"):
        assert browser.get(f"{PATH}/{path}").status_code == 404


def test_builds_are_their_owners_to_see(visitor: Client, algorithm: Algorithm) -> None:
    build = make_version(algorithm).build
    for path in (
        PATH,
        f"{PATH}/{build.pk}",
        f"{PATH}/{build.pk}/log",
        f"{PATH}/{build.pk}/log.txt",
    ):
        assert visitor.get(path).status_code == 403
    text = shown(visitor, "/algorithms/demo/Hello")
    assert "Builds" not in text and "Settings" not in text
