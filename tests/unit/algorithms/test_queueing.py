"""Queued calls: who may run, settle and see them, without a worker."""

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import OperationalError
from django.utils import timezone
from kombu.exceptions import OperationalError as BrokerDown

from algoport.accounts.models import User
from algoport.accounts.permissions import EVERYTHING, Principal, Run
from algoport.accounts.services import create_key, revoke_key
from algoport.errors import NotAuthenticated, NotAuthorized
from algorithms import receivers
from algorithms.constants import REQUESTS_KEPT, AsyncState
from algorithms.errors import (
    CalledAlgorithmNotFound,
    IdempotencyKeyReused,
    QueueUnavailable,
    RequestHasEnded,
    RequestNotDead,
    RequestNotFound,
    TooManyQueuedBytes,
    TooManyQueuedCalls,
)
from algorithms.models import AsyncCall, CallRecord, Environment, Version
from algorithms.queueing import accepting, leases
from algorithms.queueing import services as queue_services
from algorithms.queueing.accepting import QueueOptions, accept_call
from algorithms.queueing.leases import Settlement
from algorithms.queueing.routing import route_queued
from algorithms.queueing.services import (
    cancel_request,
    get_request,
    redrive_request,
    remove_old_requests,
    requests_of,
)
from algorithms.selectors import resolve_call
from algorithms.services import delete_algorithm
from tests.factories.accounts import make_principal, principal_of_key
from tests.factories.algorithms import make_algorithm, make_version
from tests.factories.queueing import make_queued_call

pytestmark = pytest.mark.django_db

GOOD = Settlement(b'"hello"', "text", 0.1)
BAD = Settlement(None, "void", 0.1, "bad input", "InputError", "Traceback")

Accept = Callable[..., AsyncCall]


@pytest.fixture(autouse=True)
def wakes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was sent to the workers."""
    sent: list[str] = []
    task = receivers.run_queued_calls_task
    monkeypatch.setattr(task, "delay", lambda: sent.append("wake"))
    return sent


@pytest.fixture
def accept(version: Version, caller: Principal) -> Accept:
    def make(principal: Principal = caller, **options: Any) -> AsyncCall:
        return make_queued_call(principal, **options)

    return make


def expire(call_id: UUID) -> None:
    past = timezone.now() - timedelta(seconds=1)
    AsyncCall.objects.filter(pk=call_id).update(lease_expires_at=past)


def ready(call_id: UUID) -> None:
    AsyncCall.objects.filter(pk=call_id).update(not_before=timezone.now())


def state_of(call: AsyncCall) -> str:
    call.refresh_from_db()
    return str(call.state)


def test_a_call_is_taken_once_and_settled(accept: Accept, wakes: list[str]) -> None:
    call = accept()
    assert wakes == ["wake"] and call.state == AsyncState.QUEUED
    (taken,) = leases.take_calls(5)
    assert leases.take_calls(5) == []
    assert leases.renew_leases([(taken.pk, taken.attempt)]) == {taken.pk}
    assert leases.settle(taken.pk, taken.attempt, GOOD)
    assert state_of(call) == "finished" and bytes(call.result or b"") == b'"hello"'
    assert call.payload is None and call.ended_at is not None
    assert not leases.settle(taken.pk, taken.attempt, BAD)
    assert state_of(call) == "finished"


def test_a_stale_attempt_can_do_nothing(accept: Accept) -> None:
    call = accept(retries=1)
    (first,) = leases.take_calls(1)
    expire(call.pk)
    assert leases.reclaim_lost() == 1
    ready(call.pk)
    (second,) = leases.take_calls(1)
    assert second.attempt == first.attempt + 1
    assert leases.renew_leases([(first.pk, first.attempt)]) == set()
    assert not leases.settle(first.pk, first.attempt, GOOD)
    assert not leases.put_back(first.pk, first.attempt, 1)
    assert not leases.give_up(first.pk, first.attempt, "x", "x")
    leases.lose(first.pk, first.attempt)
    assert state_of(call) == "running"
    assert leases.settle(second.pk, second.attempt, BAD)
    assert state_of(call) == "dead"


def test_without_retries_a_failure_is_the_answer(accept: Accept) -> None:
    call = accept()
    (taken,) = leases.take_calls(1)
    leases.settle(taken.pk, taken.attempt, BAD)
    assert state_of(call) == "failed"
    assert (call.error, call.error_type, call.stacktrace) == (
        "bad input",
        "InputError",
        "Traceback",
    )


def test_what_is_told_of_a_failure_is_bounded(accept: Accept) -> None:
    call = accept()
    (taken,) = leases.take_calls(1)
    long = Settlement(None, "void", 0.1, "m" * 1_000_000, "T" * 100, "s" * 1_000_000)
    assert leases.settle(taken.pk, taken.attempt, long)
    assert state_of(call) == "failed"
    assert call.error == "m" * 10_000 + leases.CUT
    assert call.stacktrace == "s" * 20_000 + leases.CUT
    assert call.error_type == "T" * 60


def test_a_failure_is_told_whatever_it_is_made_of(accept: Accept) -> None:
    call = accept()
    (taken,) = leases.take_calls(1)
    odd = Settlement(None, "void", 0.1, "bad\0input", "Input\0Error", "Trace\0back")
    assert leases.settle(taken.pk, taken.attempt, odd)
    assert state_of(call) == "failed"
    assert (call.error, call.error_type, call.stacktrace) == (
        "bad\N{REPLACEMENT CHARACTER}input",
        "Input\N{REPLACEMENT CHARACTER}Error",
        "Trace\N{REPLACEMENT CHARACTER}back",
    )
    assert CallRecord.objects.get().error_type == call.error_type


def test_without_retries_a_lost_worker_is_the_end(accept: Accept) -> None:
    call = accept()
    leases.take_calls(1)
    expire(call.pk)
    leases.reclaim_lost()
    assert state_of(call) == "dead" and call.error_type == "WorkerLost"
    assert call.payload is not None


def test_retries_wait_longer_each_time(accept: Accept) -> None:
    call = accept(retries=2)
    waits = []
    for _ in range(2):
        ready(call.pk)
        (taken,) = leases.take_calls(1)
        leases.settle(taken.pk, taken.attempt, BAD)
        assert state_of(call) == "queued"
        assert leases.take_calls(1) == []
        waits.append((call.not_before - timezone.now()).total_seconds())
    assert 0.5 < waits[0] < 1.1 < waits[1] < 2.1
    ready(call.pk)
    (taken,) = leases.take_calls(1)
    leases.settle(taken.pk, taken.attempt, BAD)
    assert state_of(call) == "dead" and call.tries == 3


def test_put_back_uses_up_no_try(accept: Accept) -> None:
    call = accept()
    (taken,) = leases.take_calls(1)
    assert leases.put_back(taken.pk, taken.attempt, 0)
    assert state_of(call) == "queued" and call.tries == 0
    (again,) = leases.take_calls(1)
    assert again.attempt == 2 and again.tries == 1


def test_since_when_a_call_is_refused(accept: Accept) -> None:
    call = accept(retries=1)
    (taken,) = leases.take_calls(1)
    assert leases.let_go(taken.pk, taken.attempt)
    assert state_of(call) == "queued" and call.tries == 0 and call.refused_at is None
    (taken,) = leases.take_calls(1)
    assert leases.put_back(taken.pk, taken.attempt, 0)
    assert state_of(call) == "queued"
    first = call.refused_at
    (taken,) = leases.take_calls(1)
    assert taken.refused_at == first is not None
    assert leases.put_back(taken.pk, taken.attempt, 0)
    assert state_of(call) == "queued" and call.refused_at == first
    (taken,) = leases.take_calls(1)
    leases.settle(taken.pk, taken.attempt, BAD)
    assert state_of(call) == "queued" and call.refused_at is None


def test_a_long_queue_of_one_keeps_nobody_waiting(
    accept: Accept, make_user: Callable[[str], User]
) -> None:
    crowd = [accept().pk for _ in range(6)]
    other = accept(make_principal(make_user("other"))).pk
    taken = {call.pk for call in leases.take_calls(2)}
    assert taken == {crowd[0], other}


def test_of_a_caller_no_more_is_taken_than_is_asked_for(
    accept: Accept, caller: Principal, make_user: Callable[[str], User]
) -> None:
    crowd = [accept().pk for _ in range(4)]
    other = accept(make_principal(make_user("other"))).pk
    assert caller.user_id is not None
    assert [call.pk for call in leases.take_calls(3, {caller.user_id: 0})] == [other]
    assert [call.pk for call in leases.take_calls(3, {caller.user_id: 1})] == crowd[:1]
    assert {call.pk for call in leases.take_calls(3, {uuid.uuid4(): 0})} == set(crowd[1:])


def test_a_payload_is_for_the_attempt_that_has_the_call(accept: Accept) -> None:
    call = accept(payload=b"j1")
    (taken,) = leases.take_calls(1)
    assert "payload" in taken.get_deferred_fields()
    assert leases.payload_of(call.pk, taken.attempt) == b"j1"
    assert leases.payload_of(call.pk, taken.attempt + 1) is None
    assert leases.put_back(taken.pk, taken.attempt, 0)
    assert leases.payload_of(call.pk, taken.attempt) is None


def test_one_answer_for_one_idempotency_key(
    accept: Accept, make_user: Callable[[str], User]
) -> None:
    first = accept(idempotency_key="k")
    assert accept(idempotency_key="k").pk == first.pk
    assert AsyncCall.objects.count() == 1
    with pytest.raises(IdempotencyKeyReused):
        accept(idempotency_key="k", payload=b"j[]")
    with pytest.raises(IdempotencyKeyReused):
        accept(idempotency_key="k", retries=1)
    assert accept(make_principal(make_user("other")), idempotency_key="k").pk != first.pk


def test_two_at_once_with_one_key(accept: Accept, monkeypatch: pytest.MonkeyPatch) -> None:
    first = accept(idempotency_key="k")
    looks = iter([None])
    find = accepting._find_first
    monkeypatch.setattr(accepting, "_find_first", lambda call: next(looks, find(call)))
    assert accept(idempotency_key="k").pk == first.pk


# The last is how kombu says that it lost the connection while it published.
@pytest.mark.parametrize(
    "failure",
    [BrokerDown("down"), OperationalError("down"), AttributeError(name="client", obj=None)],
)
def test_nothing_is_accepted_without_a_queue(
    accept: Accept, monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    def fail() -> None:
        raise failure

    monkeypatch.setattr(receivers.run_queued_calls_task, "delay", fail)
    with pytest.raises(QueueUnavailable):
        accept()
    assert AsyncCall.objects.count() == 0


def test_mistakes_are_not_taken_for_a_broker_that_is_down(
    accept: Accept, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise AttributeError(name="client", obj=accept)

    monkeypatch.setattr(receivers.run_queued_calls_task, "delay", fail)
    with pytest.raises(AttributeError):
        accept()


def test_the_queue_of_an_account_is_bounded(
    accept: Accept, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accepting, "MOST_QUEUED_CALLS", 2)
    accept()
    accept()
    with pytest.raises(TooManyQueuedCalls):
        accept()


def test_the_input_that_waits_is_bounded(
    accept: Accept, make_user: Callable[[str], User], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accepting, "QUEUED_BYTES", 10)
    accept(payload=b"j12345")
    with pytest.raises(TooManyQueuedBytes):
        accept(payload=b"j12345")
    accept(payload=b"j123")
    accept(make_principal(make_user("other")), payload=b"j12345")
    # What is taken does not wait any more.
    assert len(leases.take_calls(3)) == 3
    accept(payload=b"j12345")


def test_rights_are_asked_again(accept: Accept, version: Version, caller: Principal) -> None:
    call = accept()
    assert route_queued(call).principal == caller
    delete_key = call.key_id
    revoke_key(key=User.objects.get(pk=caller.user_id).api_keys.get(pk=delete_key))
    with pytest.raises(NotAuthenticated):
        route_queued(call)


def test_a_deleted_algorithm_is_not_run(demo: User, python_environment: Environment) -> None:
    algorithm = make_algorithm(demo)
    make_version(algorithm, "private")
    principal = make_principal(demo)
    target = resolve_call(principal, "demo", "Hello", "latestPrivate")
    options = {"request_id": uuid.uuid4(), "session_id": uuid.uuid4(), "principal": principal}
    call_id = accept_call(
        **options, target=target, payload=b"j1", bytes_in=1, options=QueueOptions(1)
    )
    call = AsyncCall.objects.get(pk=call_id)
    assert route_queued(call).route.target == target
    delete_algorithm(algorithm=algorithm)
    with pytest.raises(CalledAlgorithmNotFound):
        route_queued(call)


def test_a_run_sees_only_the_requests_that_it_made(
    accept: Accept, caller: Principal, version: Version
) -> None:
    own = accept()
    run = Run(version.algorithm_id, version.algorithm.owner_id, pipeline_enabled=True)
    inside = caller.for_run(run)
    made = accept(inside)
    assert route_queued(made).principal.run is not None
    assert get_request(inside, f"req-{made.pk}").pk == made.pk
    assert list(requests_of(inside)) == [made]
    with pytest.raises(RequestNotFound):
        get_request(inside, f"req-{own.pk}")
    assert {call.pk for call in requests_of(caller)} == {own.pk, made.pk}


def test_what_is_not_yours_does_not_exist(
    accept: Accept, make_user: Callable[[str], User], caller: Principal
) -> None:
    call = accept()
    other = make_principal(make_user("other"))
    for principal, request_id in (
        (other, f"req-{call.pk}"),
        (caller, "req-x"),
        (caller, str(uuid.uuid4())),
        (caller, "\x00"),
    ):
        for act in (cancel_request, redrive_request):
            with pytest.raises(RequestNotFound):
                act(principal=principal, request_id=request_id)
    assert list(requests_of(other)) == []
    nothing = create_key(
        owner=make_user("third"), label="x", scopes=EVERYTHING.__class__(data_read=True)
    )
    with pytest.raises(NotAuthorized):
        requests_of(principal_of_key(nothing.row))


def test_cancelling(accept: Accept, caller: Principal) -> None:
    waiting, running = accept(), accept()
    (taken, other) = leases.take_calls(2)
    assert leases.put_back(other.pk, other.attempt, 0)
    assert {taken.pk, other.pk} == {waiting.pk, running.pk}
    for call in (waiting, running):
        cancelled = cancel_request(principal=caller, request_id=f"req-{call.pk}")
        assert cancelled.state == AsyncState.CANCELLED and cancelled.payload is None
        with pytest.raises(RequestHasEnded):
            cancel_request(principal=caller, request_id=f"req-{call.pk}")
    assert leases.renew_leases([(taken.pk, taken.attempt)]) == set()
    assert not leases.settle(taken.pk, taken.attempt, GOOD)
    assert leases.take_calls(2) == []


def test_redrive(accept: Accept, caller: Principal, wakes: list[str]) -> None:
    call = accept(retries=1)
    request_id = f"req-{call.pk}"
    with pytest.raises(RequestNotDead):
        redrive_request(principal=caller, request_id=request_id)
    for _ in range(2):
        ready(call.pk)
        (taken,) = leases.take_calls(1)
        leases.settle(taken.pk, taken.attempt, BAD)
    assert state_of(call) == "dead"
    del wakes[:]
    redrive_request(principal=caller, request_id=request_id)
    assert wakes == ["wake"]
    (taken,) = leases.take_calls(1)
    assert (taken.tries, taken.attempt, taken.error) == (1, 3, "")
    leases.settle(taken.pk, taken.attempt, GOOD)
    assert state_of(call) == "finished"


def test_old_requests_go_and_results_have_a_share(
    accept: Accept, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = [accept() for _ in range(3)]
    for taken in leases.take_calls(3):
        leases.settle(taken.pk, taken.attempt, Settlement(b'"' + b"x" * 98 + b'"', "text", 0.1))
    monkeypatch.setattr(queue_services, "RESULT_BYTES", 250)
    assert remove_old_requests() == 0
    kept = [call.pk for call in AsyncCall.objects.exclude(result=None)]
    assert len(kept) == 2
    assert remove_old_requests(timezone.now() + REQUESTS_KEPT + timedelta(minutes=1)) == len(calls)


def test_every_end_is_recorded_with_it(accept: Accept, caller: Principal) -> None:
    call = accept(retries=1)
    leases.take_calls(1)
    for _ in range(2):
        expire(call.pk)
        leases.reclaim_lost()
        ready(call.pk)
        leases.take_calls(1)
    record = CallRecord.objects.get(pk=call.pk)
    assert (record.kind, record.error_type, record.bytes_out) == ("async", "WorkerLost", 0)
    assert record.caller_id == caller.user_id and record.version == "0.1.0"
    redrive_request(principal=caller, request_id=f"req-{call.pk}")
    (taken,) = leases.take_calls(1)
    good = Settlement(b'"hello"', "text", 0.1, phases={"run": 0.25, "auth": 1.0})
    leases.settle(taken.pk, taken.attempt, good)
    record = CallRecord.objects.get()
    assert (record.error_type, record.bytes_out, record.run_seconds) == ("", 7, 0.25)


def test_a_cancelled_call_is_recorded_by_who_ran_it(accept: Accept, caller: Principal) -> None:
    call = accept(retries=1)
    (first,) = leases.take_calls(1)
    leases.record_cancelled(first.pk, first.attempt, {"run": 0.1})
    expire(call.pk)
    leases.reclaim_lost()
    ready(call.pk)
    (second,) = leases.take_calls(1)
    cancel_request(principal=caller, request_id=f"req-{call.pk}")
    leases.record_cancelled(first.pk, first.attempt, {"run": 0.1})
    assert not CallRecord.objects.exists()
    for _ in range(2):
        leases.record_cancelled(second.pk, second.attempt, {"run": 0.25})
    record = CallRecord.objects.get()
    assert (record.error_type, record.run_seconds) == ("Cancelled", 0.25)
