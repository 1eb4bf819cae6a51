"""The executor's loop goes on, whatever it meets; a gateway opens without its broker."""

import asyncio
from typing import Any

import pytest
import redis

from algoport import loops
from algoport.accounts.permissions import Principal
from algoport.db.changes import ChangeListener
from algoport.db.threads import in_database_thread
from algorithms import receivers
from algorithms.models import CallRecord, Version
from algorithms.queueing import executor
from algorithms.queueing.executor import QueueExecutor
from algorithms.queueing.services import cancel_request
from algorithms.running.gateway import Gateway, Role
from tests.factories.queueing import make_queued_call


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


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("begins", [True, False])
def test_what_a_cancelled_run_has_cost_is_recorded(
    version: Version, caller: Principal, monkeypatch: pytest.MonkeyPatch, begins: bool
) -> None:
    monkeypatch.setattr(receivers.run_queued_calls_task, "delay", lambda: None)
    queued = make_queued_call(caller)

    async def main() -> None:
        asked = asyncio.Event()

        async def invoke(pool: Any, starter: Any, route: Any, payload: bytes, call: Any) -> Any:
            if begins:
                call.trace.spent("queue")
            asked.set()
            await asyncio.Event().wait()

        monkeypatch.setattr(executor, "invoke", invoke)
        gateway = Gateway(ChangeListener())
        made = QueueExecutor(gateway)
        made.start()
        async with asyncio.timeout(20):
            await asked.wait()
            await in_database_thread(
                cancel_request, principal=caller, request_id=f"req-{queued.pk}"
            )
            gateway.on_cancel(queued.pk)
            while made._attempts:
                await asyncio.sleep(0.005)
        await made.close()
        await gateway.close()

    asyncio.run(main())
    records = list(CallRecord.objects.filter(pk=queued.pk))
    assert len(records) == begins
    for record in records:
        assert (record.kind, record.error_type, record.bytes_out) == ("async", "Cancelled", 0)
        assert record.caller_id == caller.user_id
        assert 0 < record.run_seconds <= record.total_seconds
