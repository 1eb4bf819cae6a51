"""Rounds of kills under load on a platform of its own, and the account of them."""

import random
import re
import shutil
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from tests.acceptance.platform import Platform, deploy, running_platform
from tests.faults.algorithm import NAME, SOURCE
from tests.faults.audit import AUDIT, Database, Sampler, check_results, check_steps, read_steps
from tests.faults.ledger import Ledger
from tests.faults.load import Client
from tests.faults.pause import REFUSED, Pause
from tests.faults.rest import Rest
from tests.faults.runs import RunWatcher
from tests.faults.victims import Killer, SecondWorker, Victims, kill

ACCOUNTS = 3
LONGEST_PAUSE_SECONDS = 90
_REFUSALS = re.compile(rf"attempt \d+ of req-\S+ {REFUSED}")


@dataclass
class Report:
    """What a campaign did, and what it found."""

    seed: int
    rounds: int = 0
    seconds: float = 0.0
    rest_seconds: float = 0.0
    kills: Counter[str] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)

    def lines(self) -> list[str]:
        """The final table."""
        lines = [
            f"{'seed':40} {self.seed}",
            f"{'rounds':40} {self.rounds}",
            f"{'seconds of killing':40} {self.seconds:.0f}",
            f"{'seconds until at rest':40} {self.rest_seconds:.0f}",
        ]
        lines += [f"{'killed: ' + kind:40} {count}" for kind, count in sorted(self.kills.items())]
        lines += [f"{name:40} {count}" for name, count in sorted(self.counts.items())]
        return [*lines, f"{'violations':40} {len(self.violations)}", *self.violations]


class Campaign:
    """Everything that takes part; `run` may be called once."""

    def __init__(self, platform: Platform, seed: int, *, clients: int = 8) -> None:
        self.platform = platform
        self.ledger = Ledger()
        self.report = Report(seed)
        self._random = random.Random(f"{seed}/rounds")
        self._second = SecondWorker(platform)
        self._victims = Victims(platform, self._second)
        self._killer = Killer(self._victims, seed)
        self._database = Database(platform.data / "run" / "pg")
        self._watcher = RunWatcher(self.ledger)
        self._sampler = Sampler(self._database, self.ledger)
        self._tokens_seen: set[str] = set()
        self._pauses: list[Pause] = []
        # The last one is not part of the load: pauses and checks have it for themselves.
        *self._clients, self._own = self._make_clients(clients + 1, seed)

    def run(self, rounds: int, *, pauses: int, shortest: float = 0.3, longest: float = 2.5) -> None:
        """Kill once a round; a pause of a worker begins at regular distances."""
        began = time.monotonic()
        self._second.tend()
        self._database.rows(AUDIT)
        for thread in (self._watcher, self._sampler, *self._clients):
            thread.start()
        try:
            self._wait_for_second()
            begin_pause = {round(number * rounds / pauses) for number in range(pauses)}
            for number in range(rounds):
                if number in begin_pause:
                    self._begin_pause()
                self._round(number, self._random.uniform(shortest, longest))
            for pause in self._pauses[-1:]:
                self._end_pause(pause)
        finally:
            for client in self._clients:
                client.stop()
        for client in self._clients:
            client.join()
        self.report.seconds = time.monotonic() - began
        self._rest()

    def close(self) -> None:
        self._second.stop()

    def _make_clients(self, count: int, seed: int) -> list[Client]:
        accounts = [self.platform.account(f"fault{number}") for number in range(ACCOUNTS)]
        address = deploy(accounts[0], NAME, SOURCE, publish="public").rpartition("/")[0]
        for account in accounts:
            account.client.dir("data://.my/faults").create()
        return [
            Client(number, accounts[number % ACCOUNTS], address, self.ledger, seed)
            for number in range(count)
        ]

    def _wait_for_second(self) -> None:
        deadline = time.monotonic() + 30
        while self._victims.count_workers() < 2:
            assert time.monotonic() < deadline, "the second worker has not started"
            time.sleep(0.1)

    def _round(self, number: int, seconds: float) -> None:
        for pause in self._pauses:
            if not pause.is_alive():
                self._killer.spared.clear()
        killed = self._killer.kill_one()
        if killed is not None:
            self.report.kills[killed] += 1
            self.report.rounds += 1
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self._second.tend()
            self._tokens_seen.update(self._victims.tokens())
            time.sleep(0.1)
        if number % 10 == 9:
            self._say_progress(number + 1)

    def _say_progress(self, rounds: int) -> None:
        ledger = self.ledger
        print(
            f"round {rounds}: {ledger.counts['accepted']} accepted "
            f"({len(ledger.open_calls())} open), {ledger.counts['sync finished']} answered, "
            f"{self._sampler.samples} samples, {self._watcher.samples} looks at processes, "
            f"{len(ledger.violations)} violations",
            flush=True,
        )

    def _begin_pause(self) -> None:
        for last in self._pauses[-1:]:
            self._end_pause(last)
        # Whoever is paused and whoever takes over; and what both need to say whose turn it is.
        self._killer.spared = {"worker", "second worker"}
        pause = Pause(self._victims, self._own, self._database, self.ledger)
        self._pauses.append(pause)
        pause.start()

    def _end_pause(self, pause: Pause) -> None:
        pause.join(LONGEST_PAUSE_SECONDS)
        self._killer.spared.clear()
        if pause.is_alive():
            self.ledger.violated(f"a pause did not end within {LONGEST_PAUSE_SECONDS} s")
        elif pause.failure is not None:
            self.ledger.violated(f"a pause failed: {pause.failure!r}")

    def _rest(self) -> None:
        began = time.monotonic()
        ledger = self.ledger
        self._second.tend()
        rest = Rest(self._victims, self._database, ledger, self._tokens_seen)
        rest.wait(self._clients)
        self.report.rest_seconds = time.monotonic() - began
        self._sampler.stop()
        self._watcher.stop()
        self._sampler.sample()
        rest.check_all(self._own)
        steps = read_steps(self._database)
        check_steps(steps, ledger)
        check_results(self._database, steps, self._watcher.sightings(), ledger)
        self._account(sum(step.is_takeover for taken in steps.values() for step in taken))

    def _account(self, takeovers: int) -> None:
        counts = self.ledger.counts
        counts["samples of the database"] = self._sampler.samples
        counts["samples refused by a dead database"] = self._sampler.refused
        counts["samples of the processes"] = self._watcher.samples
        counts["pauses"] = len(self._pauses)
        counts["calls taken over in pauses"] = sum(pause.taken_over for pause in self._pauses)
        counts["attempts taken from lost workers"] = takeovers
        counts["stale settlements refused"] = self._refusals()
        counts["runs seen"] = sum(map(len, self._watcher.sightings().values()))
        counts["calls seen running at once twice"] = self._watcher.overlaps
        self.report.counts = counts
        self.report.violations = self.ledger.violations

    def _refusals(self) -> int:
        """How often a worker said that an attempt was not its own any more."""
        logs: list[Path] = [self.platform.data / "logs" / "worker.log", self._second.log]
        return sum(len(_REFUSALS.findall(log.read_text(errors="replace"))) for log in logs)


def run_campaign(
    rounds: int,
    seed: int,
    *,
    pauses: int,
    shortest: float = 0.3,
    longest: float = 2.5,
    keep_logs: bool = False,
) -> Report:
    """A campaign on a new platform, which is stopped at the end and must leave nothing running."""
    with running_platform() as platform:
        campaign = Campaign(platform, seed)
        try:
            campaign.run(rounds, pauses=pauses, shortest=shortest, longest=longest)
        finally:
            campaign.close()
        if keep_logs or campaign.ledger.violations:
            _keep_logs(platform)
        status = platform.stop()
        if status != 0:
            campaign.ledger.violated(f"the platform ended with status {status}")
        left = platform.processes("")
        if left:
            campaign.ledger.violated(f"processes are left when the platform has stopped: {left}")
            for pid in left:
                kill(pid)
    return campaign.report


def _keep_logs(platform: Platform) -> None:
    kept = Path(tempfile.mkdtemp(prefix="faults-"))
    shutil.copytree(platform.data / "logs", kept, dirs_exist_ok=True)
    shutil.copy(platform.data.parent / "up.log", kept)
    print(f"the logs are kept in {kept}", flush=True)
