"""What must hold when nobody kills any more: everything comes to an end, and nothing is left."""

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import psycopg2

from tests.acceptance.platform import answers
from tests.faults.audit import Database
from tests.faults.ledger import FINAL, Accepted, Ledger
from tests.faults.load import Client
from tests.faults.victims import Victims, is_locked

# A lease, the retries after it, and a restart that was delayed.
REST_SECONDS = 60
SLOW_SECONDS = 3.0
GROUPS = [Path("/sys/fs/cgroup") / each / "algoport" for each in ("memory", "pids", "")]


class Rest:
    """Waits for each thing in turn; one that does not come is a violation."""

    def __init__(
        self, victims: Victims, database: Database, ledger: Ledger, tokens_seen: set[str]
    ) -> None:
        self._victims = victims
        self._database = database
        self._ledger = ledger
        self._tokens_seen = tokens_seen
        self._platform = victims.platform

    def wait(self, clients: list[Client]) -> None:
        """Return when the platform is at rest, or has had its time."""
        self._expect("the platform answers", lambda: answers(self._platform.url))
        one_each = list({client.account.name: client for client in clients}.values())
        for client in one_each:
            self._expect(f"{client.account.name} can call", client.call)
        self._expect("no queued call is open", self._nothing_is_open)
        self._expect("every answered call is recorded", lambda: not self._unrecorded())
        journal = self._platform.data / "journal"
        self._expect(
            "the journal is empty",
            lambda: not [each for each in journal.rglob("*") if each.is_file()],
        )
        self._expect("every runner has a gateway", lambda: not self._without_gateway())
        self._expect("only live workers have folders", lambda: not self._folders_of_the_dead())
        self._expect("no control group is left", lambda: not self._groups_left())

    def check_all(self, client: Client) -> None:
        """Ask the platform for everything once more."""
        for call in self._ledger.snapshot():
            self._expect(f"{call.id} can be seen", partial(self._has_ended, client, call))
        with self._ledger.lock:
            files = list(self._ledger.files)
        for path in files:
            self._expect(f"{path} can be read", partial(client.get_file, path))
        rows = self._database.insist("SELECT id::text FROM algorithms_asynccall")
        unknown = {row[0] for row in rows} - set(self._ledger.accepted)
        self._ledger.count("accepted without an answer", len(unknown))
        if len(unknown) > self._ledger.uncertain:
            self._ledger.violated(
                f"{len(unknown)} calls are there that no client knows of; "
                f"only {self._ledger.uncertain} were uncertain"
            )
        self._check_records()

    def _has_ended(self, client: Client, call: Accepted) -> bool:
        return client.look(call) in FINAL

    def _check_records(self) -> None:
        rows = self._database.insist(
            "SELECT call.id::text, call.state FROM algorithms_asynccall call "
            "LEFT JOIN algorithms_callrecord record ON record.request_id = call.id "
            "WHERE call.state IN ('finished', 'failed') AND record.request_id IS NULL"
        )
        for call_id, state in rows:
            self._ledger.violated(f"{call_id} has {state} and is not recorded")

    def _nothing_is_open(self) -> bool:
        rows = self._database.rows(
            "SELECT count(*) FROM algorithms_asynccall WHERE state IN ('queued', 'running')"
        )
        return bool(rows[0][0] == 0)

    def _unrecorded(self) -> set[str]:
        """Answered synchronous calls without a record."""
        with self._ledger.lock:
            answered = set(self._ledger.answered)
        rows = self._database.rows("SELECT request_id::text FROM algorithms_callrecord")
        return answered - {row[0] for row in rows}

    def _without_gateway(self) -> list[Path]:
        """Sandboxes of runners to whose agent nobody is connected."""
        connected = set()
        for line in Path("/proc/net/unix").read_text().splitlines()[1:]:
            columns = line.split()
            if len(columns) == 8 and columns[5] == "03":
                connected.add(columns[7])
        # Those that were started ahead are for nobody yet.
        folders = [each for each in self._victims.agent_folders() if (each / "start.json").exists()]
        return [each for each in folders if str(each / "agent.sock") not in connected]

    def _folders_of_the_dead(self) -> list[str]:
        folder = self._victims.runners_folder
        return [each for each in self._victims.tokens() if not is_locked(folder / each / "lock")]

    def _groups_left(self) -> list[Path]:
        """Control groups of workers of this platform that are dead."""
        dead = self._tokens_seen - set(self._victims.tokens())
        return [folder / each for folder in GROUPS for each in dead if (folder / each).exists()]

    def _expect(self, what: str, condition: Callable[[], object]) -> None:
        began = time.monotonic()
        deadline = began + REST_SECONDS
        while True:
            try:
                if condition():
                    self._say_if_slow(what, time.monotonic() - began)
                    return
            except psycopg2.Error:
                pass  # Being asked again is the answer to that.
            if time.monotonic() > deadline:
                self._ledger.violated(f"not within {REST_SECONDS} s: {what}{self._details(what)}")
                return
            time.sleep(0.2)

    def _say_if_slow(self, what: str, seconds: float) -> None:
        if seconds > SLOW_SECONDS:
            print(f"after {seconds:.0f} s: {what}", flush=True)

    def _details(self, what: str) -> str:
        details: dict[str, Callable[[], object]] = {
            "every answered call is recorded": self._unrecorded,
            "every runner has a gateway": self._without_gateway,
            "only live workers have folders": self._folders_of_the_dead,
            "no control group is left": self._groups_left,
        }
        return f": {details[what]()}" if what in details else ""
