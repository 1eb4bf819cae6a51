"""What every gateway's pool holds: published by the gateways, put together for administrators."""

import os
import socket
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, cast
from uuid import UUID

import redis.asyncio

from algoport.accounts.models import User
from algorithms.models import Build
from algorithms.running import registry
from algorithms.running.groups import GroupState
from algorithms.running.pool import MOST_RUNNERS, RunnerPool

MOST_GROUPS = 500
PUBLISH_SECONDS = 2.0
KEPT_SECONDS = 10
# Clocks of hosts differ; what counts is that the key of a gateway is there.
FORGOTTEN_SECONDS = 600


async def publish_pool(
    valkey: "redis.asyncio.Redis", gateway_id: str, role: str, pool: RunnerPool
) -> None:
    """Tell what the pool holds now; who does not repeat it is forgotten. Raises RedisError."""
    now = time.time()
    told = {
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "role": role,
        "state": asdict(pool.state()),
        "groups": [asdict(group) for group in pool.groups(MOST_GROUPS)],
    }
    async with valkey.pipeline(transaction=False) as pipeline:
        pipeline.set(registry.pool_key(gateway_id), registry.encode(told), ex=KEPT_SECONDS)
        pipeline.zadd(registry.POOLS_KEY, {gateway_id: now})
        pipeline.zremrangebyscore(registry.POOLS_KEY, "-inf", now - FORGOTTEN_SECONDS)
        await pipeline.execute()


@dataclass(frozen=True)
class RunnerGroup:
    """The runners of one build for one caller, by the names that an administrator knows."""

    algorithm: str
    commit_sha: str
    caller: str
    state: GroupState


@dataclass(frozen=True)
class GatewayPool:
    """The pool of one process."""

    host: str
    pid: int
    role: str
    counts: dict[str, int]
    groups: list[RunnerGroup]


@dataclass(frozen=True)
class PoolsTold:
    """All pools together: runners by what they do, and how many processes of a role there are."""

    counts: Counter[str]
    processes: Counter[str]

    @property
    def runners(self) -> int:
        return sum(self.counts[state] for state in ("idle", "busy", "starting", "unbound"))

    @property
    def places(self) -> int:
        """How many runners there may be."""
        return MOST_RUNNERS * self.processes.total()


def read_told() -> PoolsTold:
    """What all pools hold together, without a query. Raises RedisError."""
    told = _read_told()
    counts: Counter[str] = Counter()
    for each in told:
        counts.update(each["state"])
    return PoolsTold(counts, Counter(each["role"] for each in told))


def tell_beat() -> None:
    """Beat has sent a task and a worker has taken it, now. Raises RedisError."""
    registry.worker_connection().set(registry.BEAT_KEY, time.time(), ex=FORGOTTEN_SECONDS)


def read_beat() -> float | None:
    """When beat was last heard; None when that was long ago. Raises RedisError."""
    told = registry.worker_connection().get(registry.BEAT_KEY)
    return None if told is None else float(registry.as_text(cast("bytes", told)))


def _read_told() -> list[dict[str, Any]]:
    valkey = registry.worker_connection()
    gateways = cast("list[bytes]", valkey.zrange(registry.POOLS_KEY, 0, -1))
    keys = [registry.pool_key(registry.as_text(member)) for member in gateways]
    values = valkey.mget(keys) if keys else []
    return [registry.decode(value) for value in values if value is not None]


def read_pools() -> list[GatewayPool]:
    """The pools of all gateways that live, in two queries. Raises RedisError."""
    told = _read_told()
    groups = [[_group_state(group) for group in each["groups"]] for each in told]
    named = _Names(state for states in groups for state in states)
    pools = [
        GatewayPool(
            each["host"],
            each["pid"],
            each["role"],
            each["state"],
            [named.group(state) for state in states],
        )
        for each, states in zip(told, groups, strict=True)
    ]
    return sorted(pools, key=lambda pool: (pool.host, pool.role, pool.pid))


def _group_state(told: dict[str, Any]) -> GroupState:
    ids = {name: UUID(told[name]) for name in ("build_id", "caller_id")}
    return GroupState(**{**told, **ids})


class _Names:
    """What the ids of groups stand for."""

    def __init__(self, states: Iterable[GroupState]) -> None:
        shown = list(states)
        builds = Build.objects.select_related("algorithm__owner")
        self._builds = builds.in_bulk({state.build_id for state in shown})
        self._callers = User.objects.in_bulk({state.caller_id for state in shown})

    def group(self, state: GroupState) -> RunnerGroup:
        """A group; what was deleted while its runners are still there is told by its id."""
        build = self._builds.get(state.build_id)
        caller = self._callers.get(state.caller_id)
        return RunnerGroup(
            str(state.build_id) if build is None else str(build.algorithm),
            "" if build is None else build.commit_sha,
            str(state.caller_id) if caller is None else caller.username,
            state,
        )
