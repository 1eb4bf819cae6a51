"""Committing to master without a checkout: what a page saves, checked as what is pushed is."""

import hashlib
import logging
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from scm.browsing import Entry, EntryKind, Snapshot, find_entry, open_commit
from scm.errors import (
    BranchHasMoved,
    FileNotThere,
    GitFailed,
    NothingChanged,
    PathNotAllowed,
    PathTaken,
)
from scm.fast_import import BRANCH, identity, quote_path
from scm.git import run_git
from scm.repositories import existing_path, head_commit, remove_stale_locks

logger = logging.getLogger(__name__)

MOST_CHANGES = 50
LONGEST_PATH = 500
_LONGEST_NAME = 200
_PLAIN_FILE = "100644"
_SECONDS = 20.0
_TIDY_SECONDS = 20.0
# What file systems of other machines take for `.git`; and what would lead to other repositories.
_FORBIDDEN_NAMES = frozenset({".git", "git~1", ".gitmodules", "gitmod~1"})


@dataclass(frozen=True, slots=True)
class Write:
    """A file as it is to be; a new one must not be there, and another must be."""

    path: str
    content: bytes
    is_new: bool = False


@dataclass(frozen=True, slots=True)
class Rename:
    """A file that is to be at a path where nothing is."""

    path: str
    to: str


@dataclass(frozen=True, slots=True)
class Delete:
    path: str


FileChange = Write | Rename | Delete


@dataclass(frozen=True, slots=True)
class CommitRequest:
    """What is to be committed on top of `parent`, the head that its author has seen."""

    parent: str
    message: str
    author: str
    changes: Sequence[FileChange]


def commit_files(repository_id: UUID, request: CommitRequest) -> str:
    """SHA of a new commit, which master leads to now.

    Raises BranchHasMoved when master's head is not the parent any more, PathNotAllowed, PathTaken,
    FileNotThere, CommitNotFound; nothing has changed then.
    """
    path = existing_path(repository_id)
    if head_commit(repository_id) != request.parent:
        raise BranchHasMoved
    lines = _commands(open_commit(repository_id, request.parent), request)
    remove_stale_locks(repository_id)
    try:
        run_git(path, "fast-import", "--quiet", "--done", stdin=lines, seconds=_SECONDS)
    except GitFailed as exc:
        # It moves master from the parent only, whoever else has moved it meanwhile.
        if head_commit(repository_id) != request.parent:
            raise BranchHasMoved from exc
        raise
    return run_git(path, "rev-parse", "--verify", BRANCH).decode().strip()


def tidy_repository(repository_id: UUID) -> None:
    """Let git pack what many commits have left, in the background, when that is due."""
    path = existing_path(repository_id)
    try:
        run_git(path, "-c", "gc.autoDetach=true", "gc", "--auto", "--quiet", seconds=_TIDY_SECONDS)
    except GitFailed:
        logger.warning("repository %s could not be tidied", repository_id)


def check_path(path: str) -> str:
    """The path, if a file may be made at it. Raises PathNotAllowed."""
    names = path.split("/")
    if not path or len(path) > LONGEST_PATH or any(len(name) > _LONGEST_NAME for name in names):
        raise PathNotAllowed(reason=f"has 1 to {LONGEST_PATH} characters, each part 200 at most")
    if any(not _is_printable(name) or "\\" in name for name in names):
        raise PathNotAllowed(reason="has no line breaks, backslashes or other control characters")
    if any(name in ("", ".", "..") or name != name.strip() for name in names):
        raise PathNotAllowed(reason="is made of names between single slashes, none of them dots")
    if any(_folded(name) in _FORBIDDEN_NAMES for name in names):
        raise PathNotAllowed(reason="leads nowhere into what belongs to git")
    return path


def _is_printable(name: str) -> bool:
    return all(unicodedata.category(each) not in ("Cc", "Cf", "Cs", "Zl", "Zp") for each in name)


def _folded(name: str) -> str:
    """As file systems compare names that are less exact than git."""
    return unicodedata.normalize("NFKC", name).casefold().rstrip(". ")


def _commands(parent: Snapshot, request: CommitRequest) -> bytes:
    """The commit in the language of fast-import."""
    _check_together(request.changes)
    message = request.message.encode()
    head = [
        f"commit {BRANCH}\ncommitter {identity(request.author)}\n".encode(),
        b"data %d\n%s\n" % (len(message), message),
        f"from {parent.sha}\n".encode(),
    ]
    changes = [_command(parent, change) for change in request.changes]
    if not any(changes):
        raise NothingChanged
    return b"".join(head + changes) + b"done\n"


def _check_together(changes: Sequence[FileChange]) -> None:
    """Each change is compared with the parent alone, so no two may be about one place."""
    paths = [
        path
        for change in changes
        for path in ((change.path, change.to) if isinstance(change, Rename) else (change.path,))
    ]
    if not 0 < len(paths) <= MOST_CHANGES:
        raise PathNotAllowed(reason=f"is one of 1 to {MOST_CHANGES} in a commit")
    for number, path in enumerate(paths):
        for other in paths[:number] + paths[number + 1 :]:
            if path == other or other.startswith(f"{path}/"):
                raise PathTaken(path=path)


def _command(parent: Snapshot, change: FileChange) -> bytes:
    """Empty for a file that is so already."""
    if isinstance(change, Write):
        return _write(parent, change)
    _find_file(parent, change.path, EntryKind.FILE, EntryKind.LINK)
    if isinstance(change, Delete):
        return b"D %s\n" % quote_path(change.path)
    _check_free(parent, change.to)
    return b"R %s %s\n" % (quote_path(change.path), quote_path(change.to))


def _write(parent: Snapshot, change: Write) -> bytes:
    mode = _PLAIN_FILE
    if change.is_new:
        _check_free(parent, change.path)
    else:
        found = _find_file(parent, change.path, EntryKind.FILE)
        if found.sha == _blob_sha(change.content):
            return b""
        mode = found.mode
    head = b"M %s inline %s\n" % (mode.encode(), quote_path(change.path))
    return head + b"data %d\n%s\n" % (len(change.content), change.content)


def _find_file(parent: Snapshot, path: str, *kinds: EntryKind) -> Entry:
    found = find_entry(parent, path)
    if found is None or found.kind not in kinds:
        raise FileNotThere(path=path)
    return found


def _check_free(parent: Snapshot, path: str) -> None:
    """Raises PathTaken where something is in the place of a new file, or in its way."""
    names = check_path(path).split("/")
    for count in range(1, len(names) + 1):
        above = "/".join(names[:count])
        found = find_entry(parent, above)
        if found is None:
            return
        if count == len(names) or found.kind != EntryKind.FOLDER:
            raise PathTaken(path=above)


def _blob_sha(content: bytes) -> str:
    """As git names a file with this content."""
    return hashlib.sha1(b"blob %d\0%s" % (len(content), content), usedforsecurity=False).hexdigest()
