"""Sandboxes that were started ahead, with nothing in them yet but an environment and the agent.

No code of any algorithm has run in one. It becomes a runner when a copy of an algorithm's source is
put into its folder, which the sandbox sees read-only. That is for small sources without packages:
those whose cold start is the sandbox's, and not their own imports'.
"""

import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path

from algoport.containers.engine import Image, Limits, RunnerSpec
from algoport.containers.errors import RunnerStartFailed
from algoport.containers.processes import Sandbox

BLANKS = 2
# Where the folder of a sandbox is seen inside it, and its part for the source.
SOURCE_FOLDER = "algorithm"
LINKS = {"/opt/algorithm": f"/run/algoport/{SOURCE_FOLDER}"}
_REST_SECONDS = 0.2
_MOST_FILES = 64
_MOST_BYTES = 1024 * 1024

Kind = tuple[Path, Limits]


class Blanks:
    """Keeps BLANKS sandboxes ready for each environment that is expected, from a thread."""

    def __init__(self, start: Callable[[Path, Limits], Sandbox]) -> None:
        self._start = start
        self._ready: dict[Kind, list[Sandbox]] = {}
        self._lock = threading.Lock()
        self._wanted = threading.Event()
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None

    def expect(self, environment: Path, limits: Limits) -> None:
        """Runners of this environment may be wanted from now on."""
        with self._lock:
            self._ready.setdefault((environment, limits), [])
            if self._thread is None and not self._closed.is_set():
                self._thread = threading.Thread(target=self._refill, name="blanks", daemon=True)
                self._thread.start()
        self._wanted.set()

    def take(self, spec: RunnerSpec) -> Sandbox | None:
        """A sandbox that can become this runner, with its source in it; None when there is none."""
        if spec.egress is not None or not _is_small(spec.image):
            return None
        sandbox = self._pop((spec.image.environment, spec.limits))
        if sandbox is None:
            return None
        # No packages directory: what is mounted elsewhere as that does not exist here.
        try:
            shutil.copytree(spec.image.source, sandbox.folder / SOURCE_FOLDER, symlinks=True)
        except OSError as exc:
            sandbox.kill()
            raise RunnerStartFailed(f"the source could not be copied: {exc}") from exc
        return sandbox

    def count(self, environment: Path, limits: Limits) -> int:
        with self._lock:
            return len(self._ready.get((environment, limits), ()))

    def close(self) -> None:
        self._closed.set()
        self._wanted.set()
        if self._thread is not None:
            self._thread.join()

    def _pop(self, kind: Kind) -> Sandbox | None:
        with self._lock:
            ready = self._ready.get(kind, [])
            while ready:
                sandbox = ready.pop()
                if sandbox.is_alive():
                    self._wanted.set()
                    return sandbox
        return None

    def _refill(self) -> None:
        while True:
            self._wanted.wait()
            # The runner that has just been taken comes first.
            if self._closed.wait(_REST_SECONDS):
                return
            self._wanted.clear()
            for kind in self._lacking():
                self._add(kind)

    def _lacking(self) -> list[Kind]:
        with self._lock:
            return [kind for kind, ready in self._ready.items() for _ in range(BLANKS - len(ready))]

    def _add(self, kind: Kind) -> None:
        try:
            sandbox = self._start(*kind)
        except RunnerStartFailed:
            # Whoever wants a runner starts one, and is told why it does not.
            return
        with self._lock:
            self._ready[kind].append(sandbox)


def _is_small(image: Image) -> bool:
    if image.packages is not None or not image.source.is_dir():
        return False
    files = size = 0
    for folder, _, names in os.walk(image.source):
        for name in names:
            files += 1
            size += os.lstat(os.path.join(folder, name)).st_size
        if files > _MOST_FILES or size > _MOST_BYTES:
            return False
    return True
