"""How an end of a call reaches the sender of a worker."""

from collections.abc import Callable

_wake: Callable[[], None] | None = None


def set_sender(wake: Callable[[], None] | None) -> None:
    """Called by the worker when its sender begins, and with None when it ends."""
    global _wake
    _wake = wake


def wake_sender() -> bool:
    """There may be something to send; whether this process has a sender."""
    if _wake is None:
        return False
    _wake()
    return True
