"""An account's places for calls, shared between gateways by way of Valkey."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable

import pytest

from algorithms.errors import TooManyCalls
from algorithms.running import registry
from algorithms.running.slots import CallSlots


def in_loop(scenario: Callable[[CallSlots, CallSlots], Awaitable[None]]) -> Callable[[], None]:
    """Run with two gateways, each of which gives back when it is asked to."""

    async def main() -> None:
        names = uuid.uuid4().hex, uuid.uuid4().hex
        gateways = [CallSlots(name) for name in names]
        valkey = registry.gateway_connection()
        for name in names:
            await valkey.set(registry.gateway_key(name), b"1", ex=30)

        async def listen() -> None:
            async with valkey.pubsub() as channel:
                await channel.subscribe(registry.GATEWAYS_CHANNEL)
                ready.set()
                async for message in channel.listen():
                    if message["type"] == "message":
                        account = registry.decode(message["data"])["give_back"]
                        for gateway in gateways:
                            await gateway.return_unused(uuid.UUID(account))

        ready = asyncio.Event()
        listener = asyncio.create_task(listen())
        async with asyncio.timeout(10):
            await ready.wait()
            await scenario(*gateways)
        listener.cancel()
        await asyncio.gather(listener, return_exceptions=True)
        for gateway in gateways:
            await gateway.close()
        await valkey.aclose()

    return lambda: asyncio.run(main())


@in_loop
async def test_the_limit_holds_over_both(one: CallSlots, two: CallSlots) -> None:
    account = uuid.uuid4()
    taken = 0
    for gateway in (one, two) * 20:
        try:
            await gateway.take(account, 11)
        except TooManyCalls:
            continue
        taken += 1
    assert taken == 11


@in_loop
async def test_what_one_does_not_use_the_other_gets(one: CallSlots, two: CallSlots) -> None:
    account = uuid.uuid4()
    for _ in range(80):
        await one.take(account, 80)
    with pytest.raises(TooManyCalls):
        await two.take(account, 80)
    for _ in range(50):
        one.give_back(account)
    # It is not asked for again at once.
    await asyncio.sleep(0.15)
    for _ in range(50):
        await two.take(account, 80)
    with pytest.raises(TooManyCalls):
        await two.take(account, 80)


@in_loop
async def test_many_at_once(one: CallSlots, two: CallSlots) -> None:
    account = uuid.uuid4()
    takes = [gateway.take(account, 9) for gateway in (one, two) * 30]
    results = await asyncio.gather(*takes, return_exceptions=True)
    assert sum(result is None for result in results) == 9
    assert all(result is None or isinstance(result, TooManyCalls) for result in results)


@in_loop
async def test_a_limit_of_one_serves_both_in_turn(one: CallSlots, two: CallSlots) -> None:
    account = uuid.uuid4()
    for gateway in (one, two, two, one, two):
        await gateway.take(account, 1)
        gateway.give_back(account)


@in_loop
async def test_a_dead_gateway_holds_nothing(one: CallSlots, two: CallSlots) -> None:
    account = uuid.uuid4()
    await one.take(account, 1)
    valkey = registry.gateway_connection()
    await valkey.delete(registry.gateway_key(one._gateway_id))
    await two.take(account, 1)
    await valkey.aclose()


@in_loop
async def test_a_broker_that_forgot_learns_again(one: CallSlots, two: CallSlots) -> None:
    account = uuid.uuid4()
    for _ in range(8):
        await one.take(account, 8)
    valkey = registry.gateway_connection()
    await valkey.delete(registry.slots_key(account))
    await valkey.aclose()
    with pytest.raises(TooManyCalls):
        await one.take(account, 8)
    one.give_back(account)
    await one.take(account, 8)
    with pytest.raises(TooManyCalls):
        await one.take(account, 8)


@in_loop
async def test_unused_places_go_back_in_time(one: CallSlots, two: CallSlots) -> None:
    account = uuid.uuid4()
    await one.take(account, 80)
    one.give_back(account)
    one._places[account].used_at -= 10
    await one.tend()
    assert account not in one._places


@in_loop
async def test_a_call_that_comes_while_places_go_back(one: CallSlots, two: CallSlots) -> None:
    account = uuid.uuid4()
    await one.take(account, 80)
    one.give_back(account)
    await asyncio.sleep(1.1)
    await asyncio.gather(one.tend(), one.take(account, 80))
    one.give_back(account)
