"""Publishing and listing versions through /v1."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from rest_framework.test import APIClient

from algoport.accounts.authentication import principal_of_user
from algoport.accounts.models import User
from algoport.errors import NotAuthorized
from algorithms.constants import BuildState
from algorithms.errors import CalledAlgorithmNotFound
from algorithms.models import Algorithm, Build, Environment, Version
from algorithms.selectors import resolve_call
from tests.factories.algorithms import make_algorithm, make_build, make_version

pytestmark = pytest.mark.django_db
BASE = "/v1/algorithms/demo/Hello/versions"


def publish(api: APIClient, kind: str | None = None, callability: str = "public") -> Any:
    info = {"version_type": kind} if kind else {}
    settings = {"algorithm_callability": callability}
    return api.post(BASE, {"settings": settings, "version_info": info}, format="json")


def test_publish(api: APIClient, demo: User) -> None:
    algorithm = make_algorithm(demo)
    build = make_build(algorithm)
    given = {
        "settings": {"algorithm_callability": "public"},
        "version_info": {
            "version_type": "minor",
            "release_notes": "A few bug fixes.",
            "sample_input": "42",
        },
    }
    answer = api.post(BASE, given, format="json")
    assert answer.status_code == 200
    version = answer.json()
    assert version["version_info"] | {"version_uuid": ""} == {
        "git_hash": build.commit_sha,
        "semantic_version": "0.1.0",
        "release_notes": "A few bug fixes.",
        "sample_input": "42",
        "version_uuid": "",
    }
    assert version["settings"]["algorithm_callability"] == "public"
    assert version["build"]["version_info"] == {"semantic_version": "0.1.0"}
    assert version["compilation"]["successful"] is True


@pytest.mark.parametrize(
    ("kinds", "number"),
    [
        ([None], "0.1.0"),
        (["minor"], "0.1.0"),
        (["major"], "1.0.0"),
        (["minor", "patch"], "0.1.1"),
        (["minor", "revision", "revision"], "0.1.2"),
        (["minor", "minor"], "0.2.0"),
        (["minor", "patch", "minor"], "0.2.0"),
        (["minor", "patch", "major"], "1.0.0"),
        (["major", "default"], "1.1.0"),
    ],
)
def test_numbers(api: APIClient, demo: User, kinds: list[str | None], number: str) -> None:
    algorithm = make_algorithm(demo)
    for kind in kinds:
        make_build(algorithm)
        answer = publish(api, kind)
    assert answer.json()["version_info"]["semantic_version"] == number


def test_only_the_newest_successful_build_once(api: APIClient, demo: User) -> None:
    algorithm = make_algorithm(demo)
    assert publish(api).json()["code"] == 1007
    first = make_build(algorithm)
    newest = make_build(algorithm)
    make_build(algorithm, BuildState.FAILED)
    assert publish(api).json()["version_info"]["git_hash"] == newest.commit_sha
    again = publish(api)
    assert again.status_code == 409 and again.json()["code"] == 1007
    given = {"version_info": {"git_hash": first.commit_sha}}
    assert api.post(BASE, given, format="json").json()["code"] == 1007
    # Compiling the same commit again allows another version of it (wire.md 5).
    make_build(algorithm, sha=newest.commit_sha)
    assert publish(api).json()["version_info"]["semantic_version"] == "0.2.0"


def test_bad_publications(api: APIClient, demo: User) -> None:
    make_build(make_algorithm(demo))
    assert publish(api, "tiny").json()["code"] == 6001
    assert publish(api, "minor", "some").json()["code"] == 6001
    assert not Version.objects.exists()


def test_what_can_never_be_is_said_before_what_cannot_be_now(api: APIClient, demo: User) -> None:
    make_version(make_algorithm(demo))
    refused = api.post(BASE, {"settings": {"license": "mit"}}, format="json")
    assert refused.status_code == 400 and "only the license apl" in refused.json()["message"]
    algorithm = Algorithm.objects.get()
    assert (algorithm.license, algorithm.versions.count()) == ("apl", 1)
    assert api.post(BASE, {"settings": {"license": "apl"}}, format="json").status_code == 409


def test_the_singular_route_publishes_too(api: APIClient, demo: User) -> None:
    make_build(make_algorithm(demo))
    answer = api.post("/v1/algorithms/demo/Hello/version", {}, format="json")
    assert answer.json()["settings"]["algorithm_callability"] == "private"


def test_filters(api: APIClient, demo: User) -> None:
    algorithm = make_algorithm(demo)
    make_version(algorithm, "public")
    make_version(algorithm, "private")
    make_build(algorithm)

    def shown(query: str) -> list[str | None]:
        results = api.get(BASE + query).json()["results"]
        return [version["version_info"].get("semantic_version") for version in results]

    assert shown("") == [None, "1.0.0", "0.1.0"]
    assert shown("?published=true") == ["1.0.0", "0.1.0"]
    assert shown("?published=False") == [None]
    assert shown("?callable=true") == ["0.1.0"]
    assert shown("?callable=false") == ["1.0.0"]


def test_strangers_see_public_versions_only(
    api: APIClient,
    demo: User,
    make_user: Callable[[str], User],
    api_of: Callable[..., APIClient],
) -> None:
    algorithm = make_algorithm(demo)
    public = make_version(algorithm, "public")
    private = make_version(algorithm, "private")
    stranger = api_of(make_user("stranger"))
    results = stranger.get(BASE).json()["results"]
    assert [version["version_info"]["semantic_version"] for version in results] == ["0.1.0"]
    assert stranger.get(f"{BASE}/{public.build.commit_sha}").status_code == 200
    missing = stranger.get(f"{BASE}/{private.build.commit_sha}")
    assert missing.status_code == 404 and missing.json()["code"] == 1014
    assert api.get(f"{BASE}/{private.build.commit_sha}").status_code == 200


def test_versions_and_ended_builds_cannot_be_changed(
    demo: User, python_environment: Environment
) -> None:
    algorithm = make_algorithm(demo)
    version = make_version(algorithm)
    for change in (
        lambda: Version.objects.filter(pk=version.pk).update(callability="private"),
        lambda: Build.objects.filter(pk=version.build_id).update(commit_sha="0" * 40),
    ):
        with pytest.raises(IntegrityError, match="immutable"), transaction.atomic():
            change()


def test_resolution(
    demo: User, make_user: Callable[[str], User], python_environment: Environment
) -> None:
    algorithm = make_algorithm(demo)
    made = {
        str(version): version
        for version in (
            make_version(algorithm, "public"),
            make_version(algorithm, "public", "patch"),
            make_version(algorithm, "public", "minor"),
            make_version(algorithm, "private", "major"),
            make_version(algorithm, "private", "patch"),
        )
    }
    unpublished = make_build(algorithm)
    owner, stranger = principal_of_user(demo), principal_of_user(make_user("stranger"))
    by_number = {number: version.build_id for number, version in made.items()}
    for text, number in (
        ("", "0.2.0"),
        ("latest", "0.2.0"),
        ("0.1", "0.1.1"),
        ("0.1.*", "0.1.1"),
        ("0.*", "0.2.0"),
        ("0", "0.2.0"),
        ("0.1.0", "0.1.0"),
    ):
        for principal in (owner, stranger):
            target = resolve_call(principal, "DEMO", "hello", text)
            assert target.build_id == by_number[number], text
    for text, build_id in (
        ("latestPrivate", by_number["1.0.1"]),
        ("1.0.0", by_number["1.0.0"]),
        (unpublished.commit_sha, unpublished.id),
        (made["0.1.0"].build.commit_sha, by_number["0.1.0"]),
    ):
        assert resolve_call(owner, "demo", "Hello", text).build_id == build_id
        with pytest.raises(CalledAlgorithmNotFound):
            resolve_call(stranger, "demo", "Hello", text)
    for text in ("1", "1.*", "9.9.9", "nonsense", "f" * 40):
        with pytest.raises(CalledAlgorithmNotFound) as caught:
            resolve_call(owner, "demo", "Hello", text)
        assert caught.value.text == f"algorithm algo://demo/Hello/{text} not found"


def test_a_version_keeps_its_network_and_a_commit_has_the_algorithms(
    demo: User, python_environment: Environment
) -> None:
    algorithm = make_algorithm(demo, network_access="full")
    version = make_version(algorithm)
    Algorithm.objects.filter(pk=algorithm.pk).update(network_access="isolated")
    owner = principal_of_user(demo)
    by_number = resolve_call(owner, "demo", "Hello", "0.1.0")
    by_commit = resolve_call(owner, "demo", "Hello", version.build.commit_sha)
    assert by_number.build_id == by_commit.build_id
    assert (by_number.network_access, by_commit.network_access) == ("full", "isolated")


def test_a_keys_patterns_limit_what_it_calls(demo: User, python_environment: Environment) -> None:
    from dataclasses import replace

    make_version(make_algorithm(demo))
    everything = principal_of_user(demo)
    narrow = replace(everything, scopes=replace(everything.scopes, algo_acl=("algo://demo/X",)))
    with pytest.raises(NotAuthorized):
        resolve_call(narrow, "demo", "Hello", "")
