"""Every route of an algorithm, by its id in place of its owner and name (spec.md 3.1)."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.urls import get_resolver
from rest_framework.test import APIClient

from algoport.accounts.authentication import principal_of_user
from algoport.accounts.models import User
from algoport.errors import ApiError
from algorithms.api.call_plane import PREFIX, CalledVersion, parse_path
from algorithms.models import Algorithm, Environment
from algorithms.selectors import resolve_call, resolve_call_by_id
from tests.factories.algorithms import make_algorithm, make_version

pytestmark = pytest.mark.django_db

HOSTILE = [
    "nobody",
    "00000000-0000-0000-0000-00000000000",
    "00000000-0000-0000-0000-0000000000000",
    "0" * 32,
    "%00",
    "..%2f..",
    "x" * 5000,
    "%F0%9F%98%80",
]


@pytest.fixture
def algorithm(api: APIClient, demo: User) -> Algorithm:
    made = make_algorithm(demo)
    make_version(made)
    return made


def test_every_route_is_there_by_id() -> None:
    shown = [str(each.pattern) for each in get_resolver("algorithms.api.urls").url_patterns]
    by_name, by_id = (
        {each.removeprefix(one) for each in shown if each.startswith(one)}
        for one in ("algorithms/<str:owner>/<str:name>", "algorithms/<uuid:algorithm_id>")
    )
    assert by_name == by_id and len(by_id) > 8


@pytest.mark.parametrize(
    "rest",
    [
        "",
        "/builds",
        "/builds/BUILD",
        "/builds/BUILD/logs",
        "/versions",
        "/versions/SHA",
        "/log",
        "/scm/status",
    ],
)
def test_reads_are_the_same(api: APIClient, algorithm: Algorithm, rest: str) -> None:
    build = algorithm.builds.get()
    rest = rest.replace("BUILD", str(build.id)).replace("SHA", build.commit_sha)
    by_name = api.get(f"/v1/algorithms/demo/Hello{rest}")
    by_id = api.get(f"/v1/algorithms/{algorithm.id}{rest}")
    assert by_id.status_code == by_name.status_code == 200
    assert by_id.json() == by_name.json()


def test_writes(api: APIClient, algorithm: Algorithm) -> None:
    one = f"/v1/algorithms/{algorithm.id}"
    assert api.put(one, {"details": {"label": "New"}}, format="json").status_code == 200
    assert Algorithm.objects.get().label == "New"
    assert api.post(f"{one}/versions", {}, format="json").json()["code"] == 1007
    assert api.post(f"{one}/version", {}, format="json").json()["code"] == 1007
    assert api.delete(one).status_code == 403


@pytest.mark.parametrize("rest", ["", "/builds", "/versions", "/log", "/errors", "/scm/status"])
def test_what_may_not_be_seen_is_not_there(
    demo: User,
    make_user: Callable[[str], User],
    api_of: Callable[..., APIClient],
    python_environment: Environment,
    rest: str,
) -> None:
    private = make_algorithm(demo)
    stranger = api_of(make_user("stranger"))
    answers = [
        stranger.get(f"/v1/algorithms/{identifier}{rest}")
        for identifier in (private.id, uuid.uuid4())
    ]
    for answer in answers:
        assert (answer.status_code, answer.json()["code"]) == (404, 1009)


@pytest.mark.parametrize("identifier", HOSTILE)
def test_hostile_ids(api: APIClient, algorithm: Algorithm, identifier: str) -> None:
    assert api.get(f"/v1/algorithms/{identifier}").status_code in (404, 405)
    for rest in ("builds", "versions", f"versions/{identifier}", f"builds/{identifier}"):
        for one in (identifier, str(algorithm.id)):
            answer: Any = api.get(f"/v1/algorithms/{one}/{rest}")
            assert answer.status_code in (200, 404), (one, rest)


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("demo/Hello", ("demo", "Hello", "")),
        ("demo/Hello/", ("demo", "Hello", "")),
        ("demo/Hello/0.1.0", ("demo", "Hello", "0.1.0")),
        ("ID", ("", "", "", "ID")),
        ("ID/", ("", "", "", "ID")),
        ("ID/0.1.0", ("", "", "0.1.0", "ID")),
        ("ID/0.1.0/", ("", "", "0.1.0", "ID")),
    ],
)
def test_paths_of_calls(path: str, asked: tuple[str, ...]) -> None:
    identifier = uuid.uuid4()
    for text in (str(identifier), str(identifier).upper()):
        parsed = parse_path(PREFIX + path.replace("ID", text).encode())
        assert parsed == CalledVersion(*asked[:3], identifier if len(asked) == 4 else None)


@pytest.mark.parametrize(
    "path", ["", "/", "demo", "demo//x", "a/b/c/d", "x" * 5000, "%00", "0" * 32]
)
def test_paths_that_call_nothing(path: str) -> None:
    with pytest.raises(ApiError) as refused:
        parse_path(PREFIX + path.encode())
    assert refused.value.status == 404


def test_calls_are_resolved_alike(
    algorithm: Algorithm, demo: User, make_user: Callable[[str], User]
) -> None:
    sha = algorithm.builds.get().commit_sha
    owner, stranger = principal_of_user(demo), principal_of_user(make_user("stranger"))
    for version in ("", "0.1.0", "0.*", sha):
        by_name = resolve_call(owner, "demo", "Hello", version)
        assert resolve_call_by_id(owner, algorithm.id, version) == by_name
    assert resolve_call_by_id(stranger, algorithm.id, "").build_id
    for version in (sha, "latestPrivate", "9.9.9", "nonsense", "\x00"):
        with pytest.raises(ApiError) as refused:
            resolve_call_by_id(stranger, algorithm.id, version)
        assert refused.value.text == f"algorithm algo://{algorithm.id}/{version} not found"
