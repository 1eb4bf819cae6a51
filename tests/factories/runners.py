"""Runners of the real sandbox, started in this process, without workers and a platform."""

import asyncio
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from algoport.accounts.permissions import Principal, PrincipalKind, Run
from algoport.containers.engine import Image, Limits, Runner, RunnerSpec
from algoport.containers.rootfs import build_environment
from algoport.containers.sandbox import SandboxRuntime
from algoport.http.tracing import Session, Trace
from algorithms.environments.templates import RECIPES
from algorithms.running.invocation import Outcome, Work, invoke
from algorithms.running.pool import RunnerPool
from algorithms.running.program import Call, Loader, Program, loader_without_caller
from algorithms.running.runner import GatewayRunner
from tests.factories.algorithms import make_program


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


@contextmanager
def local_starter(run_folder: Path, source: str) -> Iterator[LocalStarter]:
    """A starter of runners of an algorithm with this source."""
    environment = build_environment(
        run_folder / "environments", "python3", RECIPES / "python3" / "requirements.txt"
    )
    folder = Path(tempfile.mkdtemp(prefix="ap-lm-"))
    for each in (folder, folder / "r", folder / "a", folder / "a" / "src"):
        each.mkdir(exist_ok=True)
        each.chmod(0o755)
    (folder / "a" / "src" / "A.py").write_text(source)
    runtime = SandboxRuntime(folder / "s", folder / "r")
    runtime.start_watchdog()
    yield LocalStarter(runtime, Image(environment, folder / "a", None))
    runtime.stop_watchdog()
    shutil.rmtree(folder)


async def run_once(starter: LocalStarter, request: bytes, seconds: float) -> Outcome:
    """One call by a pool of its own; the request as runners get it."""
    run = Run(uuid.uuid4(), uuid.uuid4(), pipeline_enabled=True)
    identity = Principal(PrincipalKind.RUN, uuid.uuid4(), "demo", run=run)
    program = make_program("A", algorithm_id=run.algorithm_id)
    spare = loader_without_caller(run.algorithm_id, run.algorithm_owner_id)
    pool = RunnerPool(starter)
    deadline = asyncio.get_running_loop().time() + seconds
    call = Call(Trace(Session()), identity, deadline)
    work = Work(program, identity, spare)
    try:
        return await invoke(pool, starter, work, request, call)
    finally:
        await pool.close()
