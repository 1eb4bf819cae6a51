"""Looking at repositories as pages do, at what somebody made to do harm too."""

import uuid
from pathlib import Path
from typing import Any

import pytest

from scm import browsing
from scm.browsing import EntryKind, Snapshot, find_entry, list_folder, open_commit, read_blob
from scm.commits import CommitRequest, Delete, FileChange, Rename, Write, commit_files
from scm.diffs import Change, read_diff
from scm.errors import (
    BranchHasMoved,
    CommitNotFound,
    FileNotThere,
    NothingChanged,
    PathNotAllowed,
    PathTaken,
)
from scm.repositories import create_repository, head_commit
from tests.factories.repositories import blob, git, tree

FILES = {
    "README.md": b"hello\n",
    "src/a b.py": b"x = 1\n",
    'src/quo"te\\.py': b"one\ntwo\nthree\n",
    "src/\u00fcml\u00e4ut.py": b"",
    "b.bin": b"\0\n",
}


@pytest.fixture
def repository(settings: Any, tmp_path: Path) -> uuid.UUID:
    settings.REPOSITORIES_FOLDER = tmp_path / "repositories"
    repository_id = uuid.uuid4()
    create_repository(repository_id, FILES, message="Initial commit", author="demo")
    return repository_id


def head(repository: uuid.UUID) -> Snapshot:
    sha = head_commit(repository)
    assert sha is not None
    return open_commit(repository, sha)


def commit(repository: uuid.UUID, *changes: FileChange, message: str = "Change") -> Snapshot:
    request = CommitRequest(head(repository).sha, message, "demo", changes)
    return open_commit(repository, commit_files(repository, request))


def content(snapshot: Snapshot, path: str) -> bytes | None:
    entry = find_entry(snapshot, path)
    return None if entry is None else read_blob(snapshot, entry, most_bytes=1000).content


def test_folders_and_files(repository: uuid.UUID, monkeypatch: pytest.MonkeyPatch) -> None:
    at = head(repository)
    root = list_folder(at)
    assert [(each.name, each.kind.value) for each in root.entries] == [
        ("src", "folder"),
        ("b.bin", "file"),
        ("README.md", "file"),
    ]
    inside = list_folder(at, "src")
    assert [each.path for each in inside.entries] == sorted(p for p in FILES if "/" in p)
    assert inside.is_whole and list_folder(at, "nowhere").entries == []
    for path, data in FILES.items():
        entry = find_entry(at, path)
        assert entry is not None and (entry.kind, entry.size) == (EntryKind.FILE, len(data))
        assert content(at, path) == data
    monkeypatch.setattr(browsing, "MOST_ENTRIES", 2)
    cut = list_folder(at, "src")
    assert len(cut.entries) == 2 and not cut.is_whole


@pytest.mark.parametrize(
    "path",
    ["", "/", "..", "src/../README.md", "README.md/", "/README.md", "a\0b", "*", ":/src", "-r"],
)
def test_paths_that_are_none(repository: uuid.UUID, path: str) -> None:
    assert find_entry(head(repository), path) is None


def test_files_that_are_no_text_or_too_large(repository: uuid.UUID) -> None:
    at = head(repository)
    binary, text = find_entry(at, "b.bin"), find_entry(at, "README.md")
    assert binary is not None and text is not None
    assert read_blob(at, binary, most_bytes=10).text is None
    assert read_blob(at, text, most_bytes=10).text == "hello\n"
    too_large = read_blob(at, text, most_bytes=5)
    assert (too_large.size, too_large.content, too_large.text) == (6, None, None)


def test_commits_that_are_not_there(repository: uuid.UUID) -> None:
    for sha in ("0" * 40, "master", "--all", "", "a" * 39):
        with pytest.raises(CommitNotFound):
            open_commit(repository, sha)
    assert list(browsing.list_branches(repository)) == ["master"]


def test_commits_by_a_page(repository: uuid.UUID) -> None:
    first = head(repository)
    second = commit(
        repository,
        Write("README.md", b"bye\r\n"),
        Write("docs/new \u00fc.txt", b"", is_new=True),
        Rename("src/a b.py", "src/deep/c.py"),
        Delete("b.bin"),
        message="All\n\nof \u00fc",
    )
    assert (
        content(second, "README.md") == b"bye\r\n" and content(second, "docs/new \u00fc.txt") == b""
    )
    assert content(second, "src/deep/c.py") == b"x = 1\n"
    assert content(second, "src/a b.py") is content(second, "b.bin") is None
    assert content(second, 'src/quo"te\\.py') == FILES['src/quo"te\\.py']
    newest, before = browsing.read_history(second, limit=5).entries
    assert (newest.sha, newest.subject, newest.author) == (second.sha, "All", "demo")
    assert newest.parent == before.sha == first.sha and before.parent is None
    assert browsing.read_history(second, since=first, limit=5).entries == [newest]
    assert browsing.read_history(second, path="src/deep/c.py", limit=5).entries == [newest]
    page = browsing.read_history(second, skip=1, limit=1)
    assert page.entries == [before] and not page.has_more
    assert browsing.read_history(second, limit=1).has_more


def test_what_differs(repository: uuid.UUID) -> None:
    first = head(repository)
    second = commit(
        repository,
        Write('src/quo"te\\.py', b"one\n2\nthree\n--- a/no\n"),
        Rename("README.md", "docs/READ ME.md"),
        Delete("b.bin"),
        Write("empty file", b"", is_new=True),
    )
    diff = read_diff(first, second)
    assert diff.is_whole and (diff.added, diff.deleted) == (2, 1)
    found = {each.path: each for each in diff.files}
    assert {path: each.change for path, each in found.items()} == {
        "b.bin": Change.DELETED,
        "docs/READ ME.md": Change.RENAMED,
        "empty file": Change.ADDED,
        'src/quo"te\\.py': Change.CHANGED,
    }
    assert found["b.bin"].is_binary and found["docs/READ ME.md"].old_path == "README.md"
    lines = found['src/quo"te\\.py'].hunks[0].lines
    assert [(each.kind, each.old, each.new, each.text) for each in lines] == [
        (" ", 1, 1, "one"),
        ("-", 2, None, "two"),
        ("+", None, 2, "2"),
        (" ", 3, 3, "three"),
        ("+", None, 4, "--- a/no"),
    ]
    everything = read_diff(None, first)
    assert {each.path for each in everything.files} == set(FILES)
    assert {each.change for each in everything.files} == {Change.ADDED}
    assert read_diff(second, second).files == []


def test_differences_beyond_the_limits(
    repository: uuid.UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = head(repository)
    text = "".join(f"{number}\n" for number in range(5000)).encode()
    second = commit(repository, Write("README.md", text + b"x" * 5000))
    diff = read_diff(first, second)
    assert not diff.is_whole and sum(len(h.lines) for f in diff.files for h in f.hunks) == 4000
    monkeypatch.setattr("scm.diffs._MOST_BYTES", 100)
    assert not read_diff(first, second).is_whole
    monkeypatch.undo()
    monkeypatch.setattr("scm.diffs.MOST_FILES", 2)
    cut = read_diff(None, first)
    assert len(cut.files) == 2 and not cut.is_whole


def test_a_head_that_somebody_has_moved(repository: uuid.UUID) -> None:
    seen = head(repository).sha
    commit(repository, Write("README.md", b"theirs"))
    with pytest.raises(BranchHasMoved):
        commit_files(repository, CommitRequest(seen, "Mine", "demo", [Write("README.md", b"mine")]))
    assert content(head(repository), "README.md") == b"theirs"


def test_a_head_that_moves_while_git_works(
    repository: uuid.UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    """fast-import itself refuses what does not come after the head."""
    seen = head(repository).sha
    commit(repository, Write("README.md", b"theirs"))
    answers = iter([seen])
    monkeypatch.setattr(
        "scm.commits.head_commit", lambda id: next(answers, None) or head_commit(id)
    )
    with pytest.raises(BranchHasMoved):
        commit_files(repository, CommitRequest(seen, "Mine", "demo", [Write("README.md", b"mine")]))
    assert content(head(repository), "README.md") == b"theirs"


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        (Write("nowhere", b""), FileNotThere),
        (Write("src", b""), FileNotThere),
        (Write("README.md", b"hello\n"), NothingChanged),
        (Delete("nowhere"), FileNotThere),
        (Delete("src"), FileNotThere),
        (Rename("README.md", "b.bin"), PathTaken),
        (Rename("README.md", "README.md"), PathTaken),
        (Rename("README.md", "src"), PathTaken),
        (Write("src", b"", is_new=True), PathTaken),
        (Write("README.md/x", b"", is_new=True), PathTaken),
        *(
            (Write(path, b"", is_new=True), PathNotAllowed)
            for path in (
                *("", "/a", "a/", "a//b", ".", "../a", "a/./b", "a\nb", "a\0b", "a\\b", " a", "a "),
                *(
                    ".git/config",
                    "a/.GIT/x",
                    ".git ",
                    ".git./x",
                    "git~1",
                    ".g\u200cit",
                    ".gitmodules",
                ),
                *("\u202egpj.exe", "a" * 201, "a/" * 300 + "a"),
            )
        ),
    ],
)
def test_refused_changes(repository: uuid.UUID, change: FileChange, refusal: type) -> None:
    before = head(repository).sha
    with pytest.raises(refusal):
        commit(repository, change)
    assert head(repository).sha == before


def test_changes_that_exclude_each_other(repository: uuid.UUID) -> None:
    for changes in (
        [Delete("README.md"), Write("README.md", b"x")],
        [Write("new", b"", is_new=True), Write("new/er", b"", is_new=True)],
        [Rename("README.md", "new"), Rename("b.bin", "new")],
    ):
        with pytest.raises(PathTaken):
            commit(repository, *changes)
    with pytest.raises(PathNotAllowed):
        commit(repository)


def test_links_are_not_written_through(repository: uuid.UUID) -> None:
    top = tree(repository, (b"120000", b"link", blob(repository, b"/etc/passwd")))
    sha = git(repository, "commit-tree", top, "-m", "m", "-p", head(repository).sha)
    git(repository, "update-ref", "refs/heads/master", sha)
    entry = find_entry(head(repository), "link")
    assert entry is not None and entry.kind == EntryKind.LINK
    assert content(head(repository), "link") == b"/etc/passwd"
    with pytest.raises(FileNotThere):
        commit(repository, Write("link", b"/etc/shadow"))
    assert list_folder(commit(repository, Delete("link"))).entries == []
