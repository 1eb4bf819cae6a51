"""Callers at their limit of calls, for whom no more are taken from the queue for a while."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

MOST_PAUSED = 1000


@dataclass(slots=True)
class _Pause:
    until: float
    # Places that have become free since, of which each is worth a call.
    free: int = 0


class PausedCallers:
    """Who was refused here during the last seconds; others are asked for without end."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._pauses: dict[UUID, _Pause] = {}

    def note_refused(self, caller_id: UUID) -> None:
        """A call of the caller found no place."""
        until = time.monotonic() + self._seconds
        pause = self._pauses.get(caller_id)
        if pause is not None:
            pause.until = until
            return
        if len(self._pauses) >= MOST_PAUSED:
            del self._pauses[next(iter(self._pauses))]
        self._pauses[caller_id] = _Pause(until)

    def note_place(self, caller_id: UUID) -> None:
        """A call of the caller has given its place back."""
        pause = self._pauses.get(caller_id)
        if pause is not None:
            pause.free += 1

    def note_taken(self, caller_id: UUID) -> None:
        """A call of the caller was taken, and will ask for a place."""
        pause = self._pauses.get(caller_id)
        if pause is not None:
            pause.free = max(0, pause.free - 1)

    def most_of(self) -> Mapping[UUID, int]:
        """How many calls of each of them may be taken now."""
        now = time.monotonic()
        self._pauses = {each: pause for each, pause in self._pauses.items() if pause.until > now}
        return {each: pause.free for each, pause in self._pauses.items()}
