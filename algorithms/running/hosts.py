"""The hosts whose workers run calls: they announce themselves, web processes keep a list of them.

Runners are reached by sockets of their own host; a call for another host is forwarded to a worker
there that listens for such calls (docs/adr/0045).
"""

import hashlib
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import cast
from uuid import UUID

import psutil
import redis.asyncio
from django.conf import settings

from algorithms.constants import MachineType
from algorithms.errors import NoSuitableHost
from algorithms.running import registry
from algorithms.running.program import Program

# As its runtime is named.
DOCKER = "docker"
REFRESH_SECONDS = 2.0
# A worker that could not be reached is asked last for so long: until it is forgotten, or back.
AVOIDED_SECONDS = 10.0


@dataclass(frozen=True)
class Capacity:
    """What a worker says of its machine, and of the room that is left for calls from outside."""

    runtime: str
    memory_bytes: int
    cpus: int
    gpus: int
    running: int
    free: int

    def has(self, machine: str, base_image: str) -> bool:
        """Whether there is what such an environment needs; containers alone get cards."""
        if self.runtime != DOCKER:
            return machine != MachineType.GPU and not base_image
        return machine != MachineType.GPU or self.gpus > 0

    def can_run(self, program: Program) -> bool:
        return self.has(program.machine, program.base_image)


@dataclass(frozen=True)
class WorkerHost:
    """A worker that lives: its host, and where it takes forwarded calls ("" where it does not).

    `isolation` is its runtime's line about what keeps algorithms apart.
    """

    worker_id: str
    host_id: str
    address: str
    isolation: str
    capacity: Capacity


def capacity_now(runtime: str, running: int, free: int) -> Capacity:
    """The capacity of this machine, for so many calls that run and places that are free."""
    return Capacity(
        runtime,
        psutil.virtual_memory().total,
        len(os.sched_getaffinity(0)),
        len(list(Path("/dev").glob("nvidia[0-9]*"))),
        running,
        free,
    )


def needs_of(program: Program) -> str:
    """What not every host has; callers need not know the names of images."""
    needs = []
    if program.base_image:
        needs.append("Docker with its base image")
    if program.machine == MachineType.GPU:
        needs.append("a graphics card for containers")
    return f"its environment needs {' and '.join(needs)}"


def nobody_for(program: Program) -> NoSuitableHost:
    """What a call of it is refused with where no host can run it."""
    return NoSuitableHost(reason=f"{needs_of(program)}, which no host has")


async def announce_worker(valkey: "redis.asyncio.Redis", worker: WorkerHost) -> None:
    """Say that this worker lives; who does not repeat it is forgotten. Raises RedisError."""
    key = registry.worker_key(worker.worker_id)
    message = registry.encode(asdict(worker))
    async with valkey.pipeline(transaction=False) as pipeline:
        pipeline.set(key, message, ex=registry.GATEWAY_SECONDS)
        pipeline.sadd(registry.WORKERS_KEY, worker.worker_id)
        await pipeline.execute()


async def unannounce_worker(valkey: "redis.asyncio.Redis", worker_id: str) -> None:
    """This worker takes no more calls. Raises RedisError."""
    await valkey.delete(registry.worker_key(worker_id))
    await valkey.srem(registry.WORKERS_KEY, worker_id)


async def read_workers(valkey: "redis.asyncio.Redis") -> list[WorkerHost]:
    """All workers that live. Raises RedisError."""
    members = await valkey.smembers(registry.WORKERS_KEY)
    ids = sorted(registry.as_text(each) for each in members)
    if not ids:
        return []
    values = await valkey.mget([registry.worker_key(each) for each in ids])
    gone = [each for each, value in zip(ids, values, strict=True) if value is None]
    if gone:
        await valkey.srem(registry.WORKERS_KEY, *gone)
    return [_worker_from(registry.decode(value)) for value in values if value is not None]


def read_workers_at_once() -> list[WorkerHost]:
    """The same for code that waits, by their hosts. Raises RedisError."""
    valkey = registry.worker_connection()
    members = cast("set[bytes]", valkey.smembers(registry.WORKERS_KEY))
    keys = [registry.worker_key(registry.as_text(each)) for each in members]
    values = valkey.mget(keys) if keys else []
    found = [_worker_from(registry.decode(value)) for value in values if value is not None]
    return sorted(found, key=lambda worker: (worker.host_id, worker.worker_id))


def _worker_from(told: dict[str, object]) -> WorkerHost:
    capacity = told["capacity"]
    assert isinstance(capacity, dict)
    texts = (str(told[name]) for name in ("worker_id", "host_id", "address", "isolation"))
    worker_id, host_id, address, isolation = texts
    return WorkerHost(worker_id, host_id, address, isolation, Capacity(**capacity))


class Hosts:
    """What a web process knows of the workers; `on_lost` is called when its own host's are gone.

    Where no worker takes forwarded calls, `are_several` is False and everything stays here.
    """

    def __init__(self, on_lost: Callable[[], None]) -> None:
        self._on_lost = on_lost
        self._here: list[WorkerHost] = []
        self._others: list[WorkerHost] = []
        self._avoided: dict[str, float] = {}
        self.are_several = False
        self.has_worker_here = True

    def note(self, workers: list[WorkerHost]) -> None:
        """These live now."""
        self._here = [each for each in workers if each.host_id == settings.HOST_ID]
        self._others = [
            each for each in workers if each.address and each.host_id != settings.HOST_ID
        ]
        now = time.monotonic()
        self._avoided = {each: until for each, until in self._avoided.items() if until > now}
        self.are_several = bool(self._others)
        # Where nobody else could run a call it waits here, for a worker that starts say.
        self.has_worker_here = bool(self._here) or not self._others
        if not self.has_worker_here:
            self._on_lost()

    def avoid(self, worker_id: str) -> None:
        """It could not be reached, or takes no more calls."""
        self._avoided[worker_id] = time.monotonic() + AVOIDED_SECONDS

    def suits_here(self, program: Program) -> bool:
        """Whether a worker of this host can run it; before one is known, its start tells."""
        here = not self._here or any(each.capacity.can_run(program) for each in self._here)
        return self.has_worker_here and here

    def suits_elsewhere(self, program: Program) -> bool:
        """Whether a worker elsewhere can run it, if not now."""
        return any(each.capacity.can_run(program) for each in self._others)

    def have_room_for(self, program: Program) -> bool:
        """Whether a worker elsewhere has a place for another call of it."""
        return any(self._is_open(each) and each.capacity.can_run(program) for each in self._others)

    def ranked(self, program: Program, caller_id: UUID) -> list[WorkerHost]:
        """Workers elsewhere that can run it, the one to be asked first at the front.

        The same for the same program and caller in every process while it has room, so that warm
        runners are found again.
        """
        name = f"{program.build_id}{caller_id}".encode()

        def rank(worker: WorkerHost) -> tuple[bool, bytes]:
            digest = hashlib.blake2b(worker.worker_id.encode() + name, digest_size=8).digest()
            return not self._is_open(worker), digest

        fitting = [each for each in self._others if each.capacity.can_run(program)]
        return sorted(fitting, key=rank)

    def _is_open(self, worker: WorkerHost) -> bool:
        return worker.capacity.free > 0 and worker.worker_id not in self._avoided
