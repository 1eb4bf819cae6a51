"""The worker's side of runners: start them, stop them, tell why they ended."""

import logging
import threading
import time
import uuid
from dataclasses import dataclass

import orjson
import redis

from algoport.containers.engine import Runner
from algoport.containers.errors import (
    HostLacks,
    RunnerStartFailed,
    RuntimeUnavailable,
    SandboxNotEnded,
)
from algoport.readiness import TOLD_SECONDS, tell_runtime
from algorithms.building.pruning import ImagePruner
from algorithms.constants import NetworkAccess
from algorithms.running import registry
from algorithms.running.hosts import needs_of
from algorithms.running.program import Program
from algorithms.running.runtime import (
    RUN_LIMITS,
    built_environments,
    get_runtime,
    runner_spec,
)

logger = logging.getLogger(__name__)


class RunnerKeeper(threading.Thread):
    """Watches this worker's runners: stops the unwanted and the orphaned, reports the ended."""

    def __init__(self, isolation: str) -> None:
        super().__init__(name="runner-keeper", daemon=True)
        self.isolation = isolation
        self.worker_id = uuid.uuid4().hex
        self._runners: dict[str, tuple[Runner, str]] = {}
        self._lock = threading.Lock()
        # Runners that their gateways do not name, and since when that is so.
        self._unnamed: dict[str, float] = {}
        self._told_at = float("-inf")
        self._stopping = threading.Event()

    @property
    def count(self) -> int:
        return len(self._runners)

    def wait(self, seconds: float) -> None:
        """Wait so long for the gateways to let go of all runners."""
        deadline = time.monotonic() + seconds
        while self._runners and time.monotonic() < deadline:
            self._stopping.wait(0.05)

    def add(self, runner: Runner, gateway_id: str) -> None:
        with self._lock:
            self._runners[runner.id] = (runner, gateway_id)

    def run(self) -> None:
        connection = registry.worker_connection()
        while not self._stopping.is_set():
            try:
                self._tell(connection)
                self._stop_unwanted(connection)
                self._report_ended(connection)
                self._stop_orphaned(connection)
            except redis.RedisError as exc:
                logger.warning("runners are not watched, the broker does not answer: %s", exc)
                # What is not there when it comes back was lost, not given up.
                self._unnamed.clear()
                self._stopping.wait(1)
            except SandboxNotEnded as exc:
                # The watchdog tries again to end it.
                logger.error("a runner could not be ended: %s", exc)

    def close(self) -> None:
        """Stop every runner of this worker."""
        self._stopping.set()
        for runner, _ in self._snapshot():
            runner.kill()

    def _snapshot(self) -> list[tuple[Runner, str]]:
        with self._lock:
            return list(self._runners.values())

    def _forget(self, runner: Runner) -> None:
        with self._lock:
            self._runners.pop(runner.id, None)

    def _tell(self, connection: "redis.Redis") -> None:
        """Let it be known that this worker is there and can run algorithms."""
        now = time.monotonic()
        if now - self._told_at > TOLD_SECONDS:
            tell_runtime(connection)
            self._told_at = now

    def _stop_unwanted(self, connection: "redis.Redis") -> None:
        message = connection.blpop([registry.stop_key(self.worker_id)], timeout=0.2)
        if message is None:
            return
        runner_id = registry.as_text(message[1])
        with self._lock:
            found = self._runners.pop(runner_id, None)
        if found is not None:
            # It may have ended by itself, and the gateway wants to know why.
            self._report(connection, found[0])

    def _report_ended(self, connection: "redis.Redis") -> None:
        for runner, _ in self._snapshot():
            if runner.is_alive():
                continue
            self._report(connection, runner)
            self._forget(runner)

    def _report(self, connection: "redis.Redis", runner: Runner) -> None:
        """Stop a runner and leave the reason of its end for its gateway."""
        reason = runner.exit_reason
        runner.kill()
        key = registry.ended_key(runner.id)
        connection.set(key, reason or runner.exit_reason, ex=registry.STARTED_SECONDS)

    def _stop_orphaned(self, connection: "redis.Redis") -> None:
        """Stop the runners whose gateways are gone, or never heard that they were started."""
        runners = self._snapshot()
        named = self._named(connection, {gateway_id for _, gateway_id in runners})
        unnamed = [runner for runner, _ in runners if runner.id not in named]
        now = time.monotonic()
        self._unnamed = {each.id: self._unnamed.get(each.id, now) for each in unnamed}
        for runner in unnamed:
            if now - self._unnamed[runner.id] > registry.UNNAMED_SECONDS:
                logger.info("runner %s has no gateway any more", runner.id)
                runner.kill()
                self._forget(runner)

    def _named(self, connection: "redis.Redis", gateways: set[str]) -> set[str]:
        """The runners that these gateways have or ask for."""
        if not gateways:
            return set()
        lists = connection.mget([registry.gateway_key(each) for each in gateways])
        return {name for each in lists if each is not None for name in orjson.loads(each)}


_keeper: RunnerKeeper | None = None
_pruner: ImagePruner | None = None


def start_keeping() -> None:
    """Prepare this process for runners: reap what a dead worker left, watch what will be.

    Where this machine cannot isolate algorithms, that is said, and none is ever started.
    """
    global _keeper, _pruner
    try:
        runtime = get_runtime()
        isolation = runtime.check()
        logger.info("isolation: %s", isolation)
    except RuntimeUnavailable as exc:
        logger.error("no algorithm can be run: %s", exc)
        return
    reaped = runtime.reap_leftovers()
    if reaped:
        logger.warning("removed %d sandboxes that a dead worker had left", reaped)
    runtime.start_watchdog()
    for environment in built_environments():
        runtime.expect(environment, RUN_LIMITS)
    _keeper = RunnerKeeper(isolation)
    _keeper.start()
    if runtime.makes_images:
        _pruner = ImagePruner(runtime)
        _pruner.start()


@dataclass(frozen=True)
class Kept:
    """What this process keeps runners with, as the runtime tells it, and how many it has."""

    worker_id: str
    runtime: str
    isolation: str
    runners: int


def kept_here() -> Kept | None:
    """None where this process starts no runners."""
    if _keeper is None:
        return None
    return Kept(_keeper.worker_id, get_runtime().name, _keeper.isolation, _keeper.count)


def stop_keeping(drain_seconds: float) -> None:
    """Stop all runners; those that are at work for other processes have so long to end it."""
    if _pruner is not None:
        _pruner.stop()
    if _keeper is not None:
        _keeper.wait(drain_seconds)
        _keeper.close()
        get_runtime().stop_watchdog()


def start_runner(*, runner_id: str, program: Program, gateway_id: str) -> None:
    """Start a runner and tell the gateway that asked for it where it listens.

    No query: the gateway has looked at the build, and one that went meanwhile has no folder.
    """
    if _keeper is None:
        message = {"error": "this worker's machine cannot isolate algorithms"}
    elif program.network_access not in NetworkAccess.values:
        message = {"error": f"no runner has {program.network_access!r} for its network access"}
    else:
        message = _start(_keeper, runner_id, program, gateway_id)
    connection = registry.worker_connection()
    key = registry.started_key(runner_id)
    pipeline = connection.pipeline()
    pipeline.rpush(key, registry.encode(message))
    pipeline.expire(key, registry.STARTED_SECONDS)
    pipeline.execute()


def _start(
    keeper: RunnerKeeper, runner_id: str, program: Program, gateway_id: str
) -> dict[str, str]:
    spec = runner_spec(runner_id, program, {})
    try:
        runner = get_runtime().start_runner(spec)
    except HostLacks as exc:
        logger.error("build %s cannot be run here: %s", program.build_id, exc)
        return {"lacks": f"{needs_of(program)}, which this host has not"}
    except RunnerStartFailed as exc:
        logger.error("runner %s of build %s did not start: %s", runner_id, program.build_id, exc)
        return {"error": "its sandbox did not start"}
    keeper.add(runner, gateway_id)
    get_runtime().expect(spec.image.environment, spec.limits)
    return {
        "worker": keeper.worker_id,
        "agent_socket": str(runner.agent_socket),
        "platform_socket": str(runner.platform_socket),
    }
