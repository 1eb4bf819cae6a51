"""When a webhook that was not taken is sent again."""

import random

# Seconds from one attempt to the next: ten attempts, and more than a day for a receiver to recover.
DELAYS = (5, 30, 120, 600, 1800, 7200, 18_000, 36_000, 36_000)
MOST_TRIES = len(DELAYS) + 1
# Never sooner, and up to a fifth later: receivers that failed together are not asked together.
JITTER = 0.2


def delay_after(tries: int) -> float | None:
    """Seconds to wait after so many attempts without success; None when that was the last."""
    if tries >= MOST_TRIES:
        return None
    return DELAYS[tries - 1] * random.uniform(1.0, 1.0 + JITTER)
