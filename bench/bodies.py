"""Calls with large bodies, against an application that does nothing but echo them."""

import os
import signal
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from bench.load import call, run_load
from bench.measure import Measure
from tests.acceptance.platform import (
    ROOT,
    Account,
    Platform,
    answers,
    deploy,
    free_port,
    wait_until,
)

SIZE = 1024 * 1024
ROUNDS = 5
ECHO = "def apply(input):\n    return input\n"
BODIES = {
    "application/octet-stream": os.urandom(SIZE),
    "text/plain": os.urandom(SIZE // 2).hex().encode(),
}


def large_bodies(platform: Platform, demo: Account) -> list[Measure]:
    """p50 with 1 connection of a call that echoes 1 MiB, in turn with the plain echo."""
    path = deploy(demo, "Echo", ECHO)
    measures = []
    with _plain_echo(platform) as port:
        for kind, body in BODIES.items():
            ours = call(int(platform.url.rsplit(":", 1)[1]), path, demo.key, body, kind)
            plain = call(port, path, demo.key, body, kind)
            for warm in (ours, plain):
                run_load(warm, connections=1, seconds=1)
            loads = [
                (
                    run_load(ours, connections=1, seconds=1).p50_ms,
                    run_load(plain, connections=1, seconds=1).p50_ms,
                )
                for _ in range(ROUNDS)
            ]
            p50, reference = (statistics.median(each) for each in zip(*loads, strict=True))
            name = f"1 MiB of {kind.partition('/')[2]} / plain echo"
            measures.append(Measure(name, p50, "ms", reference, 3))
    return measures


@contextmanager
def _plain_echo(platform: Platform) -> Iterator[int]:
    """The echo, served as the platform is: the same gunicorn with the same configuration."""
    port = free_port()
    options = ("-c", "gunicorn.conf.py", "--bind", f"127.0.0.1:{port}", "--log-level", "warning")
    process = subprocess.Popen(
        [sys.executable, "-m", "gunicorn", *options, "bench.echo:application"],
        cwd=ROOT,
        env=platform.environ,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        wait_until(lambda: answers(f"http://127.0.0.1:{port}"), 30, "the echo answers")
        yield port
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
