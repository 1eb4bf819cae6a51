"""The Source tab as readers see it, whatever a repository holds."""

from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from algoport.accounts.authentication import principal_of_user
from algorithms.models import Algorithm
from algorithms.services import Publication, publish_version
from algorithms.updates import AlgorithmChanges
from scm.commits import CommitRequest, Delete, FileChange, Write, commit_files
from scm.repositories import head_commit
from tests.factories.algorithms import make_build, make_version
from tests.factories.repositories import blob, git, tree

HOSTILE = '"><script>alert(1)</script>'
SOURCE = "/algorithms/demo/Hello/source"


def commit(algorithm: Algorithm, *changes: FileChange, message: str = "Change") -> str:
    head = head_commit(algorithm.id)
    assert head is not None
    return commit_files(algorithm.id, CommitRequest(head, message, "demo", changes))


@pytest.fixture
def page(browser: Client, algorithm: Algorithm) -> Callable[..., str]:
    """The text of one of the pages about the source of demo's algorithm."""

    def read(below: str = "", **query: str) -> str:
        answer = browser.get(f"{SOURCE}{below}", query)
        assert answer.status_code == 200, answer.status_code
        return answer.content.decode()

    return read


def test_folders_and_files(page: Callable[..., str], algorithm: Algorithm) -> None:
    top = page()
    assert 'href="/algorithms/demo/Hello/source?path=src"' in top and "requirements.txt" in top
    assert "git clone http" in top and "/git/demo/Hello.git" in top
    assert "Hello.py" in page(path="src") and "Hello.py" in page(path="/src/")
    text = page(path="src/Hello.py")
    assert '<li id="L1">' in text and 'class="nf"' in text
    assert 'aria-current="page">Hello.py' in text and "line" in text


def test_revisions(page: Callable[..., str], algorithm: Algorithm) -> None:
    old = head_commit(algorithm.id)
    assert old is not None
    git(algorithm.id, "update-ref", "refs/heads/feature/x", old)
    commit(algorithm, Write("new.txt", b"new", is_new=True))
    make_version(algorithm)
    assert "new.txt" in page() and "new.txt" in page(at="master")
    assert "new.txt" not in page(at="feature/x") and "new.txt" not in page(at=old)
    text = page(at=old)
    assert f'<option value="{old}" selected>{old[:8]}</option>' in text
    assert '<option value="feature/x">' in text and '<option value="0.1.0">' in text
    assert f"?at={old}&amp;path=src" in text


def test_versions_are_found_by_number(
    browser: Client, visitor: Client, algorithm: Algorithm
) -> None:
    sha = head_commit(algorithm.id)
    make_build(algorithm, sha=sha)
    Algorithm.objects.update(source_visibility="open")
    for number, callability in (("0.1.0", "private"), ("1.0.0", "public")):
        publish_version(
            algorithm=algorithm,
            publisher=principal_of_user(algorithm.owner),
            publication=Publication(changes=AlgorithmChanges(callability=callability)),
        )
        make_build(algorithm, sha=sha)
        assert browser.get(SOURCE, {"at": number}).status_code == 200
    assert visitor.get(SOURCE, {"at": "1.0.0"}).status_code == 200
    assert visitor.get(SOURCE, {"at": "0.1.0"}).status_code == 404
    text = visitor.get(SOURCE).content.decode()
    assert '<option value="1.0.0">' in text and "0.1.0" not in text


@pytest.mark.parametrize(
    "query",
    [
        *({"at": at} for at in ("nothing", "9.9.9", "0" * 40, "1.*", "HEAD", "--all", "a\x00b")),
        *({"path": path} for path in ("nothing", "..", "src/..", "a\x00b", "README.md/x")),
        {"path": "x" * 20_000},
    ],
)
def test_what_is_not_there(browser: Client, algorithm: Algorithm, query: dict[str, str]) -> None:
    for below in ("", "/raw"):
        assert browser.get(f"{SOURCE}{below}", query).status_code == 404
    assert browser.get(f"{SOURCE}/commits/{'0' * 40}").status_code == 404
    assert browser.get(f"{SOURCE}/commits/HEAD").status_code == 404


def test_what_is_no_text(page: Callable[..., str], algorithm: Algorithm) -> None:
    commit(
        algorithm,
        Write("binary", b"\0\xff", is_new=True),
        Write("large", b"x\n" * 400_000, is_new=True),
        Write("odd.py", b'print("\xc3\xbc")\r\n\r\n', is_new=True),
        Write("no end", b"a", is_new=True),
        Write("empty", b"", is_new=True),
    )
    assert "not text in UTF-8" in page(path="binary")
    assert "too large to be shown" in page(path="large")
    assert "2 lines" in page(path="odd.py") and "\u00fc" in page(path="odd.py")
    assert "1 line<" in page(path="no end") and "1 line<" in page(path="empty")


def test_hostile_repositories(page: Callable[..., str], algorithm: Algorithm) -> None:
    head = head_commit(algorithm.id)
    assert head is not None
    nested = tree(algorithm.id, (b"100644", b"x.py", blob(algorithm.id)))
    top = tree(
        algorithm.id,
        (b"100644", HOSTILE.encode(), blob(algorithm.id, HOSTILE.encode())),
        (b"120000", b"link", blob(algorithm.id, b"/etc/passwd")),
        (b"160000", b"module", head),
        (b"100644", b"n\xff\n", blob(algorithm.id)),
        (b"40000", b"folder", nested),
    )
    sha = git(algorithm.id, "commit-tree", top, "-p", head, "-m", HOSTILE)
    git(algorithm.id, "update-ref", "refs/heads/master", sha)
    git(algorithm.id, "update-ref", f"refs/heads/{HOSTILE.replace(' ', '')}", sha)
    for text in (
        page(),
        page(path=HOSTILE),
        page("/history"),
        page("/history", path=HOSTILE),
        page(f"/commits/{sha}"),
    ):
        assert "<script>alert" not in text and "&lt;script&gt;alert(1)" in text
    assert "This is a link to <code>/etc/passwd</code>" in page(path="link")
    assert "This is a submodule" in page(path="module")


def test_history_and_commits(page: Callable[..., str], algorithm: Algorithm) -> None:
    first = head_commit(algorithm.id)
    second = commit(algorithm, Write("README.md", b"bye\n"), Delete(".gitignore"), message="Bye")
    for number in range(25):
        commit(algorithm, Write("n.txt", str(number).encode(), is_new=number == 0))
    text = page("/history")
    assert text.count('class="commit-link"') == 25 and "page=2" in text
    for no_number in ("12345x", "401", "9" * 5000, "x", "-1", "0"):
        shown = page("/history", page=no_number)
        assert shown.count("/source/commits/") == text.count("/source/commits/"), no_number
    text = page("/history", page="2")
    assert "Initial commit" in text and "page=3" not in text
    assert page("/history", path="README.md").count('class="commit-link"') == 2
    assert "No commits" in page("/history", page="400")
    assert "No commits" in page("/history", path="nothing", page="x")
    text = page(f"/commits/{second}")
    assert '<td class="t">bye</td>' in text and ".gitignore" in text and "deleted" in text
    assert "Initial commit" in page(f"/commits/{first}")


def test_files_are_downloaded_and_never_opened(browser: Client, algorithm: Algorithm) -> None:
    commit(algorithm, Write("page.html", HOSTILE.encode(), is_new=True))
    answer = browser.get(f"{SOURCE}/raw", {"path": "page.html"})
    assert answer.content == HOSTILE.encode()
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["Content-Disposition"] == "attachment"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert browser.get(f"{SOURCE}/raw", {"path": "src"}).status_code == 404


def test_who_may_read(browser: Client, visitor: Client, algorithm: Algorithm) -> None:
    paths = [SOURCE, f"{SOURCE}/history", f"{SOURCE}/raw?path=README.md"]
    paths.append(f"{SOURCE}/commits/{head_commit(algorithm.id)}")
    for path in paths:
        assert visitor.get(path).status_code == 404
    make_version(algorithm)
    for path in paths:
        assert visitor.get(path).status_code == 403
    assert "Source" not in visitor.get("/algorithms/demo/Hello").content.decode().split("Facts")[0]
    Algorithm.objects.update(source_visibility="open")
    for path in paths:
        assert visitor.get(path).status_code == 200
    make_build(algorithm, sha=head_commit(algorithm.id))
    assert "Build succeeded" in browser.get(SOURCE).content.decode()
    assert "Build succeeded" not in visitor.get(SOURCE).content.decode()


def test_an_empty_repository(page: Callable[..., str], algorithm: Algorithm) -> None:
    git(algorithm.id, "update-ref", "-d", "refs/heads/master")
    assert "No commits yet" in page() and "No commits yet" in page("/history")


def test_queries_do_not_grow(browser: Client, algorithm: Algorithm) -> None:
    make_version(algorithm)
    commit(algorithm, *(Write(f"f{n}", b"x", is_new=True) for n in range(40)))
    with CaptureQueriesContext(connection) as queries:
        browser.get(SOURCE)
    assert len(queries) <= 13


def test_what_changed_between_versions(
    browser: Client, visitor: Client, algorithm: Algorithm
) -> None:
    shas = [head_commit(algorithm.id)]
    for number in range(3):
        build = make_build(algorithm, sha=shas[-1])
        publish_version(
            algorithm=algorithm,
            publisher=principal_of_user(algorithm.owner),
            publication=Publication(changes=AlgorithmChanges(callability="public")),
        )
        assert build.commit_sha == shas[-1]
        text = f"change {number}\n".encode()
        change = Write("n.txt", text, is_new=number == 0)
        shas.append(commit(algorithm, change, message=HOSTILE))

    def page(**query: str) -> str:
        answer = browser.get("/algorithms/demo/Hello/diff", query)
        assert answer.status_code == 200
        return answer.content.decode()

    newest = page()
    assert "from 0.3.0 to master" in newest and "change 2" in newest and "change 0" not in newest
    assert "<script>alert" not in newest and 'aria-current="page">Versions' in newest
    text = page(to="0.2.0")
    assert "from 0.1.0 to 0.2.0" in text and "change 0" in text and "change 1" not in text
    assert "up to 0.1.0" in page(to="0.1.0")
    text = page(**{"from": shas[1] or "", "to": shas[2] or ""})
    assert "change 1" in text and f'<option value="{shas[1]}" selected>' in text
    assert "No differences" in page(**{"from": "master", "to": "master"})
    versions = browser.get("/algorithms/demo/Hello/versions").content.decode()
    assert "/algorithms/demo/Hello/diff?to=0.2.0" in versions
    for query in ({"to": "9.9.9"}, {"from": "nothing"}, {"from": "a\x00b"}):
        assert browser.get("/algorithms/demo/Hello/diff", query).status_code == 404
    assert visitor.get("/algorithms/demo/Hello/diff").status_code == 403
    assert "/diff" not in visitor.get("/algorithms/demo/Hello/versions").content.decode()
