"""Folders that hostile code has written in: giving them away, taking them back, measuring them."""

import os
import stat
from pathlib import Path


def hand_over(root: Path, uid: int) -> None:
    """Give a folder with all that is in it to a user; nothing special or set-uid stays in it.

    Works on descriptors and never follows a link: names in it were chosen by hostile code.
    """
    gid = os.getegid() if uid == os.geteuid() else uid
    for _, folders, files, descriptor in os.fwalk(root, topdown=True, follow_symlinks=False):
        for name in (*folders, *files):
            kind = os.stat(name, dir_fd=descriptor, follow_symlinks=False).st_mode
            if not (stat.S_ISDIR(kind) or stat.S_ISREG(kind) or stat.S_ISLNK(kind)):
                os.unlink(name, dir_fd=descriptor)
                continue
            os.chown(name, uid, gid, dir_fd=descriptor, follow_symlinks=False)
            if stat.S_ISREG(kind):
                _set_mode(name, descriptor, 0o755 if kind & 0o100 else 0o644)
            elif stat.S_ISDIR(kind):
                _set_mode(name, descriptor, 0o755)
    os.chown(root, uid, gid)
    root.chmod(0o755)


def _set_mode(name: str, folder: int, mode: int) -> None:
    """Linux's chmod always follows a link; this way it is refused where a link is met."""
    descriptor = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
    try:
        if not stat.S_ISLNK(os.fstat(descriptor).st_mode):
            os.chmod(f"/proc/self/fd/{descriptor}", mode)
    finally:
        os.close(descriptor)


def is_larger(root: Path, most: int) -> bool:
    """Whether the files below a folder take more than `most` bytes of disk."""
    total = 0
    for _, _, files, descriptor in os.fwalk(root, follow_symlinks=False):
        for name in files:
            try:
                total += os.stat(name, dir_fd=descriptor, follow_symlinks=False).st_blocks * 512
            except FileNotFoundError:
                continue
        if total > most:
            return True
    return False
