"""How what works in the loop of a worker is told that there is something to do."""

from collections.abc import Callable


class Waker:
    """How a task or a signal reaches what works in the loop of its worker, if anything does."""

    def __init__(self) -> None:
        self._wake: Callable[[], None] | None = None

    def connect(self, wake: Callable[[], None] | None) -> None:
        """Called by the worker when the work begins, and with None when it ends."""
        self._wake = wake

    def wake(self) -> bool:
        """There may be something to do; False where nobody does it, which others will."""
        if self._wake is None:
            return False
        self._wake()
        return True


# What runs queued calls in a worker, and what sends webhooks there.
EXECUTOR, SENDER = Waker(), Waker()
