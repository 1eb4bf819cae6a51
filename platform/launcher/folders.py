"""The folders of a platform, and the lock that keeps two from sharing them."""

import fcntl
import os
import shutil
import stat
from pathlib import Path

from algoport.launcher.errors import StartRefused

_LARGEST_LOG_BYTES = 10 * 1024 * 1024


def make_folder(path: Path, mode: int) -> None:
    """Make a folder of this user with this mode, and what is missing above it."""
    try:
        path.mkdir(mode=mode, parents=True, exist_ok=True)
        path.chmod(mode)
    except OSError as exc:
        raise StartRefused(f"cannot make the folder {path}: {exc.strerror}") from exc


def make_socket_folder(path: Path) -> None:
    """Make the folder of the sockets anew: those in it belong to nobody any more."""
    remove_socket_folder(path)
    make_folder(path, 0o711)


def remove_socket_folder(path: Path) -> None:
    """Remove it with all sockets; refuses a folder that somebody else has put there."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return
    # SECURITY: /tmp is open to all; a folder or link of another user would get our sockets.
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise StartRefused(f"{path} belongs to somebody else or is no folder; remove it")
    shutil.rmtree(path)


def take_lock(path: Path) -> int:
    """Hold the data folder for as long as this process lives; returns the descriptor."""
    try:
        lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as exc:
        raise StartRefused(f"cannot write to the data folder: {path}: {exc.strerror}") from exc
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as exc:
        holder = os.read(lock, 20).decode().strip()
        os.close(lock)
        raise StartRefused(
            f"the data folder {path.parent} is in use by a running platform (pid {holder})"
        ) from exc
    os.ftruncate(lock, 0)
    os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
    return lock


def rotate_log(path: Path) -> None:
    """Begin a new log when the old one has become large; one older one is kept."""
    if path.exists() and path.stat().st_size > _LARGEST_LOG_BYTES:
        path.replace(path.with_suffix(path.suffix + ".1"))


def last_lines(path: Path, count: int = 15) -> str:
    """The end of a log."""
    if not path.exists():
        return ""
    with path.open("rb") as log:
        log.seek(max(0, path.stat().st_size - 8192))
        return "\n".join(log.read().decode(errors="replace").splitlines()[-count:])
