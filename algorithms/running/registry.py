"""Where gateways and workers meet about runners: keys in Valkey, none of which must survive."""

import time
from collections.abc import AsyncIterator
from functools import cache
from typing import Any
from uuid import UUID

import orjson
import redis
import redis.asyncio
from django.conf import settings

STARTED_SECONDS = 60
GATEWAY_SECONDS = 10
GATEWAY_RENEWAL_SECONDS = 3
# A runner that its gateway has not named for so long is nobody's: two renewals may be missed.
UNNAMED_SECONDS = 7
# Whether the server is still there is asked when it has said nothing for so long.
PING_SECONDS = 5.0
# Where gateways hear from each other and from services.
GATEWAYS_CHANNEL = "algoport:gateways"
# Gateways by the time at which they last told what their pools hold.
POOLS_KEY = "algoport:pools"
# The ids of workers' gateways.
WORKERS_KEY = "algoport:workers"
# When a worker last took a task of beat.
BEAT_KEY = "algoport:beat"


@cache
def worker_connection() -> "redis.Redis":
    """The worker's client; its pool may be used by many threads."""
    return redis.Redis.from_url(settings.REDIS_URL, **settings.REDIS_SOCKET)


def gateway_connection() -> "redis.asyncio.Redis":
    return redis.asyncio.Redis.from_url(settings.REDIS_URL, **settings.REDIS_SOCKET)


async def messages_of(channel: "redis.asyncio.client.PubSub") -> AsyncIterator[dict[str, Any]]:
    """What is published on a channel. Raises RedisError also when the server is silently gone.

    The client's own way to listen takes a connection that the kernel gave up for one on which
    nothing is said, and would ask it again and again without a pause.
    """
    heard_at = time.monotonic()
    while True:
        asked_at = time.monotonic()
        message = await channel.get_message(timeout=PING_SECONDS)
        now = time.monotonic()
        if message is not None:
            heard_at = now
            if message["type"] == "message":
                yield decode(message["data"])
        elif now - asked_at < PING_SECONDS / 2 or now - heard_at > 3 * PING_SECONDS:
            raise redis.ConnectionError("nothing is heard of the server")
        else:
            await channel.ping()


def started_key(runner_id: str) -> str:
    """List with the one message that tells a gateway that its runner is there, or why not."""
    return f"algoport:runner:{runner_id}:started"


def ended_key(runner_id: str) -> str:
    """Why a runner ended, for the gateway whose call it cut off."""
    return f"algoport:runner:{runner_id}:ended"


def stop_key(worker_id: str) -> str:
    """List of runners that gateways want a worker to stop."""
    return f"algoport:worker:{worker_id}:stop"


def gateway_key(gateway_id: str) -> str:
    """The runners that a gateway has or asks for, as JSON; present while it lives."""
    return f"algoport:gateway:{gateway_id}"


def pool_key(gateway_id: str) -> str:
    """What a gateway's pool holds, for administrators to see."""
    return f"algoport:pool:{gateway_id}"


def worker_key(gateway_id: str) -> str:
    """Where a worker's gateway is and what room it has, as JSON; present while it takes calls."""
    return f"algoport:worker-host:{gateway_id}"


def slots_key(account: UUID) -> str:
    """Hash of gateways and how many calls of the account they may have in progress."""
    return f"algoport:slots:{account}"


def warmed_key(reply_id: str) -> str:
    """List with an entry for each gateway that has a runner ready, or cannot have one."""
    return f"algoport:warmed:{reply_id}"


def encode(message: dict[str, Any]) -> bytes:
    return orjson.dumps(message)


def as_text(value: bytes | str) -> str:
    """A reply of the server; ours are bytes, the client's types allow both."""
    return value.decode() if isinstance(value, bytes) else value


def decode(message: bytes | str) -> dict[str, Any]:
    value = orjson.loads(message)
    assert isinstance(value, dict)
    return value
