"""A worker stops the runners that no gateway has or asks for."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from uuid import uuid4

import pytest

from algoport.accounts.models import User
from algoport.containers.engine import Runner
from algorithms.models import Environment
from algorithms.running import registry, starter
from algorithms.running.program import Program, loader_without_caller, program_of
from algorithms.running.starter import RunnerStarter
from algorithms.running.starting import RunnerKeeper
from tests.factories.algorithms import make_algorithm, make_build

UNNAMED_SECONDS = 0.6
PATIENCE_SECONDS = 10


class IdleRunner(Runner):
    """Does nothing until it is killed."""

    def __init__(self, runner_id: str) -> None:
        self.id = runner_id
        self.agent_socket = self.platform_socket = Path("/nowhere")
        self.killed = threading.Event()

    @property
    def exit_reason(self) -> str:
        return "killed" if self.killed.is_set() else ""

    def is_alive(self) -> bool:
        return not self.killed.is_set()

    def kill(self) -> None:
        self.killed.set()


@pytest.fixture
def keeper(monkeypatch: pytest.MonkeyPatch) -> Iterator[RunnerKeeper]:
    monkeypatch.setattr(registry, "UNNAMED_SECONDS", UNNAMED_SECONDS)
    made = RunnerKeeper("a runtime")
    made.start()
    yield made
    made.close()
    made.join(PATIENCE_SECONDS)


@pytest.fixture
def program(demo: User, python_environment: Environment) -> Program:
    return program_of(make_build(make_algorithm(demo)), "isolated")


def was_killed(runner: IdleRunner) -> bool:
    return runner.killed.wait(PATIENCE_SECONDS)


def test_a_runner_of_which_its_gateway_never_heard_is_stopped(
    keeper: RunnerKeeper, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[IdleRunner] = []

    def start(runner_id: str, message: object, gateway_id: str) -> None:
        """As a worker whose answer is lost on its way."""
        asked.append(IdleRunner(runner_id))
        keeper.add(asked[-1], gateway_id)

    monkeypatch.setattr(starter, "start_runner_task", SimpleNamespace(delay=start))

    async def main() -> None:
        gateway = RunnerStarter()
        loader = loader_without_caller(program.algorithm_id, uuid4())
        await gateway.announce()
        stranger = IdleRunner("stranger")
        asking = asyncio.create_task(gateway.start(program, loader))
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not asked:
                await asyncio.sleep(0.01)
        await gateway.announce()
        # Added later than the one that is waited for, and gone earlier.
        keeper.add(stranger, gateway.gateway_id)
        assert await asyncio.to_thread(was_killed, stranger)
        assert asked[0].is_alive()
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        await gateway.announce()
        assert await asyncio.to_thread(was_killed, asked[0])
        await gateway.close()

    asyncio.run(main())


def test_the_runners_of_a_gateway_that_is_gone_are_stopped(keeper: RunnerKeeper) -> None:
    orphan = IdleRunner("orphan")
    keeper.add(orphan, "gone")
    assert was_killed(orphan)
