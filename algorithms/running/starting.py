"""The worker's side of runners: start them, stop them, tell why they ended."""

import logging
import threading
import uuid
from uuid import UUID

import redis
from django.db import Error

from algoport.containers.engine import Runner, RunnerSpec
from algoport.containers.errors import RunnerStartFailed, RuntimeUnavailable
from algorithms.constants import BuildState, NetworkAccess
from algorithms.models import Build
from algorithms.running import registry
from algorithms.running.runtime import RUN_LIMITS, egress_of, get_runtime, image_of, runner_environ

logger = logging.getLogger(__name__)


class RunnerKeeper(threading.Thread):
    """Watches this worker's runners: stops the unwanted and the orphaned, reports the ended."""

    def __init__(self) -> None:
        super().__init__(name="runner-keeper", daemon=True)
        self.worker_id = uuid.uuid4().hex
        self._runners: dict[str, tuple[Runner, str]] = {}
        self._lock = threading.Lock()
        self._stopping = threading.Event()

    def add(self, runner: Runner, gateway_id: str) -> None:
        with self._lock:
            self._runners[runner.id] = (runner, gateway_id)

    def run(self) -> None:
        connection = registry.worker_connection()
        while not self._stopping.is_set():
            try:
                self._stop_unwanted(connection)
                self._report_ended(connection)
                self._stop_orphaned(connection)
            except redis.RedisError as exc:
                logger.warning("runners are not watched, the broker does not answer: %s", exc)
                self._stopping.wait(1)

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
        runners = self._snapshot()
        gateways = {gateway_id for _, gateway_id in runners}
        gone = {name for name in gateways if not connection.exists(registry.gateway_key(name))}
        for runner, gateway_id in runners:
            if gateway_id in gone:
                logger.info("runner %s has no gateway any more", runner.id)
                runner.kill()
                self._forget(runner)


_keeper: RunnerKeeper | None = None


def start_keeping() -> None:
    """Prepare this process for runners: reap what a dead worker left, watch what will be.

    Where this machine cannot isolate algorithms, that is said, and none is ever started.
    """
    global _keeper
    runtime = get_runtime()
    try:
        logger.info("isolation: %s", runtime.check())
    except RuntimeUnavailable as exc:
        logger.error("no algorithm can be run: %s", exc)
        return
    reaped = runtime.reap_leftovers()
    if reaped:
        logger.warning("removed %d sandboxes that a dead worker had left", reaped)
    runtime.start_watchdog()
    _keeper = RunnerKeeper()
    _keeper.start()


def stop_keeping() -> None:
    if _keeper is not None:
        _keeper.close()
        get_runtime().stop_watchdog()


def start_runner(
    *,
    runner_id: str,
    build_id: UUID,
    gateway_id: str,
    network_access: str = NetworkAccess.ISOLATED,
) -> None:
    """Start a runner and tell the gateway that asked for it where it listens."""
    if _keeper is None:
        message = {"error": "this worker's machine cannot isolate algorithms"}
    elif network_access not in NetworkAccess.values:
        message = {"error": f"no runner has {network_access!r} for its network access"}
    else:
        message = _try_start(_keeper, runner_id, build_id, gateway_id, network_access)
    connection = registry.worker_connection()
    key = registry.started_key(runner_id)
    pipeline = connection.pipeline()
    pipeline.rpush(key, registry.encode(message))
    pipeline.expire(key, registry.STARTED_SECONDS)
    pipeline.execute()


def _try_start(
    keeper: RunnerKeeper, runner_id: str, build_id: UUID, gateway_id: str, network_access: str
) -> dict[str, str]:
    try:
        return _start(keeper, runner_id, build_id, gateway_id, network_access)
    except Error as exc:
        # The gateway would wait half a minute for an answer that does not come.
        logger.error("runner %s did not start, the database does not answer: %s", runner_id, exc)
        return {"error": "the database does not answer"}


def _start(
    keeper: RunnerKeeper, runner_id: str, build_id: UUID, gateway_id: str, network_access: str
) -> dict[str, str]:
    build = Build.objects.select_related("algorithm").filter(pk=build_id).first()
    if build is None or build.state != BuildState.SUCCEEDED:
        return {"error": "its build is not there any more"}
    spec = RunnerSpec(
        runner_id,
        image_of(build),
        RUN_LIMITS,
        runner_environ(build),
        egress_of(network_access),
    )
    try:
        runner = get_runtime().start_runner(spec)
    except RunnerStartFailed as exc:
        logger.error("runner %s of build %s did not start: %s", runner_id, build_id, exc)
        return {"error": "its sandbox did not start"}
    keeper.add(runner, gateway_id)
    return {
        "worker": keeper.worker_id,
        "agent_socket": str(runner.agent_socket),
        "platform_socket": str(runner.platform_socket),
    }
