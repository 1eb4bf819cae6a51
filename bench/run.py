"""`make bench`: figures of speed against their goals, on a platform of its own.

One line per measure: name, ours, reference, ratio, goal, `ok` or `short`. Exit status 1 when any is
short.
"""

import os
import platform as host
import statistics
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import psutil
import requests

from bench.load import post, run_load
from tests.acceptance.platform import Account, Platform, deploy, running_platform, working_copy

HELLO = "def apply(input):\n    return 'hello ' + input\n"


@dataclass(frozen=True)
class Measure:
    """One figure; `more_is_better` tells in which direction the goal lies."""

    name: str
    ours: float
    unit: str
    goal: float
    more_is_better: bool = False

    @property
    def ok(self) -> bool:
        return self.ours >= self.goal if self.more_is_better else self.ours <= self.goal

    def line(self) -> str:
        sign = ">=" if self.more_is_better else "<="
        ratio = self.ours / self.goal
        verdict = "ok" if self.ok else "short"
        return (
            f"{self.name:34} {self.ours:10.2f} {self.unit:5} {self.goal:10.2f} {ratio:8.2f}"
            f"   {sign} 1.00   {verdict}"
        )


def warm_calls(platform: Platform, demo: Account, seconds: float) -> list[Measure]:
    path = deploy(demo, "Hello", HELLO, publish="public").rsplit("/", 1)[0]
    port = int(platform.url.rsplit(":", 1)[1])
    request = post(f"/v1/algo/{path}", demo.key, b"you")
    run_load("127.0.0.1", port, request, connections=16, seconds=2)
    one = run_load("127.0.0.1", port, request, connections=1, seconds=seconds)
    many = run_load("127.0.0.1", port, request, connections=16, seconds=seconds)
    assert one.failures == many.failures == 0, (one, many)
    return [
        Measure("warm call p50, 1 connection", one.p50_ms, "ms", 0.6),
        Measure("warm call p99, 1 connection", one.p99_ms, "ms", 3.0),
        Measure("warm calls, 16 connections", many.per_second, "/s", 2500, more_is_better=True),
        Measure("warm call p50, 16 connections", many.p50_ms, "ms", 6.4),
        Measure("warm call p99, 16 connections", many.p99_ms, "ms", 30.0),
    ]


def cold_start(platform: Platform, demo: Account, rounds: int) -> Measure:
    """First call of a version that nobody has called: from request to answer."""
    took = []
    session = requests.Session()
    session.get(f"{platform.url}/healthz", timeout=10)
    for number in range(rounds):
        address = deploy(demo, f"Cold{number}", HELLO)
        began = time.perf_counter()
        answer = session.post(
            f"{platform.url}/v1/algo/{address}",
            data="x",
            headers={"Authorization": demo.key, "Content-Type": "text/plain"},
            timeout=30,
        )
        took.append(time.perf_counter() - began)
        assert answer.json()["result"] == "hello x", answer.text
    return Measure("cold start, request to answer", statistics.median(took) * 1000, "ms", 90)


def rebuild(demo: Account, rounds: int) -> Measure:
    """`git push` of a change of the source alone, dependencies unchanged."""
    deploy(demo, "Rebuilt", HELLO, requirements="humanize\n")
    took = []
    with working_copy(demo, f"{demo.name}/Rebuilt") as copy:
        for number in range(rounds):
            copy.write("src/Rebuilt.py", HELLO + f"# {number}\n")
            began = time.perf_counter()
            push = copy.push()
            took.append(time.perf_counter() - began)
            assert push.sha in push.output
    return Measure("source-only rebuild, whole push", statistics.median(took), "s", 1.5)


def idle_memory(platform: Platform) -> Measure:
    """Proportional memory of every process that the platform started."""
    assert platform.process is not None
    top = psutil.Process(platform.process.pid)
    total = sum(each.memory_full_info().pss for each in (top, *top.children(recursive=True)))
    return Measure("memory of the idle platform", total / 1024**2, "MiB", 500)


def main() -> None:
    seconds = float(os.environ.get("ALGOPORT_BENCH_SECONDS", "8"))
    print(
        f"{host.machine()}, {os.cpu_count()} processors, Linux {host.release()}, "
        f"Python {host.python_version()}, load average {os.getloadavg()[0]:.2f}"
    )
    print(f"{'measure':34} {'ours':>10} {'':5} {'reference':>10} {'ratio':>8}   goal")
    with running_platform() as platform:
        time.sleep(2)
        measures = [idle_memory(platform)]
        demo = platform.account("bench")
        measures += warm_calls(platform, demo, seconds)
        measures.append(cold_start(platform, demo, 9))
        measures.append(rebuild(demo, 5))
    for measure in measures:
        print(measure.line())
    sys.exit(0 if all(measure.ok for measure in measures) else 1)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    main()
