"""Sample inputs that come at the same time: one call is under way, and the last input wins."""

import threading
from typing import Any

import pytest
from django.db import connection

from algoport.accounts.models import User
from algorithms.constants import AsyncState
from algorithms.models import AsyncCall, Build, Environment, Sample
from algorithms.queueing import leases
from algorithms.queueing.leases import Settlement
from algorithms.samples.runs import run_sample
from tests.factories.algorithms import make_algorithm, make_build

pytestmark = pytest.mark.django_db(transaction=True)

MANY = 6


@pytest.fixture
def build(demo: User, python_environment: Environment) -> Build:
    return make_build(make_algorithm(demo))


def test_many_at_once_make_one_call(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("algorithms.receivers.run_queued_calls_task.delay", lambda: None)
    together, failed = threading.Barrier(MANY), []

    def run(number: int) -> None:
        try:
            together.wait(10)
            run_sample(build=build, text=f"input {number}")
        except Exception as exc:
            failed.append(exc)
        finally:
            connection.close()

    threads: list[Any] = [threading.Thread(target=run, args=(number,)) for number in range(MANY)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert failed == []
    assert AsyncCall.objects.count() == 1
    (first,) = leases.take_calls(5)
    assert leases.settle(first.pk, first.attempt, Settlement(b'"of the first"', "text", 0.1))
    sample = Sample.objects.get()
    assert sample.output == "" and not sample.is_stale
    (second,) = leases.take_calls(5)
    assert bytes(second.payload or b"") == b"t" + sample.input.encode()
    assert leases.settle(second.pk, second.attempt, Settlement(b'"of the last"', "text", 0.1))
    assert Sample.objects.get().output == "of the last"
    assert AsyncCall.objects.filter(state=AsyncState.FINISHED).count() == 2
