"""`make bench`: figures of speed against their goals, on a platform of its own.

One line per measure: name, ours, reference, ratio, goal, `ok` or `short`. Exit status 1 when any is
short, 2 when a peer could not be measured. docs/performance.md tells how each is measured.
"""

import argparse
import os
import platform as host
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from bench.algorithm_read import algorithm_read
from bench.auditing import audit
from bench.bodies import large_bodies
from bench.connectors import connectors
from bench.containers import containers
from bench.hosted import hosted_files
from bench.load import Request, call, generator_name, run_load
from bench.measure import HEADER, Measure
from bench.pages import pages
from bench.scale import full_database
from bench.side_by_side import ALL, PeerFailed, compare, install
from bench.starts import added_to_runner, cold_starts, prestarted
from tests.acceptance.platform import (
    Account,
    Platform,
    deploy,
    end_when_terminated,
    running_platform,
    working_copy,
)

HELLO = "def apply(input):\n    return 'hello ' + input\n"


def warm_calls(request: Request, seconds: float) -> list[Measure]:
    run_load(request, connections=16, seconds=2)
    one = run_load(request, connections=1, seconds=seconds)
    many = run_load(request, connections=16, seconds=seconds)
    return [
        Measure("warm call p50, 1 connection", one.p50_ms, "ms", 0.6),
        Measure("warm call p99, 1 connection", one.p99_ms, "ms", 5.0),
        Measure("warm calls, 16 connections", many.per_second, "/s", 2500, more_is_better=True),
        Measure("warm call p50, 16 connections", many.p50_ms, "ms", 6.4),
        Measure("warm call p99, 16 connections", many.p99_ms, "ms", 30.0),
    ]


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


def measure_all(platform: Platform, seconds: float, *, with_peers: bool) -> Iterator[list[Measure]]:
    time.sleep(2)
    yield [idle_memory(platform)]
    demo = platform.account("bench")
    path = deploy(demo, "Hello", HELLO, publish="public").rsplit("/", 1)[0]
    hello = call(int(platform.url.rsplit(":", 1)[1]), path, demo.key, b"you")
    yield warm_calls(hello, seconds)
    # Sockets need a short path, sandboxes one that other users can walk.
    with tempfile.TemporaryDirectory(prefix="ap-b-") as folder:
        os.chmod(folder, 0o755)
        yield [added_to_runner(platform, hello, HELLO, Path(folder))]
    if with_peers:
        yield compare(hello, seconds=2)
    yield [algorithm_read(demo, path)]
    yield large_bodies(platform, demo)
    yield cold_starts(platform, demo, HELLO)
    yield [prestarted(platform, demo, HELLO)]
    yield [rebuild(demo, 5)]
    yield hosted_files(platform, demo)
    yield full_database(platform, hello, HELLO)
    yield connectors()
    with running_platform() as full:
        yield from pages(full)
    yield from containers(HELLO)
    yield audit()


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.run", description="Measure speed.")
    parser.add_argument("--seconds", type=float, default=5, help="of load on warm calls")
    parser.add_argument(
        "--without-peers", action="store_true", help="install, start and measure no other server"
    )
    options = parser.parse_args()
    end_when_terminated()
    print(
        f"{host.machine()}, {os.cpu_count()} processors, Linux {host.release()}, "
        f"Python {host.python_version()}, load average {os.getloadavg()[0]:.2f}"
    )
    print(generator_name(), flush=True)
    good = True
    try:
        if not options.without_peers:
            for peer in ALL:
                install(peer)
        print(HEADER, flush=True)
        with running_platform() as platform:
            with_peers = not options.without_peers
            for measures in measure_all(platform, options.seconds, with_peers=with_peers):
                for measure in measures:
                    print(measure.line(), flush=True)
                    good = good and measure.ok
    except PeerFailed as exc:
        print(f"bench: {exc}\n`--without-peers` measures the rest.", file=sys.stderr)
        sys.exit(2)
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
