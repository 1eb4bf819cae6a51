"""The gateway's way to get a runner: ask the workers for one, take it, let it load."""

import asyncio
import logging
import time
import uuid
from functools import partial

import orjson
import redis
from django.db import Error

from algoport import metrics
from algoport.broker import BrokerUnavailable, send_task
from algoport.db.threads import in_database_thread
from algorithms.constants import LOAD_SECONDS
from algorithms.errors import NoSuitableHost, RunnersUnavailable
from algorithms.running import registry
from algorithms.running.program import Loader, Program
from algorithms.running.runner import GatewayRunner, LoadFailed, RunnerEnded
from algorithms.secrets.delivery import secret_environ
from algorithms.tasks import start_runner_task

logger = logging.getLogger(__name__)

START_SECONDS = 30


class RunnerStarter:
    """Starts and stops runners for one gateway, by way of the workers."""

    def __init__(self) -> None:
        self.gateway_id = uuid.uuid4().hex
        # In a worker: also while it is about to stop, when it takes no more tasks.
        self.starts_here = False
        self._valkey = registry.gateway_connection()
        # Those that it has, and those that it asks for.
        self._runners: set[str] = set()

    async def close(self) -> None:
        await self._valkey.delete(registry.gateway_key(self.gateway_id))
        await self._valkey.aclose()

    async def announce(self) -> None:
        """Say that this gateway lives and which runners are its; workers stop all others.

        An answer that was lost on its way here leaves a runner that only its worker knows of.
        """
        key = registry.gateway_key(self.gateway_id)
        runners = orjson.dumps(list(self._runners))
        await self._valkey.set(key, runners, ex=registry.GATEWAY_SECONDS)

    async def start(self, program: Program, loader: Loader) -> GatewayRunner:
        """A runner that has loaded. Raises LoadFailed, RunnersUnavailable."""
        began = time.perf_counter()
        runner_id = uuid.uuid4().hex[:20]
        self._runners.add(runner_id)
        try:
            runner = await self._request(runner_id, program, loader)
        except BaseException:
            self._runners.discard(runner_id)
            raise
        runner.start_seconds = time.perf_counter() - began
        began = time.perf_counter()
        try:
            environ = await self._secrets_of(program)
            async with asyncio.timeout(LOAD_SECONDS):
                await runner.connect(environ)
        except TimeoutError as exc:
            metrics.runner_starts.count("timeout")
            await self.stop(runner)
            raise LoadFailed(None, "timeout") from exc
        except RunnerEnded as exc:
            metrics.runner_starts.count("failed")
            reason = await self.reason_of_end(runner)
            await self.stop(runner)
            raise LoadFailed(exc.exit_code, reason) from exc
        except BaseException:
            await self.stop(runner)
            raise
        runner.load_seconds = time.perf_counter() - began
        metrics.runner_starts.count("started")
        return runner

    async def stop(self, runner: GatewayRunner) -> None:
        self._runners.discard(runner.id)
        await runner.close()
        try:
            await self._valkey.rpush(registry.stop_key(runner.worker_id), runner.id)
        except redis.RedisError as exc:
            # It is not named any more; this only hurries its end.
            logger.warning("cannot tell the worker to stop runner %s: %s", runner.id, exc)

    async def reason_of_end(self, runner: GatewayRunner) -> str:
        """Why a runner ended, as its worker saw it; an empty text when it does not say in time."""
        for _ in range(20):
            try:
                reason = await self._valkey.get(registry.ended_key(runner.id))
            except redis.RedisError as exc:
                logger.warning("cannot ask why runner %s ended: %s", runner.id, exc)
                return ""
            if reason is not None:
                return registry.as_text(reason)
            await asyncio.sleep(0.05)
        return ""

    async def _secrets_of(self, program: Program) -> dict[str, str]:
        """No query for an algorithm that never had one. Raises RunnersUnavailable."""
        if not program.secrets:
            return {}
        try:
            return await in_database_thread(secret_environ, program.algorithm_id)
        except Error as exc:
            logger.error("the secrets of %s cannot be read: %s", program.algorithm_id, exc)
            raise RunnersUnavailable from exc

    async def _request(self, runner_id: str, program: Program, loader: Loader) -> GatewayRunner:
        loop = asyncio.get_running_loop()
        arguments = (runner_id, program.as_message(), self.gateway_id)
        ask = start_runner_task if self.starts_here else partial(send_task, start_runner_task)
        try:
            await loop.run_in_executor(None, ask, *arguments)
            message = await self._valkey.blpop([registry.started_key(runner_id)], START_SECONDS)
        except (BrokerUnavailable, redis.RedisError) as exc:
            logger.error("no runner can be asked for: %s", exc)
            raise RunnersUnavailable from exc
        if message is None:
            logger.error("no worker started runner %s within %s s", runner_id, START_SECONDS)
            metrics.runner_starts.count("timeout")
            raise RunnersUnavailable
        started = registry.decode(message[1])
        if "lacks" in started:
            metrics.runner_starts.count("failed")
            raise NoSuitableHost(reason=started["lacks"])
        if "error" in started:
            metrics.runner_starts.count("failed")
            raise RunnersUnavailable
        return GatewayRunner(runner_id, started, loader)
