"""Who reaches what by a connector: a storage that remembers everything is the witness."""

from collections.abc import Callable, Iterator

import pytest
from pytest_django import Settings

from algoport.accounts.permissions import Scopes
from algoport.http.relay import PRINCIPAL
from algoport.http.tracing import SESSION, Session
from dataportal.api.data_plane import DataPlane
from tests.asgi_client import Answer, call
from tests.doubles.recorder import Recorder, recording_storage
from tests.factories.connectors import make_connector
from tests.factories.dataportal import Caller, make_caller, make_run

RequestAs = Callable[..., Answer]

RESTRICTION = "bucket/inside/*"
METHODS = ("GET", "HEAD", "PUT", "POST", "DELETE", "PATCH")
MUTATING = frozenset({"PUT", "POST", "DELETE", "PATCH"})


@pytest.fixture
def storage(settings: Settings) -> Iterator[Recorder]:
    settings.CONNECTOR_HOSTS = frozenset({("127.0.0.1", None)})
    with recording_storage() as recorder:
        yield recorder


def test_nothing_is_changed_by_a_connector_that_only_reads(
    plane: DataPlane, demo: Caller, request_as: RequestAs, storage: Recorder
) -> None:
    make_connector(demo, "ro", endpoint=storage.url, path=RESTRICTION)
    for method in METHODS:
        for path in ("bucket/inside/x", "bucket/inside/x/", "bucket/inside", "bucket", ""):
            for query in ("", "?force=true"):
                target = f"/v1/connector/s3+ro/{path}{query}"
                answer = request_as(demo, method, target, body=b'{"name":"new"}')
                if method in MUTATING:
                    assert answer.status in (400, 403, 404, 405), (method, path, answer.body)
    assert {each.method for each in storage.asked} <= {"GET", "HEAD"}


@pytest.fixture
def readerless(demo: Caller) -> Caller:
    """A key of the owner that may do everything but touch data."""
    return make_caller(
        "", Scopes(("algo://*",), True, True, True, "", False, False), user=demo.user
    )


def test_a_connector_does_not_exist_for_others(
    plane: DataPlane,
    demo: Caller,
    guest: Caller,
    request_as: RequestAs,
    storage: Recorder,
) -> None:
    make_connector(demo, "mine", endpoint=storage.url, writeable=True, is_default=True)
    # What a guest's algorithm does when the guest calls it, it does as the guest.
    runs = [make_run(guest, demo), make_run(guest, guest)]
    for method in METHODS:
        for connector in ("s3+mine", "s3", "S3+MINE", "s3+guess"):
            for route in (f"/v1/connector/{connector}/b/k", f"/v1/data/{connector}://b/k"):
                answers = [request_as(guest, method, route, body=b"{}")]
                for run in runs:
                    scope = {SESSION: Session(), PRINCIPAL: run}
                    answers.append(call(plane, method, route, body=b"{}", scope=scope))
                for answer in answers:
                    assert answer.status == 404, (method, route, answer.body)
                    if method != "HEAD":
                        assert "There is no connector" in answer.json()["error"]["message"]
    assert storage.asked == []


def test_a_key_without_the_right_to_data_gets_nothing(
    demo: Caller, readerless: Caller, request_as: RequestAs, storage: Recorder
) -> None:
    make_connector(demo, "mine", endpoint=storage.url, writeable=True)
    for method in METHODS:
        for connector in ("s3+mine", "s3+guess"):
            answer = request_as(readerless, method, f"/v1/connector/{connector}/b/k", body=b"{}")
            assert answer.status == 404
            if method != "HEAD":
                assert "There is no connector" in answer.json()["error"]["message"]
        assert request_as(None, method, "/v1/connector/s3+mine/b/k").status == 401
    assert storage.asked == []


def test_an_algorithm_reaches_its_callers_connectors(
    plane: DataPlane, demo: Caller, guest: Caller, storage: Recorder
) -> None:
    make_connector(demo, "mine", endpoint=storage.url)
    scope = {SESSION: Session(), PRINCIPAL: make_run(demo, guest)}
    answer = call(plane, "GET", "/v1/data/s3+mine://b/k", scope=scope)
    assert answer.status == 404 and answer.json()["error"]["message"] == "path not found"
    assert storage.asked[0].target == "/b/k"
