"""Work that goes on in an event loop of a process for as long as the process does."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

logger = logging.getLogger(__name__)

AGAIN_SECONDS = 1.0


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
