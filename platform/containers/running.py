"""The sandboxes or containers that a runtime has now."""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

import psutil

from algoport.containers.engine import Runner
from algoport.containers.errors import SandboxNotEnded, WatchIncomplete

R = TypeVar("R", bound=Runner)


class Running(Generic[R]):
    """Runners by their ids; for many threads."""

    def __init__(self) -> None:
        self._runners: dict[str, R] = {}
        self._lock = threading.Lock()

    def add(self, runner: R) -> None:
        with self._lock:
            self._runners[runner.id] = runner

    def rename(self, runner: R, identifier: str) -> None:
        """What was started ahead gets the id of what it is for."""
        with self._lock:
            del self._runners[runner.id]
            runner.id = identifier
            self._runners[identifier] = runner

    def forget(self, runner: R) -> None:
        with self._lock:
            self._runners.pop(runner.id, None)

    def look_at_each(self, look: Callable[[R], None]) -> None:
        """`look` at those that live, and end and forget the others.

        Raises WatchIncomplete when some could not be looked at or ended; all others were.
        """
        failures = []
        for runner in self._all():
            try:
                if runner.is_alive():
                    look(runner)
                    continue
                runner.exit_reason  # noqa: B018  (reads why, while it can still be told)
                runner.kill()
                self.forget(runner)
            except (SandboxNotEnded, OSError, psutil.Error) as exc:
                failures.append(f"sandbox {runner.id}: {exc}")
        if failures:
            raise WatchIncomplete("; ".join(failures))

    def kill_all(self) -> None:
        for runner in self._all():
            runner.kill()

    def _all(self) -> list[R]:
        with self._lock:
            return list(self._runners.values())
