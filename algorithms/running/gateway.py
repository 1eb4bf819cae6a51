"""What one process needs to run calls: runners, places for callers, the journal."""

import asyncio
import logging
import time
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Any
from uuid import UUID

import redis
from django.conf import settings
from django.db import Error

from algoport import metrics
from algoport.db.changes import ChangeListener
from algoport.db.threads import in_database_thread
from algoport.http.tracing import Session
from algoport.loops import keep_at, woken_within
from algorithms.constants import FeatureName
from algorithms.features.switching import switch_of
from algorithms.metering.journal import ErrorJournal, Journal
from algorithms.running import registry
from algorithms.running.forwarding.sender import Forwarder
from algorithms.running.hosts import REFRESH_SECONDS, Hosts, read_workers
from algorithms.running.memory import MemoryGauge
from algorithms.running.overview import PUBLISH_SECONDS, publish_pool
from algorithms.running.pool import RunnerPool
from algorithms.running.presence import WorkerPresence
from algorithms.running.program import Program, loader_without_caller, program_from
from algorithms.running.reservations import resolve_reservations
from algorithms.running.slots import CallSlots
from algorithms.running.starter import RunnerStarter
from dataportal.services import end_session

logger = logging.getLogger(__name__)

TEND_SECONDS = 0.5
# What a reservation means can change unannounced: by a build.
RESERVATIONS_SECONDS = 10.0


class Role(StrEnum):
    """The kind of process that a gateway runs calls for."""

    WEB = "web"
    WORKER = "worker"


class Gateway:
    """Runs calls in one event loop; web processes have one, and workers for what is queued.

    Each web process keeps all runners that are reserved, because a runner serves one process only
    and callers are not sent to a certain one (docs/adr/0009); a worker keeps them when it takes
    calls of other hosts (docs/adr/0045).
    """

    def __init__(self, listener: ChangeListener) -> None:
        self._listener = listener
        self._role = Role.WORKER
        self.starter = RunnerStarter()
        self.pool = RunnerPool(self.starter, memory_is_short=MemoryGauge().is_short)
        self.hosts = Hosts(on_lost=self.pool.turn_away)
        self.forwarder = Forwarder(self.hosts)
        self.slots = CallSlots(self.starter.gateway_id)
        self.journal = Journal(Path(settings.JOURNAL_FOLDER))
        self.errors = ErrorJournal(Path(settings.ERROR_JOURNAL_FOLDER))
        self.on_cancel: Callable[[UUID], None] = lambda _: None
        self._valkey = registry.gateway_connection()
        self._presence = WorkerPresence(self.pool, self.starter, self._valkey)
        self._hosts_changed = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def open(self, role: Role) -> None:
        """Announce this gateway, and keep its parts in order from now on."""
        self._role = role
        self.pool.keeps_spares = role is Role.WEB
        try:
            await self.starter.announce()
        except redis.RedisError as exc:
            # It is repeated; a gateway that opens while the broker is away works when it is back.
            logger.warning("cannot announce this gateway yet: %s", exc)
        if role is Role.WORKER:
            self.starter.starts_here = True
            await self._presence.announce()
        else:
            await self.look_at_hosts()
        loop = asyncio.get_running_loop()
        parts = [self._announce, self._tend, self._listen, self._follow, self._publish]
        if role is Role.WEB:
            parts.append(self._follow_hosts)
        self._tasks = [loop.create_task(keep_at(work)) for work in parts]

    async def leave(self) -> None:
        """Of a worker that is about to stop: take no more calls."""
        await self._presence.leave()

    async def finish(self) -> None:
        """Wait a while for the calls that other hosts have forwarded, and end the rest."""
        await self._presence.close()

    async def close(self) -> None:
        await self.finish()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.pool.close()
        await self.slots.close()
        await self.starter.close()
        await self._valkey.aclose()
        self.journal.close()
        self.errors.close()

    async def end_session(self, session: Session) -> None:
        """What a call from outside, or from the queue, has left in its session goes with it."""
        if session.has_data:
            session.has_data = False
            await in_database_thread(end_session, session.id)

    async def _announce(self) -> None:
        while True:
            await asyncio.sleep(registry.GATEWAY_RENEWAL_SECONDS)
            try:
                await self.starter.announce()
            except redis.RedisError as exc:
                logger.warning("cannot announce this gateway: %s", exc)
            if self._role is Role.WORKER:
                await self._presence.announce()

    async def _follow_hosts(self) -> None:
        while True:
            await woken_within(REFRESH_SECONDS, self._hosts_changed)
            await self.look_at_hosts()

    async def look_at_hosts(self) -> None:
        """While the broker is away, the hosts are taken to be as they were."""
        try:
            self.hosts.note(await read_workers(self._valkey))
        except redis.RedisError as exc:
            logger.warning("cannot see which hosts there are: %s", exc)

    async def is_for_nobody(self, program: Program) -> bool:
        """Whether no worker that lives has what the program needs; not while nobody can tell."""
        try:
            workers = await read_workers(self._valkey)
        except redis.RedisError as exc:
            logger.warning("cannot see which hosts there are: %s", exc)
            return False
        return bool(workers) and not any(each.capacity.can_run(program) for each in workers)

    async def _tend(self) -> None:
        while True:
            await asyncio.sleep(TEND_SECONDS)
            self.journal.tend()
            self.errors.tend()
            self.pool.keeps_spares = self._keeps_ready
            self.pool.tend()
            self._tell_metrics()
            await self.slots.tend()

    @property
    def _keeps_ready(self) -> bool:
        """Whether calls that have no time may come here, and find a worker."""
        if self._role is Role.WEB:
            return self.hosts.has_worker_here
        return self._presence.takes_calls

    def _tell_metrics(self) -> None:
        state = self.pool.state()
        metrics.runners.set("idle", state.idle)
        metrics.runners.set("busy", state.busy)
        metrics.runners.set("starting", state.starting)
        metrics.runners.set("unbound", state.unbound)
        metrics.calls_waiting.set(state.waiting)

    async def _follow(self) -> None:
        """Do as administrators have decided, at the start and after every announced change."""
        followed, followed_at = -1, 0.0
        while True:
            generation, now = self._listener.generation, time.monotonic()
            try:
                if generation != followed:
                    self.errors.switch = await in_database_thread(
                        switch_of, FeatureName.ALGORITHM_ERRORS
                    )
                if generation != followed or now - followed_at > RESERVATIONS_SECONDS:
                    keeps = self._keeps_ready
                    found = await in_database_thread(resolve_reservations) if keeps else []
                    self.pool.reserve(each for each in found if self.hosts.suits_here(each.program))
                    followed, followed_at = generation, now
            except Error as exc:
                logger.warning("cannot read what administrators have decided: %s", exc)
            await asyncio.sleep(TEND_SECONDS)

    async def _publish(self) -> None:
        """Let administrators see what the pool holds."""
        while True:
            try:
                await publish_pool(self._valkey, self.starter.gateway_id, self._role, self.pool)
            except redis.RedisError as exc:
                logger.warning("cannot tell what the pool holds: %s", exc)
            await asyncio.sleep(PUBLISH_SECONDS)

    async def _listen(self) -> None:
        """Do what other gateways and services ask all gateways for."""
        while True:
            try:
                async with self._valkey.pubsub() as channel:
                    await channel.subscribe(registry.GATEWAYS_CHANNEL)
                    async for message in registry.messages_of(channel):
                        await self._take(message)
            except redis.RedisError as exc:
                logger.warning("not hearing of other gateways: %s", exc)
                await asyncio.sleep(1)

    async def _take(self, message: dict[str, Any]) -> None:
        if "give_back" in message:
            await self.slots.return_unused(UUID(message["give_back"]))
        elif "leaving" in message:
            self.pool.retire(message["leaving"])
            self._hosts_changed.set()
        elif "cancel" in message:
            self.on_cancel(UUID(message["cancel"]))
        elif "warm" in message:
            self.pool.spawn(self._warm(message))

    async def _warm(self, message: dict[str, Any]) -> None:
        program = program_from(message["warm"])
        loader = loader_without_caller(program.algorithm_id, UUID(message["owner"]))
        if self._keeps_ready and self.hosts.suits_here(program):
            await self.pool.prepare(program, loader)
        key = registry.warmed_key(message["reply"])
        await self._valkey.rpush(key, b"1")
        await self._valkey.expire(key, registry.STARTED_SECONDS)
