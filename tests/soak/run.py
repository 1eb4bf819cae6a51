"""`make soak`: many callers and algorithms for a while, and nobody sees anybody else.

Every call must be answered with its result or with 429; no caller finds another's mark; memory is
bounded while it runs, and everything is idle again afterwards.
"""

import argparse
import itertools
import json
import random
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field

import psutil
import requests

from tests.acceptance.platform import (
    Account,
    Platform,
    deploy,
    end_when_terminated,
    running_platform,
    wait_until,
)
from tests.soak.algorithms import source

REST_SECONDS = 60
# Beyond what the idle platform takes: two pools of 64 runners of some 12 MiB each.
MOST_MEMORY = 2 * 64 * 16 * 1024**2


@dataclass
class Report:
    """What was seen; `violations` is empty when all is well."""

    statuses: Counter[int] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)
    idle_bytes: int = 0
    most_bytes: int = 0
    rest_bytes: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def violated(self, text: str) -> None:
        with self.lock:
            if len(self.violations) < 20:
                self.violations.append(text)

    def lines(self) -> list[str]:
        megabytes = [
            each // 1024**2 for each in (self.idle_bytes, self.most_bytes, self.rest_bytes)
        ]
        answers = ", ".join(f"{count} x {status}" for status, count in self.statuses.items())
        return [
            f"answers: {answers}",
            "memory of all processes: {} MiB before, at most {} MiB, {} MiB after".format(
                *megabytes
            ),
            f"violations: {len(self.violations)}",
            *self.violations,
        ]


def memory_of(platform: Platform) -> int:
    """Proportional memory of the platform with its sandboxes."""
    assert platform.process is not None
    top = psutil.Process(platform.process.pid)
    total = 0
    for process in (top, *top.children(recursive=True)):
        try:
            total += process.memory_full_info().pss
        except psutil.NoSuchProcess:
            continue
    return total


def make_callers(platform: Platform, count: int) -> list[Account]:
    """Accounts, all by one command."""
    code = (
        "import json\n"
        "from algoport.accounts.services import create_default_key, create_user\n"
        "keys = {}\n"
        f"for number in range({count}):\n"
        "    name = f'caller{number}'\n"
        "    user = create_user(username=name, email=f'{name}@example.com')\n"
        "    keys[name] = create_default_key(owner=user).secret\n"
        "print(json.dumps(keys))"
    )
    output = platform.manage("shell", "--verbosity", "0", "-c", code)
    keys: dict[str, str] = json.loads(output.strip().splitlines()[-1])
    return [Account(platform, name, key) for name, key in keys.items()]


def soak(platform: Platform, callers: int, algorithms: int, seconds: float) -> Report:
    report = Report()
    owner = platform.account("owner")
    paths = [
        deploy(owner, f"Probe{number}", source(number), publish="public").rsplit("/", 1)[0]
        for number in range(algorithms)
    ]
    accounts = make_callers(platform, callers)
    report.idle_bytes = memory_of(platform)
    end = time.monotonic() + seconds
    threads = [
        threading.Thread(target=_call, args=(account, paths, end, report)) for account in accounts
    ]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        report.most_bytes = max(report.most_bytes, memory_of(platform))
        time.sleep(0.5)
    _rest(platform, report)
    return report


def _call(account: Account, paths: list[str], end: float, report: Report) -> None:
    session = requests.Session()
    session.headers["Authorization"] = account.key
    chosen = random.Random(account.name)
    for number in itertools.count():
        if time.monotonic() > end:
            return
        mark = f"{account.name}x{number}"
        url = f"{account.platform.url}/v1/algo/{chosen.choice(paths)}"
        try:
            answer = session.post(url, json={"mark": mark}, timeout=120)
        except requests.RequestException as exc:
            report.violated(f"{account.name}: {exc!r}")
            continue
        _judge(account, answer, report)


def _judge(account: Account, answer: requests.Response, report: Report) -> None:
    with report.lock:
        report.statuses[answer.status_code] += 1
    if answer.status_code == 429:
        time.sleep(float(answer.headers["Retry-After"]))
        return
    body = answer.json()
    if answer.status_code != 200 or "result" not in body:
        report.violated(f"{account.name}: {answer.status_code} {answer.text[:200]}")
        return
    strange = [mark for mark in body["result"] if mark.partition("x")[0] != account.name]
    if strange:
        report.violated(f"{account.name} has found {strange}")


def _rest(platform: Platform, report: Report) -> None:
    """Nothing is busy, starting or waiting any more, and memory has gone down."""
    name = platform.first_run["admin_username"]
    key = platform.manage("create_key", name, "--admin").strip().splitlines()[-1]

    def at_rest() -> bool:
        answer = requests.get(f"{platform.url}/metrics", headers={"Authorization": key}, timeout=10)
        levels = dict(
            line.rsplit(" ", 1) for line in answer.text.splitlines() if not line.startswith("#")
        )
        busy = ('algoport_runners{state="busy"}', 'algoport_runners{state="starting"}')
        return all(float(levels[each]) == 0 for each in (*busy, "algoport_calls_waiting"))

    try:
        wait_until(at_rest, REST_SECONDS, "everything is idle again")
    except AssertionError as exc:
        report.violated(str(exc))
    report.rest_bytes = memory_of(platform)
    if report.most_bytes - report.idle_bytes > MOST_MEMORY:
        report.violated(f"memory grew by {(report.most_bytes - report.idle_bytes) >> 20} MiB")
    if report.rest_bytes - report.idle_bytes > MOST_MEMORY:
        report.violated("memory stayed")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--callers", type=int, default=50)
    parser.add_argument("--algorithms", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=120)
    chosen = parser.parse_args()
    end_when_terminated()
    with running_platform() as platform:
        report = soak(platform, chosen.callers, chosen.algorithms, chosen.seconds)
    print("\n".join(report.lines()))
    sys.exit(1 if report.violations else 0)


if __name__ == "__main__":
    main()
