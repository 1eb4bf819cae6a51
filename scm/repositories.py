"""The repositories on disk: made, read, exported and deleted; bare, one per id, branch master."""

import os
import shutil
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

from django.conf import settings

from scm.errors import CommitNotFound, RepositoryExists, RepositoryMissing
from scm.fast_import import BRANCH, first_commit
from scm.git import check_sha, git_succeeds, run_git, stream_git
from scm.trees import TreeLimits, check_entries, read_entries, unpack_archive

_EXPORT_SECONDS = 300.0
_STALE_LOCK_SECONDS = 900.0
_COMMIT_FIELDS = 4
_MOST_LOG_BYTES = 4 * 1024 * 1024
_CHUNK = 64 * 1024
_FILE_MODES = frozenset({"100644", "100664", "100755"})


@dataclass(frozen=True)
class Commit:
    id: str
    short_message: str
    message: str
    author: str


def repository_path(repository_id: UUID) -> Path:
    """Where the repository lies, spread over 256 folders."""
    return settings.REPOSITORIES_FOLDER / repository_id.hex[:2] / f"{repository_id}.git"


def create_repository(
    repository_id: UUID, files: Mapping[str, bytes], *, message: str, author: str
) -> str:
    """SHA of the first commit of a new repository that holds `files`. Raises RepositoryExists.

    The repository is whole or absent, whenever the process or the machine stops.
    """
    final = repository_path(repository_id)
    final.parent.mkdir(parents=True, exist_ok=True)
    draft = final.with_name(f".draft-{uuid.uuid4().hex}")
    try:
        # An empty template folder: no sample hooks, nothing that the machine would add.
        run_git(draft, "init", "--quiet", "--bare", "--template=", "--initial-branch=master")
        run_git(draft, "fast-import", "--quiet", stdin=first_commit(files, message, author))
        sha = run_git(draft, "rev-parse", "--verify", BRANCH).decode().strip()
        if final.exists():
            raise RepositoryExists
        draft.rename(final)
    finally:
        if draft.exists():
            shutil.rmtree(draft)
    _flush_folder(final.parent)
    return sha


def delete_repository(repository_id: UUID) -> None:
    """Remove a repository; one that is not there is no error."""
    grave = repository_path(repository_id).with_name(f".deleted-{uuid.uuid4().hex}")
    try:
        repository_path(repository_id).rename(grave)
    except FileNotFoundError:
        return
    shutil.rmtree(grave)


def has_repository(repository_id: UUID) -> bool:
    return repository_path(repository_id).is_dir()


def existing_path(repository_id: UUID) -> Path:
    """Path of a repository that is there. Raises RepositoryMissing."""
    if not has_repository(repository_id):
        raise RepositoryMissing
    return repository_path(repository_id)


def head_commit(repository_id: UUID) -> str | None:
    """SHA of master's head; None before the first commit."""
    path = existing_path(repository_id)
    found = run_git(path, "for-each-ref", "--format=%(objectname)", BRANCH)
    return found.decode().strip() or None


def commit_exists(repository_id: UUID, sha: str) -> bool:
    """Whether the repository holds this commit, on whatever branch."""
    path = existing_path(repository_id)
    try:
        return git_succeeds(path, "cat-file", "-e", f"{check_sha(sha)}^{{commit}}")
    except CommitNotFound:
        return False


def export_commit(
    repository_id: UUID, sha: str, destination: Path, *, most_bytes: int, most_files: int
) -> None:
    """Write a commit's files into the folder `destination`, and never anywhere else.

    Raises CommitNotUsable, and CommitNotFound below it; what was written by then stays.
    """
    path = _path_with_commit(repository_id, sha)
    listing = ("ls-tree", "-r", "-t", "-l", "-z", "--full-tree", sha)
    with stream_git(path, *listing, seconds=_EXPORT_SECONDS) as output:
        check_entries(read_entries(output), TreeLimits(most_bytes, most_files))
    with stream_git(path, "archive", "--format=tar", sha, seconds=_EXPORT_SECONDS) as output:
        unpack_archive(output, destination, most_bytes=most_bytes)


def list_commits(
    repository_id: UUID, *, since: datetime | None, until: datetime | None, limit: int
) -> list[Commit]:
    """Commits of master, newest first; both bounds are inclusive and aware datetimes.

    At most `limit`, and fewer when what they say is very long.
    """
    path = existing_path(repository_id)
    if head_commit(repository_id) is None:
        return []
    bounds = [f"--max-count={limit}"]
    if since is not None:
        bounds.append(f"--since-as-filter={_git_time(since)}")
    if until is not None:
        bounds.append(f"--until={_git_time(until)}")
    form = "--format=%H%x00%s%x00%B%x00%an"
    command = ("log", "-z", form, "--encoding=UTF-8", *bounds, BRANCH, "--")
    with stream_git(path, *command) as output:
        text = output.read(_MOST_LOG_BYTES)
        while output.read(_CHUNK):
            continue  # git fails when nobody reads on.
    fields = text.decode("utf-8", "replace").split("\0")
    # No whole group takes in what the terminator of the last commit leaves, or of a cut one.
    groups = zip(*[iter(fields)] * _COMMIT_FIELDS, strict=False)
    return [Commit(sha, short, text.strip("\n"), author) for sha, short, text, author in groups]


def _git_time(moment: datetime) -> str:
    # As in a commit: git guesses at all other forms, and knows nothing before 1970.
    return f"@{max(0, int(moment.timestamp()))} +0000"


def read_file(repository_id: UUID, sha: str, path: str, *, most_bytes: int) -> bytes | None:
    """A file's content in a commit; None when there is no such file or it has more bytes."""
    repository = _path_with_commit(repository_id, sha)
    if "\0" in path or ".." in path.split("/") or path.startswith("/"):
        return None
    listing = ("ls-tree", "-l", "-z", "--full-tree", sha, "--", path)
    with stream_git(repository, *listing) as output:
        entry = next(read_entries(output), None)
    if entry is None or entry.path != path.encode() or entry.mode not in _FILE_MODES:
        return None
    if entry.size > most_bytes:
        return None
    return run_git(repository, "cat-file", "blob", entry.sha)


def remove_stale_locks(repository_id: UUID) -> None:
    """Remove the locks that git left when its machine stopped; it would wait for them forever.

    git holds a lock for moments, so one of a quarter of an hour has no holder.
    """
    path = existing_path(repository_id)
    latest = time.time() - _STALE_LOCK_SECONDS
    for lock in [*path.glob("*.lock"), *(path / "refs").rglob("*.lock")]:
        try:
            if lock.stat().st_mtime < latest:
                lock.unlink()
        except FileNotFoundError:
            continue


def _path_with_commit(repository_id: UUID, sha: str) -> Path:
    if not commit_exists(repository_id, sha):
        raise CommitNotFound(sha=check_sha(sha))
    return existing_path(repository_id)


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
