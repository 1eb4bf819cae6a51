"""Sample inputs: run by a worker, shown with versions (spec.md 3.4)."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from kombu.exceptions import OperationalError as BrokerDown
from rest_framework.test import APIClient

from algoport.accounts.models import User
from algorithms import receivers
from algorithms.building import aftermath
from algorithms.building.leases import take_build
from algorithms.constants import SAMPLE_SECONDS, AsyncState, BuildState
from algorithms.models import Algorithm, AsyncCall, Build, CallRecord, Sample
from algorithms.queueing import leases
from algorithms.queueing.leases import Settlement
from algorithms.queueing.routing import route_queued
from algorithms.samples.runs import FAILED, payload_of, run_sample
from tests.factories.algorithms import make_algorithm, make_build, make_version

pytestmark = pytest.mark.django_db

ONE = "/v1/algorithms/demo/Hello"
GOOD = Settlement(b'"Hello Mia!"', "text", 0.1)
BAD = Settlement(None, "void", 0.1, "no", "InputError", "Traceback")


@pytest.fixture
def algorithm(api: APIClient, demo: User) -> Algorithm:
    return make_algorithm(demo)


def put_sample(api: APIClient, text: str) -> None:
    answer = api.put(ONE, {"version_info": {"sample_input": text}}, format="json")
    assert answer.status_code == 200


def settle(settlement: Settlement = GOOD) -> AsyncCall:
    """What a worker does with the one call that waits."""
    (call,) = leases.take_calls(5)
    call.payload = leases.payload_of(call.pk, call.attempt)
    assert leases.settle(call.pk, call.attempt, settlement)
    return call


def shown(api: APIClient) -> dict[str, Any]:
    info = api.get(ONE).json()["version_info"]
    return {key: value for key, value in info.items() if key.startswith("sample")}


def succeed(algorithm: Algorithm) -> Build:
    """A build that ends well, as its worker lets it."""
    made = make_build(algorithm, BuildState.IN_PROGRESS)
    build = take_build(made.id)
    assert build is not None
    aftermath.succeed(build, None)
    return build


def test_a_build_runs_it(api: APIClient, algorithm: Algorithm) -> None:
    put_sample(api, "Mia")
    assert not AsyncCall.objects.exists()
    build = succeed(algorithm)
    call = AsyncCall.objects.get()
    assert (bytes(call.payload or b""), call.timeout, call.attempts_allowed) == (
        b"tMia",
        SAMPLE_SECONDS,
        1,
    )
    assert (call.caller, call.key_id, call.version) == (algorithm.owner, None, build.commit_sha)
    assert shown(api) == {"sample_input": "Mia"}
    settle()
    assert shown(api) == {"sample_input": "Mia", "sample_output": "Hello Mia!"}
    assert CallRecord.objects.get().caller_id == algorithm.owner_id


def test_without_one_nothing_is_run(algorithm: Algorithm) -> None:
    succeed(algorithm)
    assert not AsyncCall.objects.exists()


def test_a_failure_is_told_and_the_build_stays_good(api: APIClient, algorithm: Algorithm) -> None:
    put_sample(api, "Mia")
    build = succeed(algorithm)
    settle(BAD)
    assert shown(api)["sample_output"] == FAILED
    assert Build.objects.get(pk=build.pk).state == BuildState.SUCCEEDED


def test_without_a_broker_the_build_is_good_and_the_call_waits(
    api: APIClient,
    algorithm: Algorithm,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Any,
) -> None:
    def fail() -> None:
        raise BrokerDown("away")

    monkeypatch.setattr(receivers.run_queued_calls_task, "delay", fail)
    put_sample(api, "Mia")
    with django_capture_on_commit_callbacks(execute=True):
        build = succeed(algorithm)
    assert Build.objects.get(pk=build.pk).state == BuildState.SUCCEEDED
    assert AsyncCall.objects.get().state == AsyncState.QUEUED


def test_the_worker_runs_it_as_the_owner(api: APIClient, algorithm: Algorithm) -> None:
    put_sample(api, "Mia")
    build = succeed(algorithm)
    (call,) = leases.take_calls(1)
    routed = route_queued(call)
    assert routed.principal.user_id == algorithm.owner_id
    assert routed.principal.call_limit == algorithm.owner.call_limit
    assert routed.route.target.build_id == build.id
    run = routed.route.identity
    assert run.run is not None and not run.scopes.management


def test_another_input_waits_for_the_run_before_it(api: APIClient, algorithm: Algorithm) -> None:
    make_build(algorithm)
    for text in ("one", "two", "three"):
        put_sample(api, text)
    first = settle()
    assert bytes(first.payload or b"") == b"tone"
    # Its output is of another input by now.
    assert shown(api) == {"sample_input": "three"}
    second = settle(Settlement(b"[3]", "json", 0.1))
    assert bytes(second.payload or b"") == b"tthree"
    assert shown(api) == {"sample_input": "three", "sample_output": "[3]"}
    assert leases.take_calls(1) == []


def test_taking_it_away(api: APIClient, algorithm: Algorithm) -> None:
    make_build(algorithm)
    put_sample(api, "Mia")
    put_sample(api, "")
    settle()
    assert shown(api) == {} and leases.take_calls(1) == []


def test_the_same_again_is_not_run_again(api: APIClient, algorithm: Algorithm) -> None:
    make_build(algorithm)
    put_sample(api, "Mia")
    settle()
    put_sample(api, "Mia")
    api.post(f"{ONE}/versions", {"version_info": {"sample_input": "Mia"}}, format="json")
    assert leases.take_calls(1) == []
    assert shown(api) == {"sample_input": "Mia", "sample_output": "Hello Mia!"}


def test_a_published_version_runs_another_one(api: APIClient, algorithm: Algorithm) -> None:
    make_build(algorithm)
    info = {"sample_input": "[1, 2]", "version_type": "minor"}
    answer = api.post(f"{ONE}/versions", {"version_info": info}, format="json").json()
    assert answer["version_info"]["sample_input"] == "[1, 2]"
    call = settle(Settlement(b"3", "json", 0.1))
    assert (bytes(call.payload or b""), call.version) == (b"j[1, 2]", "0.1.0")
    assert shown(api) == {"sample_input": "[1, 2]", "sample_output": "3"}


def test_an_output_that_was_given_is_kept(api: APIClient, algorithm: Algorithm) -> None:
    make_build(algorithm)
    info = {"sample_input": "Mia", "sample_output": "Hello Mia!"}
    answer = api.post(f"{ONE}/versions", {"version_info": info}, format="json").json()
    assert info.items() <= answer["version_info"].items()
    assert leases.take_calls(1) == []


def test_it_goes_with_the_latest_public_version(api: APIClient, algorithm: Algorithm) -> None:
    public = make_version(algorithm, "public")
    make_version(algorithm, "private")
    make_build(algorithm)
    put_sample(api, "Mia")
    assert AsyncCall.objects.get().build_id == public.build_id
    settle()
    version = api.get(f"{ONE}/versions/{public.build.commit_sha}").json()["version_info"]
    assert (version["sample_input"], version["sample_output"]) == ("Mia", "Hello Mia!")


def test_a_cancelled_run_has_no_output(api: APIClient, algorithm: Algorithm) -> None:
    make_build(algorithm)
    put_sample(api, "Mia")
    request_id = AsyncCall.objects.get().pk
    assert api.delete(f"/v1/requests/req-{request_id}").status_code == 200
    assert shown(api)["sample_output"] == FAILED
    put_sample(api, "Nia")
    settle()
    assert shown(api) == {"sample_input": "Nia", "sample_output": "Hello Mia!"}


@pytest.mark.parametrize(
    ("settlement", "output"),
    [
        (Settlement(b'"a\\u0000b"', "text", 0.1), "a\N{REPLACEMENT CHARACTER}b"),
        (Settlement(b'{"a":[1,null]}', "json", 0.1), '{"a":[1,null]}'),
        (Settlement(b'"AP8="', "binary", 0.1), '"AP8="'),
        (Settlement(b"null", "void", 0.1), "null"),
        (Settlement(b'"' + b"x" * 200_000 + b'"', "text", 0.1), "x" * 100_000),
    ],
)
def test_outputs(api: APIClient, algorithm: Algorithm, settlement: Settlement, output: str) -> None:
    make_build(algorithm)
    put_sample(api, "Mia")
    settle(settlement)
    assert shown(api)["sample_output"] == output


@pytest.mark.parametrize(
    ("text", "payload"),
    [
        ("Mia", b"tMia"),
        ("42", b"j42"),
        ('"x"', b'j"x"'),
        ('{"a": 1}', b'j{"a": 1}'),
        ("{a: 1}", b"t{a: 1}"),
        ("NaN", b"tNaN"),
        ("\u00fc", "t\u00fc".encode()),
    ],
)
def test_inputs(text: str, payload: bytes) -> None:
    assert payload_of(text) == payload


def test_calls_of_others_are_nobodys_sample(
    api: APIClient, algorithm: Algorithm, django_assert_num_queries: Any
) -> None:
    """A call with a key does not even look for one."""
    build = make_build(algorithm)
    run_sample(build=build, text="Mia")
    sample = Sample.objects.get()
    AsyncCall.objects.update(key_id=sample.pk)
    with django_assert_num_queries(0, connection=connection):
        from algorithms.samples.runs import record_output

        record_output(AsyncCall.objects.model(key_id=sample.pk), result=b"1", content_type="json")


def test_strangers_see_it_with_public_versions(
    api: APIClient, algorithm: Algorithm, make_user: Callable[[str], User], api_of: Any
) -> None:
    make_version(algorithm)
    put_sample(api, "Mia")
    settle()
    assert shown(api_of(make_user("stranger"))) == shown(api)
