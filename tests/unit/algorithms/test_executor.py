"""The executor's loop goes on, whatever it meets; a gateway opens without its broker."""

import asyncio

import pytest
import redis

from algoport import loops
from algoport.db.changes import ChangeListener
from algorithms.queueing.executor import QueueExecutor
from algorithms.running.gateway import Gateway, Role


def test_a_gateway_opens_while_the_broker_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> int:
        gateway = Gateway(ChangeListener())
        announced = 0
        announce = gateway.starter.announce

        async def fail_once() -> None:
            nonlocal announced
            announced += 1
            if announced == 1:
                raise redis.ConnectionError("away")
            await announce()

        monkeypatch.setattr(gateway.starter, "announce", fail_once)
        await gateway.open(Role.WORKER)
        await gateway.close()
        return announced

    assert asyncio.run(main()) == 1


def test_the_executor_begins_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loops, "AGAIN_SECONDS", 0.001)
    rounds = 0

    async def main() -> None:
        gateway = Gateway(ChangeListener())
        made = QueueExecutor(gateway)
        again = asyncio.Event()

        async def fail() -> None:
            nonlocal rounds
            rounds += 1
            if rounds == 3:
                again.set()
            raise ValueError("nobody has thought of this")

        monkeypatch.setattr(made, "_take", fail)
        made.start()
        async with asyncio.timeout(5):
            await again.wait()
        await made.close()
        await gateway.close()

    asyncio.run(main())
    assert rounds >= 3
