"""How a task reaches the executor of its worker."""

from collections.abc import Callable

_wake: Callable[[], None] | None = None


def set_executor(wake: Callable[[], None] | None) -> None:
    """Called by the worker when its executor begins, and with None when it ends."""
    global _wake
    _wake = wake


def wake_executor() -> None:
    """There may be a call to run; a worker that has no executor leaves it to the others."""
    if _wake is not None:
        _wake()
