"""Work that goes on in an event loop of a process for as long as the process does."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

logger = logging.getLogger(__name__)

AGAIN_SECONDS = 1.0


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


async def keep_at(work: Callable[[], Awaitable[None]]) -> None:
    """Begin again after a failure that nobody has thought of: nobody else would do the work."""
    while True:
        try:
            await work()
        except Exception:
            logger.exception("%s failed and begins again", work)
            await asyncio.sleep(AGAIN_SECONDS)


async def woken_within(seconds: float, event: asyncio.Event) -> bool:
    """Wait until somebody sets the event, and clear it; False when nobody did in time."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    event.clear()
    return True
