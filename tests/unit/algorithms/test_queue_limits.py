"""Callers at their limit keep the executor neither busy nor from the calls of others."""

import asyncio
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db.models import Sum
from django.utils import timezone

from algoport.accounts.models import User
from algoport.accounts.permissions import Principal
from algoport.db.changes import ChangeListener
from algoport.db.threads import in_database_thread
from algorithms import receivers
from algorithms.constants import AsyncState
from algorithms.errors import TooManyCalls
from algorithms.models import AsyncCall, Version
from algorithms.queueing import executor, leases, pauses
from algorithms.queueing.executor import QueueExecutor
from algorithms.queueing.pauses import PausedCallers
from algorithms.queueing.services import redrive_request
from algorithms.running.gateway import Gateway
from algorithms.running.invocation import Outcome
from tests.factories.accounts import make_principal
from tests.factories.queueing import make_queued_call

GUEST, OTHER = uuid.uuid4(), uuid.uuid4()


class OnePlace:
    """A place for one call of each account."""

    def __init__(self) -> None:
        self.used: set[UUID] = set()

    async def take(self, account: UUID, limit: int) -> None:
        if account in self.used:
            raise TooManyCalls(limit=1)
        self.used.add(account)

    def give_back(self, account: UUID) -> None:
        self.used.remove(account)

    async def close(self) -> None:
        pass


@pytest.mark.django_db(transaction=True)
def test_no_more_is_taken_of_who_was_refused(
    version: Version,
    caller: Principal,
    make_user: Callable[[str], User],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(receivers.run_queued_calls_task, "delay", lambda: None)
    monkeypatch.setattr(executor, "MOST_ASYNC_CALLS", 4)
    monkeypatch.setattr(executor, "PUT_BACK_SECONDS", 60.0)
    for _ in range(8):
        make_queued_call(caller, b'j"it"')
    make_queued_call(make_principal(make_user("other")), b'j"it"')
    loaded: list[UUID] = []
    load = leases.payload_of

    def payload_of(call_id: UUID, attempt: int) -> bytes | None:
        loaded.append(call_id)
        return load(call_id, attempt)

    monkeypatch.setattr(leases, "payload_of", payload_of)

    async def main() -> None:
        go = asyncio.Event()

        async def invoke(pool: Any, starter: Any, route: Any, payload: bytes, call: Any) -> Outcome:
            assert payload == b'j"it"'
            await go.wait()
            return Outcome("did it", "text", None, 0.1, b"")

        monkeypatch.setattr(executor, "invoke", invoke)
        gateway = Gateway(ChangeListener())
        await gateway.slots.close()
        monkeypatch.setattr(gateway, "slots", OnePlace())
        made = QueueExecutor(gateway)

        async def until_left(count: int) -> None:
            async with asyncio.timeout(20):
                while len(made._attempts) > count:
                    await asyncio.sleep(0.005)

        await made._take_some()
        assert len(made._attempts) == 4
        await until_left(2)
        # There is room for two, and nobody waits but the caller that was just refused.
        await made._take_some()
        assert len(made._attempts) == 2
        go.set()
        for ended in range(2, 5):
            await until_left(0)
            found = await in_database_thread(
                AsyncCall.objects.filter(state=AsyncState.FINISHED).count
            )
            assert found == ended
            # Its place is free again, and worth one call.
            await made._take_some()
            assert len(made._attempts) == 1
        await until_left(0)
        await gateway.close()

    asyncio.run(main())
    assert AsyncCall.objects.aggregate(all=Sum("attempt"))["all"] == 4 + 3
    assert len(loaded) == 2 + 3


@pytest.mark.django_db(transaction=True)
def test_a_call_is_given_up_when_it_was_refused_for_a_day(
    version: Version, caller: Principal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receivers.run_queued_calls_task, "delay", lambda: None)
    call = make_queued_call(caller)
    row = AsyncCall.objects.filter(pk=call.pk)
    long_ago = timezone.now() - timedelta(hours=25)

    async def refuse(account: UUID, limit: int) -> None:
        raise TooManyCalls(limit=limit)

    async def take() -> None:
        gateway = Gateway(ChangeListener())
        monkeypatch.setattr(gateway.slots, "take", refuse)
        made = QueueExecutor(gateway)
        await made._take_some()
        (attempt,) = made._attempts.values()
        await attempt.task
        await gateway.close()

    def state_after_a_refusal(**changes: Any) -> str:
        row.update(not_before=timezone.now(), **changes)
        asyncio.run(take())
        call.refresh_from_db()
        return str(call.state)

    # However long it has waited for its turn.
    assert state_after_a_refusal(accepted_at=long_ago) == "queued"
    assert call.refused_at is not None
    assert state_after_a_refusal(refused_at=long_ago) == "dead"
    assert (call.error, call.error_type) == (executor.NO_RUNNER, "TooManyCalls")
    redrive_request(principal=caller, request_id=f"req-{call.pk}")
    assert state_after_a_refusal() == "queued"


def test_a_pause_ends_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(pauses.time, "monotonic", lambda: now)
    paused = PausedCallers(2.0)
    paused.note_place(GUEST)
    assert paused.most_of() == {}
    paused.note_refused(GUEST)
    assert paused.most_of() == {GUEST: 0}
    paused.note_place(GUEST)
    paused.note_place(GUEST)
    paused.note_taken(GUEST)
    paused.note_taken(OTHER)
    assert paused.most_of() == {GUEST: 1}
    now = 101.5
    paused.note_refused(OTHER)
    now = 102.0
    assert paused.most_of() == {OTHER: 0}
    now = 103.5
    assert paused.most_of() == {}


def test_who_is_paused_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pauses, "MOST_PAUSED", 2)
    paused = PausedCallers(60.0)
    third = uuid.uuid4()
    for each in (GUEST, OTHER, GUEST, third):
        paused.note_refused(each)
    assert set(paused.most_of()) == {OTHER, third}
