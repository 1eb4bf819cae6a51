"""Changing files on pages: what becomes of them, and what is refused."""

import re
from collections.abc import Callable

import pytest
from django.http import HttpResponse
from django.test import Client

from algoport.audit.models import AuditEntry
from algorithms.constants import BuildState
from algorithms.models import Algorithm, Build, BuildLogLine
from scm.browsing import find_entry, open_commit, read_blob
from scm.models import ScmConfiguration
from scm.repositories import head_commit
from tests.factories.algorithms import make_build, make_version

HOSTILE = '"><script>alert(1)</script>'
SOURCE = "/algorithms/demo/Hello/source"
HTMX = {"HX-Request": "true", "HX-Target": "part"}


def head(algorithm: Algorithm) -> str:
    sha = head_commit(algorithm.id)
    assert sha is not None
    return sha


def content(algorithm: Algorithm, path: str) -> bytes | None:
    snapshot = open_commit(algorithm.id, head(algorithm))
    entry = find_entry(snapshot, path)
    return None if entry is None else read_blob(snapshot, entry, most_bytes=10_000).content


@pytest.fixture
def send(browser: Client, algorithm: Algorithm) -> Callable[..., HttpResponse]:
    """Send one of the forms, filled in upon the head."""

    def post(page: str, path: str = "", **fields: str) -> HttpResponse:
        values = {"parent": head(algorithm), "line_ends": "lf"} | fields
        query = f"?path={path}" if path else ""
        return browser.post(f"{SOURCE}/{page}{query}", values)

    return post


def test_a_save_is_a_commit_and_a_build(
    browser: Client, send: Callable[..., HttpResponse], algorithm: Algorithm
) -> None:
    before = head(algorithm)
    page = browser.get(f"{SOURCE}/edit?path=README.md").content.decode()
    assert f'value="{before}"' in page and "<textarea" in page
    saved = send("edit", "README.md", content="# Bye\r\n\r\n<b>\r\n", message="  ")
    assert saved.status_code == 302
    assert saved.headers["Location"] == f"{SOURCE}/edit?path=README.md"
    assert content(algorithm, "README.md") == b"# Bye\n\n<b>\n"
    build = Build.objects.get()
    assert (build.commit_sha, build.state) == (head(algorithm), BuildState.IN_PROGRESS)
    entry = AuditEntry.objects.get(action="algorithm.push")
    assert (entry.actor_name, entry.via, entry.target_name) == ("demo", "web", "demo/Hello")
    (moved,) = entry.changes["notes"]["refs"]
    assert (moved["before"], moved["after"]) == (before, build.commit_sha)
    assert not AuditEntry.objects.filter(number__gt=entry.number).exists()
    text = browser.get(f"{SOURCE}/history").content.decode()
    assert "Edit README.md" in text


def test_a_save_beside_which_the_build_is_shown(browser: Client, algorithm: Algorithm) -> None:
    form = {"parent": head(algorithm), "line_ends": "lf", "content": HOSTILE, "message": "Mine"}
    saved = browser.post(f"{SOURCE}/edit?path=README.md", form, headers=HTMX)
    text = saved.content.decode()
    assert saved.status_code == 200 and "<html" not in text and "<textarea" not in text
    assert f'value="{head(algorithm)}"' in text and "Saved as" in text
    assert 'hx-trigger="every 1s"' in text
    again = form | {"parent": head(algorithm), "content": "2"}
    assert browser.post(f"{SOURCE}/edit?path=README.md", again, headers=HTMX).status_code == 200
    assert content(algorithm, "README.md") == b"2"


def test_line_ends_and_what_stands_at_the_edges_are_kept(
    browser: Client, send: Callable[..., HttpResponse], algorithm: Algorithm
) -> None:
    send("edit", "README.md", content="\r\n a\r\n\r\n", line_ends="crlf")
    assert content(algorithm, "README.md") == b"\r\n a\r\n\r\n"
    page = browser.get(f"{SOURCE}/edit?path=README.md").content.decode()
    assert 'value="crlf"' in page
    # A browser leaves out the first line break of a textarea, so there has to be one more.
    assert re.search(r"<textarea[^>]*>\n\r\n a", page)


def test_files_are_added_renamed_and_deleted(
    send: Callable[..., HttpResponse], algorithm: Algorithm
) -> None:
    made = send("new", to="docs/a b.md", content="x")
    assert made.headers["Location"] == f"{SOURCE}/edit?path=docs%2Fa+b.md"
    moved = send("rename", "docs/a b.md", to="c.md", message="Move it")
    assert moved.headers["Location"] == SOURCE
    assert content(algorithm, "c.md") == b"x" and content(algorithm, "docs/a b.md") is None
    gone = send("delete", "c.md")
    assert gone.headers["Location"] == SOURCE and content(algorithm, "c.md") is None
    assert Build.objects.count() == AuditEntry.objects.filter(action="algorithm.push").count() == 3


@pytest.mark.parametrize(
    ("page", "path", "fields", "said"),
    [
        ("edit", "README.md", {"content": "x", "parent": "0" * 40}, "has changed meanwhile"),
        ("edit", "README.md", {"content": "x", "parent": "--all"}, "has changed meanwhile"),
        ("edit", "README.md", {"content": "x" * 600_000}, "too large for the editor"),
        ("edit", "README.md", {"content": "a\x00b"}, "Null characters"),
        ("edit", "README.md", {"content": "x", "message": "m" * 501}, "at most 500"),
        ("edit", "nothing", {"content": "x"}, "There is no file nothing."),
        ("edit", "src", {"content": "x"}, "There is no file src."),
        ("new", "", {"to": "README.md", "content": "x"}, "something at README.md already"),
        ("new", "", {"to": "README.md/x", "content": "x"}, "something at README.md already"),
        ("new", "", {"to": "../x", "content": "x"}, "none of them dots"),
        ("new", "", {"to": ".git/hooks/x", "content": "x"}, "belongs to git"),
        ("new", "", {"to": HOSTILE + "\n", "content": "x" * 600_000}, "&lt;script&gt;"),
        ("rename", "README.md", {"to": "src"}, "something at src already"),
        ("rename", "README.md", {"to": ""}, "This field is required"),
        ("delete", "nothing", {}, "There is no file nothing."),
    ],
)
def test_refusals_change_nothing(
    send: Callable[..., HttpResponse],
    algorithm: Algorithm,
    page: str,
    path: str,
    fields: dict[str, str],
    said: str,
) -> None:
    before = head(algorithm)
    answer = send(page, path, **fields)
    text = answer.content.decode()
    assert answer.status_code == 422 and said in text and "<script>alert" not in text
    assert head(algorithm) == before and not Build.objects.exists()
    assert not AuditEntry.objects.filter(action="algorithm.push").exists()


def test_nothing_to_commit(send: Callable[..., HttpResponse], algorithm: Algorithm) -> None:
    same = (content(algorithm, "README.md") or b"").decode()
    assert "Nothing has changed" in send("edit", "README.md", content=same).content.decode()


def test_what_the_editor_does_not_open(browser: Client, algorithm: Algorithm) -> None:
    for path in ("", "src", "nothing", "..", "a\x00b"):
        for page in ("edit", "rename", "delete"):
            status = browser.get(f"{SOURCE}/{page}", {"path": path}).status_code
            assert status == (200 if path == "src" and page != "edit" else 404), (page, path)


def test_who_may_change_files(
    browser: Client, visitor: Client, send: Callable[..., HttpResponse], algorithm: Algorithm
) -> None:
    make_version(algorithm)
    Algorithm.objects.update(source_visibility="open")
    pages = ("edit?path=README.md", "new", "rename?path=README.md", "delete?path=README.md")
    for page in pages:
        assert browser.get(f"{SOURCE}/{page}").status_code == 200
        assert visitor.get(f"{SOURCE}/{page}").status_code == 403
        assert visitor.post(f"{SOURCE}/{page}", {"parent": head(algorithm)}).status_code == 403
    assert visitor.post(f"{SOURCE}/build").status_code == 403
    shown = browser.get(SOURCE, {"path": "README.md"}).content.decode()
    hidden = visitor.get(SOURCE, {"path": "README.md"}).content.decode()
    assert f"{SOURCE}/edit?path=README.md" in shown and "/source/edit" not in hidden
    assert "/source/new" not in visitor.get(SOURCE).content.decode()
    before = head(algorithm)
    send("edit", "README.md", content="newer")
    old = browser.get(SOURCE, {"path": "README.md", "at": before}).content.decode()
    assert "/source/edit" not in old and "/source/raw" in old


def test_repositories_elsewhere_are_not_edited(browser: Client, algorithm: Algorithm) -> None:
    elsewhere = ScmConfiguration.objects.create(pk="github", provider="github")
    Algorithm.objects.update(scm=elsewhere)
    assert browser.get(f"{SOURCE}/edit?path=README.md").status_code == 400
    assert "/source/edit" not in browser.get(SOURCE, {"path": "README.md"}).content.decode()


def test_a_build_is_asked_for_and_followed(
    browser: Client, visitor: Client, algorithm: Algorithm
) -> None:
    assert "Build this commit" in browser.get(SOURCE).content.decode()
    assert browser.post(f"{SOURCE}/build").status_code == 302
    build = Build.objects.get()
    assert build.commit_sha == head(algorithm)
    assert AuditEntry.objects.filter(action="build.request").count() == 1
    page = browser.get(SOURCE).content.decode()
    assert "Build this commit" not in page and "Build in-progress" in page
    line = BuildLogLine.objects.create(build=build, text=HOSTILE + "\n")
    path = f"{SOURCE}/builds/{build.id}"
    text = browser.get(path).content.decode()
    assert "&lt;script&gt;" in text and f"after={line.id}" in text and "Building" not in text
    text = browser.get(path, {"after": line.id}).content.decode()
    assert "script" not in text and "hx-get" in text
    Build.objects.update(state=BuildState.FAILED, error=HOSTILE)
    text = browser.get(path, {"after": line.id}).content.decode()
    assert "hx-get" not in text and "Failed" in text and "&lt;script&gt;" in text
    assert visitor.get(path).status_code == 404
    for wrong in (f"{SOURCE}/builds/x", f"{path}?after=x{'9' * 30}"):
        assert browser.get(wrong).status_code == (404 if wrong.endswith("x") else 200)
    other = make_build(algorithm)
    assert browser.get(f"{SOURCE}/builds/{other.id}").status_code == 200
