"""A worker among the hosts: it announces itself, takes forwarded calls, and leaves in order."""

import logging

import redis
import redis.asyncio
from django.conf import settings

from algorithms.running import registry
from algorithms.running.forwarding.receiver import Receiver
from algorithms.running.hosts import (
    WorkerHost,
    announce_worker,
    capacity_now,
    unannounce_worker,
)
from algorithms.running.pool import RunnerPool
from algorithms.running.starter import RunnerStarter
from algorithms.running.starting import Kept, kept_here

logger = logging.getLogger(__name__)


class WorkerPresence:
    """What others know of the worker that this gateway is in."""

    def __init__(
        self, pool: RunnerPool, starter: RunnerStarter, valkey: "redis.asyncio.Redis"
    ) -> None:
        self._id = starter.gateway_id
        self._pool = pool
        self._valkey = valkey
        self._receiver = Receiver(self._id, pool, starter)
        self._address = ""
        self._is_leaving = False

    @property
    def takes_calls(self) -> bool:
        """Whether other hosts may forward calls to this worker."""
        return bool(self._address) and not self._is_leaving

    async def announce(self) -> None:
        """To be called every few seconds. A machine that can run nothing is not announced."""
        kept = kept_here()
        if self._is_leaving or kept is None:
            return
        if settings.HOST_ADDRESS and not self._address:
            await self._listen(*settings.HOST_ADDRESS)
        try:
            await announce_worker(self._valkey, self._as_told(kept))
        except redis.RedisError as exc:
            logger.warning("cannot announce this worker: %s", exc)

    async def leave(self) -> None:
        """Take no more calls, and have every gateway let go of this worker's runners."""
        self._is_leaving = True
        self._receiver.leave()
        kept = kept_here()
        try:
            await unannounce_worker(self._valkey, self._id)
            message = registry.encode({"leaving": "" if kept is None else kept.worker_id})
            await self._valkey.publish(registry.GATEWAYS_CHANNEL, message)
        except redis.RedisError as exc:
            logger.warning("cannot tell that this worker leaves: %s", exc)

    async def close(self) -> None:
        await self._receiver.close(settings.DRAIN_SECONDS)

    async def _listen(self, host: str, port: int) -> None:
        try:
            self._address = await self._receiver.start(host, port)
        except OSError as exc:
            # It may be the one before this worker's that still ends.
            logger.error("cannot listen on ALGOPORT_HOST_ADDRESS %s:%s: %s", host, port, exc)
        else:
            logger.info("forwarded calls are taken on %s", self._address)

    def _as_told(self, kept: Kept) -> WorkerHost:
        capacity = capacity_now(kept.runtime, kept.runners, self._pool.free)
        return WorkerHost(self._id, settings.HOST_ID, self._address, kept.isolation, capacity)
