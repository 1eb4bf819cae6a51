"""What two commits have different, as a page shows it: files, hunks, numbered lines, bounded."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from scm.browsing import Snapshot
from scm.git import read_git

MOST_FILES = 100
MOST_LINES = 4000
_MOST_BYTES = 1024 * 1024
_SECONDS = 10.0
_LINE_CHARACTERS = 1000
# The tree with nothing in it, which git knows without having it.
_NOTHING = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
_HEAD = "diff --git "
_RANGE = re.compile(r"@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@(.*)")
_ESCAPE = re.compile(rb"\\([0-7]{3}|.)", re.DOTALL)
_ESCAPED = {b"n": b"\n", b"t": b"\t", b"r": b"\r", b"a": b"\a", b"b": b"\b", b"f": b"\f"}


class Change(StrEnum):
    ADDED = "added"
    DELETED = "deleted"
    RENAMED = "renamed"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class DiffLine:
    """A line with its numbers before and after; `kind` is `+`, `-` or a space."""

    kind: str
    old: int | None
    new: int | None
    text: str


@dataclass(slots=True)
class Hunk:
    """Lines that follow each other; `heading` is where they are, as git sees it."""

    heading: str
    lines: list[DiffLine] = field(default_factory=list)


@dataclass(slots=True)
class FileDiff:
    """A file that differs; `old_path` where it was called otherwise."""

    path: str
    change: Change = Change.CHANGED
    old_path: str = ""
    is_binary: bool = False
    added: int = 0
    deleted: int = 0
    hunks: list[Hunk] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Diff:
    """The files that differ; `is_whole` unless there is more than is shown."""

    files: list[FileDiff]
    is_whole: bool

    @property
    def added(self) -> int:
        return sum(each.added for each in self.files)

    @property
    def deleted(self) -> int:
        return sum(each.deleted for each in self.files)


def read_diff(before: Snapshot | None, after: Snapshot) -> Diff:
    """What `after` has otherwise than `before`, or than nothing; both of one repository."""
    trees = (_NOTHING if before is None else before.sha, after.sha)
    form = ("-r", "-p", "-M", f"-l{MOST_FILES}", "--no-ext-diff", "--no-textconv", "--no-color")
    prefixes = ("--src-prefix=a/", "--dst-prefix=b/")
    output, is_whole = read_git(
        after.repository,
        *("diff-tree", *form, *prefixes, *trees, "--"),
        most_bytes=_MOST_BYTES,
        seconds=_SECONDS,
    )
    reader = _Reader(output.decode("utf-8", "replace"))
    return Diff(reader.files, is_whole and reader.is_whole)


class _Reader:
    """Reads the text of a diff until it has come to its end or to our limits."""

    def __init__(self, text: str) -> None:
        self.files: list[FileDiff] = []
        self.is_whole = True
        self._shown = 0
        # Not splitlines(): that takes characters of the files for ends of lines.
        self._read(iter(text.split("\n")))

    def _read(self, lines: Iterator[str]) -> None:
        old = new = 0
        for line in lines:
            if line.startswith(_HEAD):
                if len(self.files) == MOST_FILES:
                    self.is_whole = False
                    return
                self.files.append(FileDiff(_path_of_head(line.removeprefix(_HEAD))))
            elif not self.files:
                continue
            elif found := _RANGE.match(line):
                old, new = int(found[1]), int(found[2])
                self.files[-1].hunks.append(Hunk(line[:_LINE_CHARACTERS]))
            elif self.files[-1].hunks and line[:1] in ("+", "-", " "):
                if self._shown == MOST_LINES:
                    self.is_whole = False
                    return
                old, new = self._take(line, old, new)
            elif not self.files[-1].hunks:
                _read_header(self.files[-1], line)

    def _take(self, line: str, old: int, new: int) -> tuple[int, int]:
        """Note a line of a hunk; returns the numbers of the next."""
        self._shown += 1
        file, kind, text = self.files[-1], line[0], line[1 : _LINE_CHARACTERS + 1]
        is_old, is_new = kind != "+", kind != "-"
        file.hunks[-1].lines.append(
            DiffLine(kind, old if is_old else None, new if is_new else None, text)
        )
        file.added += kind == "+"
        file.deleted += kind == "-"
        return old + is_old, new + is_new


def _read_header(file: FileDiff, line: str) -> None:
    """A line between a file's head and its first hunk."""
    if line.startswith("new file mode"):
        file.change = Change.ADDED
    elif line.startswith("deleted file mode"):
        file.change = Change.DELETED
    elif line.startswith("rename from "):
        file.change, file.old_path = Change.RENAMED, _unquote(line.removeprefix("rename from "))
    elif line.startswith("rename to "):
        file.path = _unquote(line.removeprefix("rename to "))
    elif line.startswith("Binary files "):
        file.is_binary = True


def _path_of_head(names: str) -> str:
    """The path in `a/PATH b/PATH`; where the two differ, what follows has it as `rename to`."""
    return _unquote(names[: (len(names) - 1) // 2])[2:]


def _unquote(name: str) -> str:
    """A name as git writes it, in quotes where it has anything unusual."""
    if not (name.startswith('"') and name.endswith('"') and len(name) > 1):
        return name
    return _ESCAPE.sub(_unescape, name[1:-1].encode()).decode("utf-8", "replace")


def _unescape(found: re.Match[bytes]) -> bytes:
    escaped = found[1]
    if escaped.isdigit() and len(escaped) == 3:
        return bytes([int(escaped, 8) & 0xFF])
    return _ESCAPED.get(escaped, escaped)
