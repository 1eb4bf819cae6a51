"""docs/api-compat.md says what is so: every endpoint of the protocol, and a test for each."""

from pathlib import Path

from tests.compat.document import DOCUMENT, render
from tests.compat.recording import named_tests, read_record
from tests.compat.routes import State, django_routes, protocol, shape_of_request, state_of

ROOT = Path(__file__).resolve().parents[1]


def test_the_document_is_as_written_by_make_compat() -> None:
    assert DOCUMENT.read_text() == render(), "run make compat"


def test_every_endpoint_of_the_original_is_built_or_refused_as_unbuilt() -> None:
    states = {route: state_of(route) for route in protocol()}
    assert not [route for route, state in states.items() if state is State.MISSING]
    outside = {route.path for route, state in states.items() if state is State.OUT_OF_SCOPE}
    assert outside == {"/admin/roles/{ACCOUNT}/cluster_viewer", "/webapi/user"}


def test_everything_in_the_api_reference_is_built() -> None:
    routes = [route for route, source in protocol().items() if source.startswith("S")]
    assert len(routes) == 38
    assert not [route for route in routes if state_of(route) is not State.BUILT]


def test_everything_that_is_built_is_asked_by_a_test() -> None:
    tests = named_tests(read_record())
    built = {route.shape for route in django_routes().values()}
    built |= {route.shape for route in protocol() if state_of(route) is State.BUILT}
    asked = {shape for shape in built if shape in tests}
    assert not built - asked, "write a test, then: make compat ARGS=tests/..."
    assert all((ROOT / tests[shape]).exists() for shape in built)


def test_requests_are_known_by_their_route() -> None:
    one = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
    for target, shape in (
        ("/v1/algorithms/demo/Hello/builds?limit=1", "/v1/algorithms/{}/{}/builds"),
        (f"/v1/algorithms/{one}/errors", "/v1/algorithms/{}/errors"),
        ("/v1/algo/demo/Hello?timeout=1", "/v1/algo/{}/{}/{}"),
        (f"/v1/algo/{one}", "/v1/algo/{}"),
        (f"/v1/algo/{one}/1.0.0", "/v1/algo/{}/{}"),
        ("/v1/data", "/v1/data/{}"),
        ("/v1/data/.my%2Fc", "/v1/data/{}"),
        ("/v1/connector/s3+x/a/b", "/v1/connector/{}/{}"),
    ):
        assert shape_of_request("GET", target) == f"GET {shape}"
    for target in ("/v1/nothing", "/admin/", "/storage/v1/b"):
        assert shape_of_request("GET", target) is None
