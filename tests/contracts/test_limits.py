"""Limits of a run: its 3000 s, by a clock that goes faster, and what it prints."""

import asyncio
import selectors
import shutil
import tempfile
import time
import uuid
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import uvloop

from algoport.accounts.permissions import Principal, PrincipalKind, Run
from algoport.containers.engine import Image, Limits, Runner, RunnerSpec
from algoport.containers.rootfs import build_environment
from algoport.containers.sandbox import SandboxRuntime
from algoport.http.tracing import Session, Trace
from algorithms.running.invocation import CUT_OFF, Outcome, Route, invoke
from algorithms.running.pool import RunnerPool
from algorithms.running.program import Call, Loader, Program, loader_without_caller
from algorithms.running.runner import GatewayRunner
from tests.contracts.test_runtime import REQUIREMENTS
from tests.factories.algorithms import make_program

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


class LocalStarter:
    """Starts runners in this process, without workers."""

    def __init__(self, runtime: SandboxRuntime, image: Image) -> None:
        self._runtime = runtime
        self._image = image
        self.runners: dict[str, Runner] = {}

    async def start(self, program: Program, loader: Loader) -> GatewayRunner:
        spec = RunnerSpec(uuid.uuid4().hex[:20], self._image, Limits(), {"ALGORITHM_NAME": "A"})
        runner = self._runtime.start_runner(spec)
        self.runners[spec.runner_id] = runner
        started = {
            "worker": "here",
            "agent_socket": str(runner.agent_socket),
            "platform_socket": str(runner.platform_socket),
        }
        made = GatewayRunner(spec.runner_id, started, loader)
        await made.connect({})
        return made

    async def stop(self, runner: GatewayRunner) -> None:
        await runner.close()
        self.runners[runner.id].kill()

    async def reason_of_end(self, runner: GatewayRunner) -> str:
        return self.runners[runner.id].exit_reason


@pytest.fixture
def starter(run_folder: Path) -> Iterator[LocalStarter]:
    environment = build_environment(run_folder / "environments", "python3", REQUIREMENTS)
    folder = Path(tempfile.mkdtemp(prefix="ap-lm-"))
    for each in (folder, folder / "r", folder / "a", folder / "a" / "src"):
        each.mkdir(exist_ok=True)
        each.chmod(0o755)
    (folder / "a" / "src" / "A.py").write_text(SOURCE)
    runtime = SandboxRuntime(folder / "s", folder / "r")
    runtime.start_watchdog()
    yield LocalStarter(runtime, Image(environment, folder / "a", None))
    runtime.stop_watchdog()
    shutil.rmtree(folder)


async def run_call(starter: LocalStarter, data: bytes, seconds: float) -> Outcome:
    run = Run(uuid.uuid4(), uuid.uuid4(), pipeline_enabled=True)
    identity = Principal(PrincipalKind.RUN, uuid.uuid4(), "demo", run=run)
    program = make_program("A", algorithm_id=run.algorithm_id)
    spare = loader_without_caller(run.algorithm_id, run.algorithm_owner_id)
    target: Any = None
    pool = RunnerPool(starter)
    deadline = asyncio.get_running_loop().time() + seconds
    call = Call(Trace(Session()), identity, deadline)
    route = Route(target, program, identity, spare)
    try:
        return await invoke(pool, starter, route, b"j" + data, call)
    finally:
        await pool.close()


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
