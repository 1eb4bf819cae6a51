"""Reading a repository as people browse it: branches, folders, files and history, all bounded."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from uuid import UUID

from scm.errors import CommitNotFound
from scm.git import check_sha, read_git
from scm.repositories import commit_exists, existing_path
from scm.trees import LINK, SUBMODULE, TREE, TreeEntry, parse_entry

MOST_BRANCHES = 200
MOST_ENTRIES = 2000
_SECONDS = 10.0
_LISTING_BYTES = 512 * 1024
_HISTORY_BYTES = 512 * 1024
_SHOWN_CHARACTERS = 500
_ENTRY_BYTES = 8 * 1024
_COMMIT_FIELDS = 5
_HEADS = "refs/heads/"


class EntryKind(StrEnum):
    FOLDER = "folder"
    FILE = "file"
    LINK = "link"
    SUBMODULE = "submodule"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A commit that is there."""

    repository: Path
    sha: str


@dataclass(frozen=True, slots=True)
class Entry:
    """What a path of a commit is; folders and submodules have no size."""

    path: str
    kind: EntryKind
    size: int
    sha: str
    mode: str

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder's entries, folders first; `is_whole` unless there are more than are shown."""

    entries: list[Entry]
    is_whole: bool


@dataclass(frozen=True, slots=True)
class Blob:
    """A file's content; of one larger than was asked for only the size is known."""

    size: int
    content: bytes | None

    @property
    def text(self) -> str | None:
        """None for what is no text that people read: not UTF-8, or with control characters."""
        if self.content is None or b"\0" in self.content:
            return None
        try:
            return self.content.decode()
        except UnicodeDecodeError:
            return None


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """A commit as a list tells of it."""

    sha: str
    subject: str
    author: str
    at: datetime
    parent: str | None


@dataclass(frozen=True, slots=True)
class History:
    entries: list[HistoryEntry]
    has_more: bool


def list_branches(repository_id: UUID) -> dict[str, str]:
    """Heads by the name of the branch, those that moved last first; master before all others."""
    path = existing_path(repository_id)
    form = ("--format=%(objectname) %(refname)", "--sort=-committerdate")
    output, _ = read_git(
        path,
        *("for-each-ref", *form, f"--count={MOST_BRANCHES}", _HEADS),
        most_bytes=_LISTING_BYTES,
        seconds=_SECONDS,
    )
    lines = [line.split(" ", 1) for line in output.decode("utf-8", "replace").splitlines()]
    found = {name.removeprefix(_HEADS): sha for sha, name in lines}
    return dict(sorted(found.items(), key=lambda branch: branch[0] != "master"))


def open_commit(repository_id: UUID, sha: str) -> Snapshot:
    """Raises CommitNotFound."""
    if not commit_exists(repository_id, sha):
        raise CommitNotFound(sha=check_sha(sha))
    return Snapshot(existing_path(repository_id), sha)


def find_entry(snapshot: Snapshot, path: str) -> Entry | None:
    """What is at a path; None for one that is not there, or that no tree can have."""
    if not is_path(path):
        return None
    entries, _ = _list(snapshot, path, most_bytes=_ENTRY_BYTES)
    return next((entry for entry in entries if entry.path == path), None)


def list_folder(snapshot: Snapshot, path: str = "") -> Folder:
    """The entries of a folder, none where there is none."""
    if path and not is_path(path):
        return Folder([], True)
    paths = (f"{path}/",) if path else ()
    entries, is_whole = _list(snapshot, *paths, most_bytes=_LISTING_BYTES)
    shown = entries[:MOST_ENTRIES]
    shown.sort(key=lambda entry: (entry.kind != EntryKind.FOLDER, entry.name.lower()))
    return Folder(shown, is_whole and len(shown) == len(entries))


def is_path(path: str) -> bool:
    """Whether a tree can have an entry at this path."""
    return bool(path) and "\0" not in path and not {"", ".", ".."} & set(path.split("/"))


def read_blob(snapshot: Snapshot, entry: Entry, *, most_bytes: int) -> Blob:
    """The content of a file or link that was found, if it has no more bytes."""
    if entry.size > most_bytes:
        return Blob(entry.size, None)
    command = ("cat-file", "blob", entry.sha)
    content, _ = read_git(snapshot.repository, *command, most_bytes=most_bytes, seconds=_SECONDS)
    return Blob(entry.size, content)


def read_history(
    snapshot: Snapshot,
    *,
    since: Snapshot | None = None,
    path: str = "",
    skip: int = 0,
    limit: int,
) -> History:
    """Commits that lead to this one, newest first: without those that lead to `since`.

    With a path, those that changed it.
    """
    if path and not is_path(path):
        return History([], False)
    reach = [snapshot.sha] if since is None else [snapshot.sha, f"^{since.sha}"]
    form = "--format=%H%x00%P%x00%at%x00%an%x00%s"
    bounds = (f"--max-count={limit + 1}", f"--skip={skip}")
    output, is_whole = read_git(
        snapshot.repository,
        *("log", "-z", form, "--encoding=UTF-8", *bounds, *reach, "--"),
        *((path,) if path else ()),
        most_bytes=_HISTORY_BYTES,
        seconds=_SECONDS,
    )
    found = list(_parse_history(output))
    return History(found[:limit], not is_whole or len(found) > limit)


def read_commit(snapshot: Snapshot) -> HistoryEntry:
    return read_history(snapshot, limit=1).entries[0]


def _parse_history(output: bytes) -> Iterator[HistoryEntry]:
    fields = output.decode("utf-8", "replace").split("\0")
    # No whole group takes in what is left of a commit that was cut off.
    for sha, parents, at, author, subject in zip(*[iter(fields)] * _COMMIT_FIELDS, strict=False):
        yield HistoryEntry(
            sha=sha,
            subject=subject[:_SHOWN_CHARACTERS],
            author=author[:_SHOWN_CHARACTERS],
            at=_moment(at),
            parent=parents.split(" ")[0] or None,
        )


def _moment(seconds: str) -> datetime:
    """A commit says of itself when it was made, and may say anything."""
    try:
        return datetime.fromtimestamp(int(seconds), UTC)
    except (ValueError, OverflowError, OSError):
        return datetime.fromtimestamp(0, UTC)


def _list(snapshot: Snapshot, *paths: str, most_bytes: int) -> tuple[list[Entry], bool]:
    command = ("ls-tree", "-l", "-z", "--full-tree", snapshot.sha, "--", *paths)
    output, is_whole = read_git(
        snapshot.repository, *command, most_bytes=most_bytes, seconds=_SECONDS
    )
    return [_entry(parse_entry(record)) for record in output.split(b"\0")[:-1]], is_whole


def _entry(raw: TreeEntry) -> Entry:
    kinds = {TREE: EntryKind.FOLDER, LINK: EntryKind.LINK, SUBMODULE: EntryKind.SUBMODULE}
    path = raw.path.decode("utf-8", "replace")
    return Entry(path, kinds.get(raw.mode, EntryKind.FILE), raw.size, raw.sha, raw.mode)
