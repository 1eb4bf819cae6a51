"""A worker that is paused past its leases and then goes on, while another has its calls."""

import signal
import threading
import time
from typing import Any

import psycopg2

from tests.acceptance.platform import wait_until
from tests.faults.audit import Database
from tests.faults.ledger import Accepted, Ledger
from tests.faults.load import Client
from tests.faults.victims import Victims, kill, stop_and_wait

REFUSED = "was not its holder's any more"
# The first end long before the lease does, the others would go on after it.
SECONDS = (5.0, 5.0, 6.0, 9.0, 24.0)
TAKEOVER_SECONDS = 60
# The database and the broker are killed all the while.
START_SECONDS = 60
ROWS = "SELECT id::text, state, attempt FROM algorithms_asynccall WHERE id::text = ANY(%s)"


class Pause(threading.Thread):
    """Gives calls to one worker, pauses it until the other has taken them over, and wakes it."""

    def __init__(
        self, victims: Victims, client: Client, database: Database, ledger: Ledger
    ) -> None:
        super().__init__(name="pause", daemon=True)
        self._victims = victims
        self._client = client
        self._database = database
        self._ledger = ledger
        self.failure: Exception | None = None
        self.taken_over = 0

    def run(self) -> None:
        try:
            first, second = self._wait_for_workers()
            try:
                self._pause(first, second)
            finally:
                for pid in (first, second):
                    kill(pid, signal.SIGCONT)
        except (AssertionError, psycopg2.Error) as exc:
            self.failure = exc

    def _wait_for_workers(self) -> tuple[int, int]:
        """The launcher's worker and the other, when both are ready.

        Those that are spared may end by themselves, when the broker is killed.
        """
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until:
            first, second = self._victims.worker(), self._victims.second.pid
            if self._victims.count_workers() == 2 and first is not None and second is not None:
                return first, second
            time.sleep(0.1)
        raise AssertionError("one worker does not run")

    def _pause(self, first: int, second: int) -> None:
        # With the second asleep the first takes all.
        stop_and_wait(second)
        calls = [self._queue(seconds) for seconds in SECONDS]
        wait_until(
            lambda: self._running(calls), START_SECONDS, "the worker to be paused runs calls"
        )
        stop_and_wait(first)
        held = self._attempts(calls)
        kill(second, signal.SIGCONT)
        wait_until(
            lambda: self._newer(calls, held), TAKEOVER_SECONDS, "calls of a paused worker go on"
        )
        kill(first, signal.SIGCONT)
        self.taken_over = self._newer(calls, held)

    def _queue(self, seconds: float) -> Accepted:
        """Until it is accepted: the database is killed meanwhile."""
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until:
            call = self._client.queue(seconds, retries=4, may_cancel=False)
            if call is not None:
                return call
        raise AssertionError("no call is accepted")

    def _running(self, calls: list[Accepted]) -> bool:
        states = [state for state, _ in self._rows(calls).values()]
        return states.count("running") >= 3

    def _attempts(self, calls: list[Accepted]) -> dict[str, int]:
        rows = self._rows(calls, insist=True)
        return {
            call_id: attempt for call_id, (state, attempt) in rows.items() if state == "running"
        }

    def _newer(self, calls: list[Accepted], held: dict[str, int]) -> int:
        """Calls that were running here and have another attempt now."""
        rows = self._rows(calls)
        return sum(rows[each][1] > attempt for each, attempt in held.items() if each in rows)

    def _rows(self, calls: list[Accepted], *, insist: bool = False) -> dict[str, tuple[str, int]]:
        ids = [call.id for call in calls]
        read = self._database.insist if insist else self._database.rows
        try:
            rows: list[tuple[Any, ...]] = read(ROWS, ids)
        except psycopg2.Error:
            return {}
        return {call_id: (state, attempt) for call_id, state, attempt in rows}
