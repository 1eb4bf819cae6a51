"""The database as witness: a trigger writes down every step of every queued call."""

import json
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

import psycopg2

from tests.faults.ledger import FINAL, Accepted, Ledger
from tests.faults.runs import Sighting

T = TypeVar("T")

# The trigger runs in the transaction of the change, so what it wrote is what happened.
AUDIT = """
CREATE TABLE faults_audit (
    number bigserial PRIMARY KEY, at timestamptz NOT NULL DEFAULT clock_timestamp(),
    id uuid NOT NULL, old_state text, new_state text, old_attempt int, new_attempt int,
    tries int, allowed int, lease timestamptz
);
CREATE FUNCTION faults_note() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO faults_audit (id, new_state, new_attempt, tries, allowed)
        VALUES (NEW.id, NEW.state, NEW.attempt, NEW.tries, NEW.attempts_allowed);
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO faults_audit (id, old_state, old_attempt)
        VALUES (OLD.id, OLD.state, OLD.attempt);
    ELSIF OLD.state <> NEW.state OR OLD.attempt <> NEW.attempt OR OLD.state IN
            ('finished', 'failed', 'dead', 'cancelled') THEN
        INSERT INTO faults_audit
            (id, old_state, new_state, old_attempt, new_attempt, tries, allowed, lease)
        VALUES (NEW.id, OLD.state, NEW.state, OLD.attempt, NEW.attempt, NEW.tries,
            NEW.attempts_allowed, OLD.lease_expires_at);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER faults_note AFTER INSERT OR UPDATE OR DELETE ON algorithms_asynccall
    FOR EACH ROW EXECUTE FUNCTION faults_note();
"""
STEPS = """
SELECT id::text, extract(epoch FROM at)::float8, old_state, new_state, old_attempt, new_attempt,
    tries, allowed, extract(epoch FROM lease)::float8
FROM faults_audit ORDER BY number
"""
ALLOWED = {
    ("queued", "running"),
    ("queued", "cancelled"),
    ("running", "queued"),
    ("running", "finished"),
    ("running", "failed"),
    ("running", "dead"),
    ("running", "cancelled"),
}
STATES = FINAL | {"queued", "running"}
# Between the begin of a run and the moment when the watcher saw it.
BLUR_SECONDS = 0.3


@dataclass(frozen=True)
class Step:
    """One change of a queued call's row; times since 1970."""

    at: float
    old: str | None
    new: str | None
    old_attempt: int | None
    attempt: int | None
    tries: int | None
    allowed: int | None
    lease: float | None

    @property
    def is_takeover(self) -> bool:
        """Whether the attempt was taken from a worker that had not said anything for a lease."""
        lost = self.old == "running" and self.new in ("queued", "dead")
        return lost and self.lease is not None and self.lease < self.at


class Database:
    """The platform's own PostgreSQL, past the platform."""

    def __init__(self, sockets: Path) -> None:
        self._address = f"host={sockets} user=postgres dbname=algoport connect_timeout=3"

    def rows(self, statement: str, *arguments: Any) -> list[tuple[Any, ...]]:
        """Raises psycopg2.Error while it does not answer."""
        with closing(psycopg2.connect(self._address)) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(statement, arguments or None)
                return cursor.fetchall() if cursor.description else []

    def insist(self, statement: str, *arguments: Any, seconds: float = 60) -> list[tuple[Any, ...]]:
        """Rows as soon as it answers."""
        return insist(lambda: self.rows(statement, *arguments), seconds)


def insist(read: Callable[[], T], seconds: float) -> T:
    deadline = time.monotonic() + seconds
    while True:
        try:
            return read()
        except psycopg2.Error:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


class Sampler(threading.Thread):
    """Balances the queue's table with what clients were told, all the time."""

    def __init__(self, database: Database, ledger: Ledger) -> None:
        super().__init__(name="sampler", daemon=True)
        self._database = database
        self._ledger = ledger
        self._attempts: dict[str, int] = {}
        self._stopping = threading.Event()
        self.samples = 0
        self.refused = 0

    def run(self) -> None:
        pause = 0.2
        while not self._stopping.wait(pause):
            began = time.monotonic()
            try:
                self.sample()
            except psycopg2.Error:
                self.refused += 1
            # At most a tenth of a processor, however many calls there are.
            pause = max(0.2, 10 * (time.monotonic() - began))

    def stop(self) -> None:
        self._stopping.set()
        self.join()

    def sample(self) -> dict[str, int]:
        """Compare once; how many calls are in which state. Raises psycopg2.Error."""
        accepted = self._ledger.snapshot()
        rows = self._database.rows("SELECT id::text, state, attempt FROM algorithms_asynccall")
        self.samples += 1
        states: dict[str, int] = defaultdict(int)
        found = {}
        for call_id, state, attempt in rows:
            found[call_id] = state
            states[state] += 1
            if attempt < self._attempts.get(call_id, 0):
                self._ledger.violated(f"{call_id} went back to attempt {attempt}")
            self._attempts[call_id] = attempt
        lost = [call.id for call in accepted if found.get(call.id) not in STATES]
        if lost:
            self._ledger.violated(f"{len(accepted)} calls were accepted, these are lost: {lost}")
        for call in accepted:
            state = found.get(call.id, "")
            if state in FINAL:
                self._ledger.note_final(call, state, "database")
            elif state and call.final is not None and not self._is_newer(call):
                self._ledger.violated(f"{call.id} was {call.final} and is {state} now")
        return dict(states)

    def _is_newer(self, call: Accepted) -> bool:
        """Whether a client saw the end after our statement had read the row."""
        rows = self._database.rows("SELECT state FROM algorithms_asynccall WHERE id=%s", call.id)
        return bool(rows and rows[0][0] == call.final)


def read_steps(database: Database) -> dict[str, list[Step]]:
    steps: dict[str, list[Step]] = defaultdict(list)
    for call_id, *values in database.insist(STEPS):
        steps[call_id].append(Step(*values))
    return dict(steps)


def check_steps(steps: dict[str, list[Step]], ledger: Ledger) -> None:
    """Each call's steps are a way through the graph of its states; attempts only grow."""
    for call_id, taken in steps.items():
        first = taken[0]
        if first.old is not None or first.new != "queued" or first.attempt != 0:
            ledger.violated(f"{call_id} began with {first}")
        for before, step in pairwise(taken):
            if step.old != before.new or step.old_attempt != before.attempt:
                ledger.violated(f"{call_id}: {step} does not follow {before}")
            if (step.old, step.new) not in ALLOWED:
                ledger.violated(f"{call_id} made a step that there is not: {step}")
            assert step.old_attempt is not None
            wanted = step.old_attempt + (step.new == "running")
            if step.attempt != wanted:
                ledger.violated(f"{call_id} has attempt {step.attempt}, not {wanted}")
            if step.tries is None or step.allowed is None or step.tries > step.allowed:
                ledger.violated(f"{call_id} has had {step.tries} of {step.allowed} tries")


def check_results(
    database: Database,
    steps: dict[str, list[Step]],
    sightings: dict[str, list[Sighting]],
    ledger: Ledger,
) -> None:
    """A stored result is of a run that the call's last attempt has begun, and of its only one."""
    rows = database.insist(
        "SELECT id::text, state, convert_from(result, 'UTF8'), error_type, attempts_allowed "
        # The platform's own runs of sample inputs have no key.
        "FROM algorithms_asynccall WHERE key_id IS NOT NULL"
    )
    known = {call.id: call for call in ledger.snapshot()}
    for call_id, state, result, error_type, allowed in rows:
        call = known.get(call_id)
        ledger.count(f"async {state}")
        if error_type and state in ("failed", "dead"):
            ledger.count(f"async {state} by {error_type}")
        if call is not None:
            _check_end(call, state, allowed, ledger)
        if state == "finished":
            _check_result(call_id, json.loads(result), call, steps[call_id], sightings, ledger)
    for call in known.values():
        if call.id in steps:
            _check_runs(call, steps[call.id], sightings.get(call.token, []), ledger)


def _check_end(call: Accepted, state: str, allowed: int, ledger: Ledger) -> None:
    if call.fails and state == "finished":
        ledger.violated(f"{call.id} was to fail and has finished")
    if call.cancelled and state != "cancelled":
        ledger.violated(f"{call.id} was cancelled and is {state}")
    if allowed != 1 + call.retries:
        ledger.violated(f"{call.id} has {allowed} attempts, not {1 + call.retries}")
    if state not in FINAL:
        ledger.violated(f"{call.id} has not ended: it is {state}")


def _check_result(
    call_id: str,
    result: dict[str, Any],
    call: Accepted | None,
    steps: list[Step],
    sightings: dict[str, list[Sighting]],
    ledger: Ledger,
) -> None:
    if call is not None and result["token"] != call.token:
        ledger.violated(f"{call_id} has the result of {result['token']}, it is {call.token}")
    taken = max(step.at for step in steps if step.new == "running")
    if result["began"] < taken:
        late = taken - result["began"]
        ledger.violated(f"{call_id} has a result begun {late:.3f} s before its last attempt")
    runs = sightings.get(result["token"], [])
    if any(run.nonce == result["nonce"] for run in runs):
        ledger.count("results whose run was seen")
    for run in runs:
        if run.nonce != result["nonce"] and run.first > taken + BLUR_SECONDS:
            ledger.violated(f"{call_id} has the result of {result['nonce']}, but {run} was later")


def _check_runs(call: Accepted, steps: list[Step], runs: list[Sighting], ledger: Ledger) -> None:
    """No attempt has run twice, and nothing runs after the call's end."""
    starts = [step.at for step in steps if step.new == "running"]
    if len(runs) > len(starts):
        ledger.violated(f"{call.id} was seen running {len(runs)} times in {len(starts)} attempts")
    ends = [step.at for step in steps if step.new in FINAL]
    for run in runs:
        # A cancelled run is ended when its worker hears of it, or at its lease's end.
        if ends and call.final != "cancelled" and run.first > ends[-1] + BLUR_SECONDS:
            ledger.violated(f"{call.id} began to run again after its end: {run}")
