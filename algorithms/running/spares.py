"""Runners that were started ahead and belong to no caller yet."""

import logging
import time
from collections.abc import Callable, Coroutine

from algorithms.errors import NoSuitableHost, RunnersUnavailable
from algorithms.running.program import Loader, Program, Starter
from algorithms.running.runner import GatewayRunner, LoadFailed

logger = logging.getLogger(__name__)

# For each program in use.
SPARE_RUNNERS = 1


class Spares:
    """Keeps runners for programs in use; the first call that takes one binds it to its caller."""

    def __init__(
        self, starter: Starter, spawn: Callable[[Coroutine[None, None, None]], None]
    ) -> None:
        self._starter = starter
        self._spawn = spawn
        self._ready: dict[Program, list[GatewayRunner]] = {}
        self._preparing: dict[Program, int] = {}
        self._loaders: dict[Program, Loader] = {}
        self._used_at: dict[Program, float] = {}
        # Nothing can be started ahead for them: they load with their caller's data, or not here.
        self._hopeless: set[Program] = set()

    @property
    def ready(self) -> int:
        return sum(map(len, self._ready.values()))

    @property
    def preparing(self) -> int:
        return sum(self._preparing.values())

    def has(self, program: Program) -> bool:
        return bool(self._ready.get(program))

    def note_use(self, program: Program, loader: Loader) -> None:
        """The program is called; `loader` is who its spare runners load as."""
        self._used_at[program] = time.monotonic()
        self._loaders[program] = loader

    def take(self, program: Program) -> GatewayRunner | None:
        """A runner that nobody has used yet, to be bound."""
        runners = self._ready.get(program)
        while runners:
            runner = runners.pop()
            if runner.is_connected:
                return runner
            self._spawn(self._starter.stop(runner))
        return None

    def take_oldest(self) -> GatewayRunner | None:
        """The runner that has been ready longest, to be stopped."""
        oldest = min(
            (runners for runners in self._ready.values() if runners),
            key=lambda runners: runners[0].idle_since,
            default=None,
        )
        return None if oldest is None else oldest.pop(0)

    def take_unused(self, horizon: float) -> list[GatewayRunner]:
        """All runners of programs that were not called since then, to be stopped."""
        for program in [each for each, at in self._used_at.items() if at < horizon]:
            del self._used_at[program], self._loaders[program]
            self._hopeless.discard(program)
        gone = [each for each in self._ready if each not in self._used_at]
        return [runner for program in gone for runner in self._ready.pop(program)]

    def take_of(self, worker_id: str) -> list[GatewayRunner]:
        """All runners of this worker, to be stopped."""
        taken = []
        for program, runners in self._ready.items():
            taken += [each for each in runners if each.worker_id == worker_id]
            self._ready[program] = [each for each in runners if each.worker_id != worker_id]
        return taken

    def take_all(self) -> list[GatewayRunner]:
        runners = [runner for each in self._ready.values() for runner in each]
        self._ready.clear()
        return runners

    def wanted(self) -> list[Program]:
        """Programs in use that lack a spare runner."""
        return [
            program
            for program in self._used_at
            if program not in self._hopeless
            and len(self._ready.get(program, ())) + self._preparing.get(program, 0) < SPARE_RUNNERS
        ]

    def prepare(self, program: Program) -> Coroutine[None, None, bool]:
        """Start a runner; False when none can be had without a caller.

        It counts as being prepared from now on.
        """
        self._preparing[program] = self._preparing.get(program, 0) + 1
        return self._prepare(program)

    async def _prepare(self, program: Program) -> bool:
        try:
            runner = await self._starter.start(program, self._loaders[program])
        except LoadFailed as exc:
            logger.info("build %s does not load without a caller: %r", program.build_id, exc)
            self._hopeless.add(program)
            return False
        except NoSuitableHost:
            self._hopeless.add(program)
            return False
        except RunnersUnavailable:
            # Whoever could not start it has said why; the next round tries again.
            return False
        finally:
            self._preparing[program] -= 1
            if not self._preparing[program]:
                del self._preparing[program]
        if runner.load_refused:
            self._hopeless.add(program)
            await self._starter.stop(runner)
            return False
        runner.idle_since = time.monotonic()
        self._ready.setdefault(program, []).append(runner)
        return True
