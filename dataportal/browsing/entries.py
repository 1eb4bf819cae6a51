"""What people see when they browse data: folders, files, and the beginning of a file."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from dataportal.paths import DataPath

# Of a page that people read; clients get more at once.
ENTRIES = 100


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of a folder. Without a `place` it cannot be opened: no path has such a name."""

    name: str
    place: str
    is_folder: bool
    size: int | None = None
    modified_at: datetime | None = None
    deletable: bool = False


@dataclass(slots=True)
class Folder:
    """A part of a folder from a marker on, and what its viewer may do there."""

    path: DataPath
    entries: list[Entry]
    marker: str = ""
    owner: str = ""
    # Of a hosted collection only.
    read_acl: str | None = None
    changes_access: bool = False
    takes_files: bool = False
    # Collections, or directories.
    takes_folders: bool = False
    deletable: bool = False
    # The connector at whose page the rules of this bucket are seen; "" where there are none.
    rules_at: str = ""
    note: str = ""


@dataclass(slots=True)
class FileView:
    """A file, and its first bytes as far as they can be shown."""

    path: DataPath
    size: int
    modified_at: datetime | None
    content_type: str
    etag: str = ""
    owner: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    head: bytes = b""
    deletable: bool = False
    rules_at: str = ""


@dataclass(frozen=True, slots=True)
class Count:
    """How many files there are; `more` when they were not all counted."""

    files: int
    more: bool
