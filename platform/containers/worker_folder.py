"""The folder of one worker's sandboxes, and the kernel users that they run as."""

import fcntl
import os
import random
import shutil
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path

from algoport.containers.leftovers import can_lock

# Kernel users of sandboxes when we are root; one for each, far from those of people and services.
_FIRST_UID, _UIDS = 2_100_000, 400_000


class WorkerFolder:
    """A folder below `run_dir` that is named by a token and locked for as long as we live.

    It is to be reachable by other users when this process is root.
    """

    def __init__(self, run_dir: Path) -> None:
        self.token = uuid.uuid4().hex[:8]
        self._run_dir = run_dir
        self.path = run_dir / self.token
        self.path.mkdir(parents=True)
        self.path.chmod(0o711)
        self._held = (self.path / "lock").open("w")
        fcntl.flock(self._held, fcntl.LOCK_EX)

    def make(self, name: str) -> Path:
        """A folder for one sandbox."""
        folder = self.path / name
        folder.mkdir()
        folder.chmod(0o711)
        return folder

    def of_the_dead(self) -> Iterator[Path]:
        """The folders of workers that do not live any more."""
        for folder in self._run_dir.iterdir():
            if folder == self.path or not folder.is_dir():
                continue
            lock = folder / "lock"
            if not lock.exists() or can_lock(lock):
                yield folder

    def close(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)
        self._held.close()


class KernelUsers:
    """A user of the kernel for each sandbox, where we may choose one."""

    def __init__(self) -> None:
        self._next = random.randrange(_UIDS)
        self._lock = threading.Lock()

    def take(self) -> int:
        """The next one; our own when we are not root."""
        if os.geteuid() != 0:
            return os.geteuid()
        with self._lock:
            self._next = (self._next + 1) % _UIDS
            return _FIRST_UID + self._next
