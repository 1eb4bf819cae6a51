"""How many calls an account has in progress, in all gateways together (spec.md 3.10).

A gateway takes places for an account in blocks, by one script in Valkey, and counts inside its
blocks by itself: a warm call asks nobody. A gateway that finds no place asks the others to give
back what they do not use. The places of a gateway that died count until its announcement ends.
"""

import asyncio
import logging
import time
from dataclasses import dataclass, field
from uuid import UUID

import redis
import redis.asyncio

from algorithms.errors import RunnersUnavailable, TooManyCalls
from algorithms.running import registry

logger = logging.getLogger(__name__)

# What a gateway holds is said anew each time, so that a broker that forgot everything learns it.
_TAKE = """
local held = tonumber(ARGV[2])
local others = 0
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
    if all[i] ~= ARGV[1] then
        if redis.call('EXISTS', ARGV[5] .. all[i]) == 0 then
            redis.call('HDEL', KEYS[1], all[i])
        else
            others = others + tonumber(all[i + 1])
        end
    end
end
local granted = math.max(0, math.min(tonumber(ARGV[3]), tonumber(ARGV[4]) - others - held))
redis.call('HSET', KEYS[1], ARGV[1], held + granted)
redis.call('EXPIRE', KEYS[1], 86400)
return granted
"""
# A refused account is not asked about again for so long, and others have so long to give back.
_REFUSED_SECONDS = 0.1
_RECLAIM_SECONDS = 0.02
_RECLAIM_ROUNDS = 4
_KEEP_SECONDS = 1.0


@dataclass(slots=True)
class _Places:
    held: int = 0
    used: int = 0
    used_at: float = 0.0
    refused_until: float = 0.0
    # Calls that wait for a place; those that have one are `used`.
    asking: int = 0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class CallSlots:
    """The places that this gateway holds for accounts."""

    def __init__(self, gateway_id: str) -> None:
        self._gateway_id = gateway_id
        self._valkey = registry.gateway_connection()
        self._script = self._valkey.register_script(_TAKE)
        self._places: dict[UUID, _Places] = {}

    async def take(self, account: UUID, limit: int) -> None:
        """A place for one call, to be given back. Raises TooManyCalls, RunnersUnavailable."""
        places = self._places.get(account)
        if places is None:
            places = self._places[account] = _Places()
        if places.used < places.held and places.used < limit:
            places.used += 1
            return
        if time.monotonic() < places.refused_until or places.used >= limit:
            raise TooManyCalls(limit=limit)
        places.asking += 1
        try:
            await self._take_more(account, places, limit)
        finally:
            places.asking -= 1

    def give_back(self, account: UUID) -> None:
        places = self._places[account]
        places.used -= 1
        places.used_at = time.monotonic()

    async def return_unused(self, account: UUID) -> None:
        """Let other gateways have what this one does not use now."""
        places = self._places.get(account)
        if places is not None and places.held > places.used:
            await self._return(account, places)

    async def tend(self) -> None:
        """To be called each second: give back what was not used for a while."""
        horizon = time.monotonic() - _KEEP_SECONDS
        for account, places in list(self._places.items()):
            if places.held > places.used and places.used_at < horizon:
                await self._return(account, places)
            idle = not (places.held or places.used or places.asking or places.lock.locked())
            if idle and places.used_at < horizon:
                del self._places[account]

    async def close(self) -> None:
        for account, places in self._places.items():
            if places.held:
                await self._valkey.hdel(registry.slots_key(account), self._gateway_id)
        await self._valkey.aclose()

    async def _take_more(self, account: UUID, places: _Places, limit: int) -> None:
        for number in range(_RECLAIM_ROUNDS):
            if number:
                await asyncio.sleep(_RECLAIM_SECONDS)
            try:
                if await self._ask(account, places, limit):
                    return
                if number == 0:
                    message = registry.encode({"give_back": str(account)})
                    await self._valkey.publish(registry.GATEWAYS_CHANNEL, message)
            except redis.RedisError as exc:
                logger.error("calls cannot be counted, the broker does not answer: %s", exc)
                raise RunnersUnavailable from exc
        places.refused_until = time.monotonic() + _REFUSED_SECONDS
        raise TooManyCalls(limit=limit)

    async def _ask(self, account: UUID, places: _Places, limit: int) -> bool:
        async with places.lock:
            if places.used >= places.held:
                wanted = max(1, limit // 8)
                prefix = registry.gateway_key("")
                arguments = (self._gateway_id, places.held, wanted, limit, prefix)
                places.held += int(await self._script([registry.slots_key(account)], arguments))
            if places.used >= min(places.held, limit):
                return False
            places.used += 1
            return True

    async def _return(self, account: UUID, places: _Places) -> None:
        async with places.lock:
            places.held = places.used
            key = registry.slots_key(account)
            try:
                await self._valkey.hset(key, self._gateway_id, str(places.held))
            except redis.RedisError as exc:
                # It learns what we hold when we ask for more.
                logger.warning("places for calls could not be given back: %s", exc)
