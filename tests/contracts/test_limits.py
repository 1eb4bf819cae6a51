"""Limits of a run: its 3000 s, by a clock that goes faster, and what it prints."""

import asyncio
import selectors
import time
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import uvloop

from algorithms.running.invocation import CUT_OFF, Outcome
from tests.factories.runners import LocalStarter, local_starter, run_once

pytestmark = [pytest.mark.sandbox, pytest.mark.xdist_group("sandbox"), pytest.mark.timeout(120)]

SPEED = 300
LIMIT = 3000
SOURCE = """
import sys
import time


def apply(input):
    if input == "print":
        line = "x" * 999 + "\\n"
        for _ in range(100_000):
            sys.stdout.write(line)
        return "printed"
    time.sleep(input)
    return "woke"
"""


class FastSelector(selectors.DefaultSelector):
    """Waits as long as the fast clock of its loop says."""

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        return super().select(None if timeout is None else timeout / SPEED)


class FastLoop(asyncio.SelectorEventLoop):
    """A loop whose clock goes SPEED times as fast: its time-outs come sooner by that."""

    def __init__(self) -> None:
        super().__init__(FastSelector())

    def time(self) -> float:
        return super().time() * SPEED

    def run(self, work: Coroutine[Any, Any, Outcome]) -> Outcome:
        try:
            return self.run_until_complete(work)
        finally:
            self.close()


@pytest.fixture
def starter(run_folder: Path) -> Iterator[LocalStarter]:
    with local_starter(run_folder, SOURCE) as made:
        yield made


async def run_call(starter: LocalStarter, data: bytes, seconds: float) -> Outcome:
    return await run_once(starter, b"j" + data, seconds)


def test_a_run_of_3000_seconds_survives(starter: LocalStarter) -> None:
    real = LIMIT / SPEED
    outcome = FastLoop().run(run_call(starter, b"%f" % (real * 0.9), LIMIT))
    assert outcome.failure is None and outcome.result == "woke"
    assert outcome.seconds > real * 0.85


def test_a_longer_run_is_stopped(starter: LocalStarter) -> None:
    real = LIMIT / SPEED
    began = time.monotonic()
    outcome = FastLoop().run(run_call(starter, b"%f" % (real * 10), LIMIT))
    took = time.monotonic() - began
    assert outcome.failure is not None and outcome.failure.error_type == "TimeoutError"
    assert outcome.failure.message == CUT_OFF
    # Within 5 s of its limit, and not before it; nothing of it is left then.
    assert real <= took <= real + 5
    (runner,) = starter.runners.values()
    assert not runner.is_alive()


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_100_megabytes_of_output_are_not_kept(starter: LocalStarter, loop: Any) -> None:
    running = loop()
    process = psutil.Process()
    before = process.memory_info().rss
    outcome = running.run_until_complete(run_call(starter, b'"print"', 120))
    running.close()
    assert outcome.result == "printed"
    assert 1_000_000 < len(outcome.stdout) < 1_100_000
    note = outcome.stdout.splitlines()[-1]
    assert note.startswith(b"[") and note.endswith(b"more bytes of output were cut off]")
    cut = int(note[1:].split()[0])
    assert cut + len(outcome.stdout) > 99_900_000
    assert process.memory_info().rss - before < 30 * 1024**2
