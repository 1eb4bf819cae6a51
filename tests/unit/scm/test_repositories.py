"""Repositories on disk, and commits that somebody made to do harm."""

import os
import shutil
import uuid
from datetime import UTC, datetime, timedelta

import pytest

from scm.errors import CommitNotFound, CommitNotUsable, RepositoryExists, RepositoryMissing
from scm.git import git_environ
from scm.repositories import (
    commit_exists,
    create_repository,
    delete_repository,
    export_commit,
    head_commit,
    list_commits,
    read_file,
    remove_stale_locks,
    repository_path,
)
from tests.factories.repositories import blob, git, tree

LIMITS = {"most_bytes": 1_000_000, "most_files": 100}
FILES = {
    "README.md": b"hello\n",
    "src/a b.py": b"x = 1\n",
    'src/quo"te\\.py': b"",
    "b.bin": b"\0\n",
}


@pytest.fixture
def repository(settings, tmp_path):
    settings.REPOSITORIES_FOLDER = tmp_path / "repositories"
    repository_id = uuid.uuid4()
    create_repository(repository_id, FILES, message="Initial commit", author="demo")
    return repository_id


def commit(repository_id, *entries):
    return git(repository_id, "commit-tree", "-m", "hostile", tree(repository_id, *entries))


def export(repository_id, sha, folder, **limits):
    folder.mkdir()
    export_commit(repository_id, sha, folder, **(LIMITS | limits))


def test_create_makes_a_sound_repository_with_one_commit(repository):
    sha = head_commit(repository)
    assert git(repository, "symbolic-ref", "HEAD") == "refs/heads/master"
    assert git(repository, "rev-list", "--count", "master") == "1"
    assert git(repository, "fsck", "--strict") == ""
    assert commit_exists(repository, sha)
    assert [path.name for path in repository_path(repository).parent.iterdir()] == [
        f"{repository}.git"
    ]


def test_create_refuses_an_id_that_is_taken_and_leaves_no_draft(repository):
    with pytest.raises(RepositoryExists):
        create_repository(repository, {"a": b""}, message="m", author="a")
    assert len(list(repository_path(repository).parent.iterdir())) == 1


def test_delete_removes_it_and_can_be_repeated(repository):
    delete_repository(repository)
    delete_repository(repository)
    assert list(repository_path(repository).parent.iterdir()) == []
    with pytest.raises(RepositoryMissing):
        head_commit(repository)


def test_author_and_message_are_data(repository):
    other = uuid.uuid4()
    create_repository(other, {"a": b"1"}, message="two\nlines\ndata 5", author="e<v>i\nl")
    (first,) = list_commits(other, since=None, until=None, limit=9)
    assert (first.author, first.message) == ("evil", "two\nlines\ndata 5")
    assert first.short_message == "two lines data 5"


@pytest.mark.parametrize("sha", ["", "master", "--help", "A" * 40, "0" * 40, "0" * 40 + "\n"])
def test_commit_exists_only_for_whole_shas_of_commits(repository, sha, tmp_path):
    assert not commit_exists(repository, sha)
    with pytest.raises(CommitNotFound):
        export(repository, sha, tmp_path / "out")


def test_commit_exists_is_false_for_other_objects(repository):
    assert not commit_exists(repository, blob(repository))


def test_export_writes_the_files(repository, tmp_path):
    export(repository, head_commit(repository), tmp_path / "out")
    found = {
        str(path.relative_to(tmp_path / "out")): path.read_bytes()
        for path in (tmp_path / "out").rglob("*")
        if path.is_file()
    }
    assert found == FILES


def test_export_keeps_links_inside_and_executables(repository, tmp_path):
    target, script = blob(repository, b"bin/run"), blob(repository, b"#!/bin/sh")
    folder = tree(repository, (b"100755", b"run", script))
    sha = commit(repository, (b"40000", b"bin", folder), (b"120000", b"run", target))
    export(repository, sha, tmp_path / "out")
    assert os.readlink(tmp_path / "out" / "run") == "bin/run"
    assert (tmp_path / "out" / "bin" / "run").stat().st_mode & 0o777 == 0o755


@pytest.mark.parametrize(
    "target", [b"/etc/passwd", b"../secret", b"a/../../secret", b"nothing", b"me", b""]
)
def test_export_refuses_links_that_lead_out_or_nowhere(repository, tmp_path, target):
    (tmp_path / "secret").write_text("s")
    sha = commit(repository, (b"120000", b"me", blob(repository, target)))
    with pytest.raises(CommitNotUsable):
        export(repository, sha, tmp_path / "out")


def test_export_refuses_a_chain_of_links_out(repository, tmp_path):
    (tmp_path / "secret").write_text("s")
    deep = tree(repository, (b"100644", b"f", blob(repository)))
    sha = commit(
        repository,
        (b"120000", b"a", blob(repository, b"d/e")),
        (b"120000", b"b", blob(repository, b"a/../../../secret")),
        (b"40000", b"d", tree(repository, (b"40000", b"e", deep))),
    )
    with pytest.raises(CommitNotUsable, match=r"leads|nothing"):
        export(repository, sha, tmp_path / "out")


def test_export_never_writes_through_a_link(repository, tmp_path):
    (tmp_path / "outside").mkdir()
    folder = tree(repository, (b"100644", b"written", blob(repository)))
    link = blob(repository, str(tmp_path / "outside").encode())
    sha = commit(repository, (b"120000", b"x", link), (b"40000", b"x", folder))
    with pytest.raises(CommitNotUsable, match="two entries"):
        export(repository, sha, tmp_path / "out")
    assert list((tmp_path / "outside").iterdir()) == []


@pytest.mark.parametrize(
    "name", [b"..", b".", b".git", b".GIT", b"/etc", b"a/../../b", b"n" * 256, b"latin-\xe9"]
)
def test_export_refuses_names(repository, tmp_path, name):
    sha = commit(repository, (b"100644", name, blob(repository)))
    with pytest.raises(CommitNotUsable, match="name"):
        export(repository, sha, tmp_path / "out")
    assert {path.name for path in tmp_path.iterdir()} == {"out", "repositories"}


def test_export_refuses_submodules_and_names_that_occur_twice(repository, tmp_path):
    sha = commit(repository, (b"160000", b"sub", head_commit(repository)))
    with pytest.raises(CommitNotUsable, match="submodule"):
        export(repository, sha, tmp_path / "one")
    entry = (b"100644", b"f", blob(repository))
    with pytest.raises(CommitNotUsable, match="two entries"):
        export(repository, commit(repository, entry, entry), tmp_path / "two")


def test_export_keeps_names_that_differ_in_case(repository, tmp_path):
    sha = commit(
        repository,
        (b"100644", b"A", blob(repository, b"1")),
        (b"100644", b"a", blob(repository, b"2")),
    )
    export(repository, sha, tmp_path / "out")
    assert (tmp_path / "out" / "A").read_bytes() == b"1"
    assert (tmp_path / "out" / "a").read_bytes() == b"2"


def test_export_stops_at_its_limits(repository, tmp_path):
    sha = head_commit(repository)
    with pytest.raises(CommitNotUsable, match="more than 2 files"):
        export(repository, sha, tmp_path / "one", most_files=2)
    with pytest.raises(CommitNotUsable, match="more than 5 bytes"):
        export(repository, sha, tmp_path / "two", most_bytes=5)
    assert list((tmp_path / "two").iterdir()) == []


@pytest.mark.parametrize("with_file", [True, False])
def test_export_stops_at_a_bomb_of_folders(repository, tmp_path, with_file):
    entries = [(b"100644", b"f", blob(repository))] if with_file else []
    for _ in range(12):
        sha = tree(repository, *entries)
        entries = [(b"40000", b"d%d" % number, sha) for number in range(10)]
    with pytest.raises(CommitNotUsable, match="more than 100 files"):
        export(repository, commit(repository, *entries), tmp_path / "out")


def test_export_refuses_folders_nested_without_end(repository, tmp_path):
    # Quicker than 3000 runs of git: one fast-import of one deep path.
    path = "/".join(["d"] * 3000)
    head = "commit refs/heads/deep\ncommitter m <m@m> 1 +0000\ndata 0\n"
    script = f"{head}M 644 inline {path}\ndata 0\n"
    git(repository, "fast-import", "--quiet", stdin=script.encode())
    sha = git(repository, "rev-parse", "deep")
    with pytest.raises(CommitNotUsable, match="too long"):
        export(repository, sha, tmp_path / "out", most_files=10_000)


def test_export_counts_what_attributes_add(repository, tmp_path):
    attributes = blob(repository, b"f working-tree-encoding=UTF-32\n")
    sha = commit(
        repository,
        (b"100644", b".gitattributes", attributes),
        (b"100644", b"f", blob(repository, b"y" * 1000)),
    )
    with pytest.raises(CommitNotUsable, match="more than 2000 bytes"):
        export(repository, sha, tmp_path / "out", most_bytes=2000)


def test_list_commits_gives_newest_first_within_inclusive_bounds(repository):
    sha = head_commit(repository)
    made = datetime.fromtimestamp(int(git(repository, "log", "-1", "--format=%ct")), UTC)
    script = (
        f"commit refs/heads/master\ncommitter guest <b@b> {int(made.timestamp()) + 10} +0000\n"
        f"data 10\ntitle\n\nend\nfrom {sha}\nM 644 inline n\ndata 0\n"
    )
    git(repository, "fast-import", "--quiet", stdin=script.encode())

    def found(since=None, until=None, limit=10):
        return [c.author for c in list_commits(repository, since=since, until=until, limit=limit)]

    later = made + timedelta(seconds=10)
    assert found() == ["guest", "demo"]
    assert found(limit=1) == ["guest"]
    assert found(since=later) == ["guest"]
    assert found(until=made) == ["demo"]
    assert found(since=made, until=later) == ["guest", "demo"]
    assert found(since=later + timedelta(seconds=1)) == []
    newest = list_commits(repository, since=later, until=None, limit=1)[0]
    assert (newest.short_message, newest.message) == ("title", "title\n\nend")


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("README.md", b"hello\n"),
        ("src/a b.py", b"x = 1\n"),
        ("b.bin", b"\0\n"),
        ("src", None),
        ("absent", None),
        ("../README.md", None),
        ("--help", None),
        ("*.md", None),
        ("a\0b", None),
    ],
)
def test_read_file(repository, path, content):
    assert read_file(repository, head_commit(repository), path, most_bytes=100) == content


def test_read_file_gives_nothing_past_its_limit(repository):
    assert read_file(repository, head_commit(repository), "README.md", most_bytes=5) is None


def test_remove_stale_locks_leaves_fresh_ones(repository):
    old = repository_path(repository) / "refs" / "heads" / "master.lock"
    fresh = repository_path(repository) / "packed-refs.lock"
    for lock in (old, fresh):
        lock.touch()
    os.utime(old, (1, 1))
    remove_stale_locks(repository)
    assert (old.exists(), fresh.exists()) == (False, True)


def test_nothing_of_the_machine_reaches_git(repository, monkeypatch, tmp_path):
    (tmp_path / ".gitconfig").write_text("[broken")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GIT_DIR", str(tmp_path))
    monkeypatch.setenv("GIT_CONFIG_PARAMETERS", "'broken")
    assert head_commit(repository) is not None
    assert shutil.which("git", path=git_environ()["PATH"])
