"""Unpacking commits that anybody may have made: what a tree may hold, and how it reaches a disk."""

import os
import shutil
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from scm.errors import CommitNotUsable, GitFailed

_CHUNK = 64 * 1024
_LONGEST_NAME = 255
_LONGEST_PATH = 1024
TREE, LINK, SUBMODULE = "040000", "120000", "160000"
_FILES = frozenset({"100644", "100664", "100755"})


@dataclass(frozen=True)
class TreeEntry:
    """One line of `git ls-tree -l -z`; a size is 0 where there is none."""

    mode: str
    sha: str
    size: int
    path: bytes


@dataclass(frozen=True)
class TreeLimits:
    most_bytes: int
    most_files: int


def read_entries(listing: IO[bytes]) -> Iterator[TreeEntry]:
    """The entries of an `ls-tree -l -z` listing, as they come."""
    rest = b""
    while chunk := listing.read(_CHUNK):
        *records, rest = (rest + chunk).split(b"\0")
        yield from map(parse_entry, records)


def parse_entry(record: bytes) -> TreeEntry:
    """One record of such a listing."""
    head, _, path = record.partition(b"\t")
    mode, _, sha, size = head.decode("ascii").split()
    return TreeEntry(mode, sha, 0 if size == "-" else int(size), path)


def check_entries(entries: Iterator[TreeEntry], limits: TreeLimits) -> None:
    """Refuse a tree before anything of it is written. Raises CommitNotUsable.

    Folders count as files: a small pack can hold a tree of billions of empty ones.
    """
    seen: set[bytes] = set()
    size = 0
    for entry in entries:
        size += entry.size
        if len(seen) >= limits.most_files:
            raise _unusable(f"it has more than {limits.most_files} files and folders.")
        if size > limits.most_bytes:
            raise _unusable(f"its files have more than {limits.most_bytes} bytes.")
        _check_entry(entry)
        if entry.path in seen:
            raise _unusable(f"it has two entries of one name, {_show(entry.path)}.")
        seen.add(entry.path)


def _check_entry(entry: TreeEntry) -> None:
    shown = _show(entry.path)
    if entry.mode == SUBMODULE:
        raise _unusable(f"{shown} is a submodule; add its files to the repository instead.")
    if entry.mode not in _FILES | {TREE, LINK}:
        raise _unusable(f"{shown} is neither a file nor a folder (mode {entry.mode}).")
    try:
        entry.path.decode()
    except UnicodeDecodeError as exc:
        raise _unusable(f"the name {shown} is not UTF-8.") from exc
    names = entry.path.split(b"/")
    if len(entry.path) > _LONGEST_PATH or len(names[-1]) > _LONGEST_NAME:
        raise _unusable(f"the name {shown[:60]}... is too long.")
    if any(name in {b"", b".", b".."} or name.lower() == b".git" for name in names):
        raise _unusable(f"the name {shown} is not allowed.")


def unpack_archive(stream: IO[bytes], destination: Path, *, most_bytes: int) -> None:
    """Write a checked commit's `git archive` into `destination`. Raises CommitNotUsable.

    Attributes of a tree can make its files grow while they are archived: the size counts again.
    """
    # SECURITY: links are made after all files, so no file is ever written through one. tarfile's
    # own filter is missing in Debian 12's Python, and chains of links have got around it
    # (CVE-2025-4517).
    links: list[tarfile.TarInfo] = []
    size = 0
    try:
        with tarfile.open(fileobj=stream, mode="r|", encoding="utf-8") as archive:
            for member in archive:
                size += member.size
                if size > most_bytes:
                    raise _unusable(f"its files have more than {most_bytes} bytes.")
                if member.issym():
                    links.append(member)
                elif member.isreg() or member.isdir():
                    _write(archive, member, destination)
                else:
                    raise _unusable(f"{member.name!r} is neither a file nor a folder.")
    except tarfile.TarError as exc:
        raise GitFailed from exc
    for link in links:
        _make_link(destination, link)
    for link in links:
        _check_link(destination, link)
    while stream.read(_CHUNK):
        continue  # git fails when its last padding finds no reader.


def _write(archive: tarfile.TarFile, member: tarfile.TarInfo, destination: Path) -> None:
    """Write a folder or a file that is not there yet; nothing of its mode but "executable"."""
    path = _place(destination, member.name)
    if member.isdir():
        path.mkdir(parents=True, exist_ok=True)
        return
    content = archive.extractfile(member)
    if content is None:
        raise GitFailed
    path.parent.mkdir(parents=True, exist_ok=True)
    mode = 0o755 if member.mode & 0o100 else 0o644
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    with content, os.fdopen(os.open(path, flags, mode), "wb") as file:
        shutil.copyfileobj(content, file, _CHUNK)


def _make_link(destination: Path, link: tarfile.TarInfo) -> None:
    try:
        os.symlink(link.linkname, _place(destination, link.name))
    except OSError as exc:
        raise _unusable(f"the link {link.name!r} leads to nothing.") from exc


def _place(destination: Path, name: str) -> Path:
    parts = name.rstrip("/").split("/")
    if name.startswith("/") or any(part in ("", ".", "..") for part in parts):
        raise _unusable(f"{name!r} leads out of the repository.")
    return destination.joinpath(*parts)


def _check_link(destination: Path, link: tarfile.TarInfo) -> None:
    try:
        target = os.path.realpath(destination / link.name, strict=True)
    except OSError as exc:
        raise _unusable(f"the link {link.name!r} leads to nothing.") from exc
    if not Path(target).is_relative_to(os.path.realpath(destination)):
        raise _unusable(f"{link.name!r} leads out of the repository.")


def _show(path: bytes) -> str:
    return repr(path.decode("utf-8", "backslashreplace"))


def _unusable(reason: str) -> CommitNotUsable:
    return CommitNotUsable(reason=reason)
