"""Leases, settling and logs of builds, without a sandbox."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from pytest_django import Settings

from algoport.accounts.models import User
from algoport.containers.errors import RuntimeUnavailable
from algorithms.building import work
from algorithms.building.director import BuildStepFailed, read_requirements
from algorithms.building.leases import LeaseLost, finish, take_build
from algorithms.building.log import BuildLog
from algorithms.building.pruning import kept_images
from algorithms.constants import BUILD_ATTEMPTS, BuildState
from algorithms.models import Build, Environment
from algorithms.querysets import SUPERSEDED_AFTER
from algorithms.running.hosts import Capacity, WorkerHost
from algorithms.selectors import read_log
from tests.factories.algorithms import make_algorithm, make_build, make_version

pytestmark = pytest.mark.django_db


@pytest.fixture
def build(demo: User, python_environment: Environment) -> Build:
    return make_build(make_algorithm(demo), BuildState.IN_PROGRESS, log="")


def expire(build: Build) -> None:
    past = timezone.now() - timedelta(seconds=1)
    Build.objects.filter(pk=build.pk).update(lease_expires_at=past)


class FailingDirector:
    error: Exception = BuildStepFailed("no reason")

    def __init__(self, *arguments: object) -> None:
        pass

    def run(self) -> None:
        raise self.error


def test_a_build_is_taken_by_one_worker_until_its_lease_ends(build: Build) -> None:
    first = take_build(build.id)
    assert first is not None and first.attempt == 1
    assert take_build(build.id) is None
    expire(build)
    second = take_build(build.id)
    assert second is not None and second.attempt == 2
    with pytest.raises(LeaseLost):
        finish(first, BuildState.SUCCEEDED)
    stale = BuildLog(first)
    with pytest.raises(LeaseLost):
        stale.line("from the dead")
    BuildLog(second).line("from the living")
    finish(second, BuildState.SUCCEEDED)
    build.refresh_from_db()
    assert build.state == BuildState.SUCCEEDED and read_log(build) == "from the living\n"
    assert take_build(build.id) is None


def test_a_build_whose_workers_are_lost_fails(build: Build) -> None:
    for _ in range(BUILD_ATTEMPTS):
        assert take_build(build.id) is not None
        expire(build)
    work.perform_build(build.id)
    build.refresh_from_db()
    assert build.state == BuildState.FAILED and build.error == work.LOST_WORKER


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (BuildStepFailed("compiling ended with exit code 1"), "compiling ended with exit code 1"),
        (KeyError("a secret detail"), "the platform could not finish the build"),
    ],
)
def test_every_failure_settles_the_build(
    build: Build, monkeypatch: pytest.MonkeyPatch, error: Exception, said: str
) -> None:
    monkeypatch.setattr(FailingDirector, "error", error)
    monkeypatch.setattr(work, "BuildDirector", FailingDirector)
    work.perform_build(build.id)
    build.refresh_from_db()
    assert build.state == BuildState.FAILED and build.error.startswith(said)
    assert "secret" not in read_log(build)


def test_without_isolation_nothing_is_built(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    class NoRuntime:
        def check(self) -> str:
            raise RuntimeUnavailable("no user namespaces")

    monkeypatch.setattr(work, "get_runtime", NoRuntime)
    monkeypatch.setattr("algorithms.building.director.environment_folder", lambda row: None)
    work.perform_build(build.id)
    build.refresh_from_db()
    assert build.error == "the platform's machine cannot isolate algorithms"


def test_what_needs_a_graphics_card_is_refused_where_there_is_none(
    build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    class NoCard:
        def check(self) -> str:
            return "a runtime"

        def why_no_gpu(self) -> str:
            return "this host has no graphics card"

    monkeypatch.setattr(work, "get_runtime", NoCard)
    monkeypatch.setattr("algorithms.building.director.environment_folder", lambda row: None)
    Environment.objects.filter(pk=build.environment_id).update(machine_type="gpu")
    work.perform_build(build.id)
    build.refresh_from_db()
    assert "needs a graphics card, and this host has no graphics card" in build.error


def test_an_own_base_image_is_refused_where_there_is_no_docker(
    build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    class OnlyThisMachine:
        def check(self) -> str:
            return "a runtime"

        def why_no_base_image(self) -> str:
            return "this host has no Docker"

    monkeypatch.setattr(work, "get_runtime", OnlyThisMachine)
    Environment.objects.filter(pk=build.environment_id).update(base_image="nobody.example/cuda:12")
    work.perform_build(build.id)
    build.refresh_from_db()
    assert "is made of nobody.example/cuda:12, and this host has no Docker" in build.error


def test_a_build_waits_for_a_host_that_can_make_it(
    build: Build, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    settings.HOST_ID = "here"
    monkeypatch.setattr(work, "BuildDirector", FailingDirector)
    told: list[WorkerHost] = []
    monkeypatch.setattr(work, "read_workers_at_once", lambda: told)
    Environment.objects.filter(pk=build.environment_id).update(base_image="python:3")
    for host, runtime in (("here", "sandbox"), ("there", "docker")):
        told.append(WorkerHost(host, host, "", "", Capacity(runtime, 1, 1, 0, 0, 1)))
    work.perform_build(build.id)
    build.refresh_from_db()
    assert (build.state, build.attempt) == (BuildState.IN_PROGRESS, 0)
    # Where nobody can, whoever is asked says why.
    del told[1]
    work.perform_build(build.id)
    build.refresh_from_db()
    assert build.state == BuildState.FAILED


def test_images_are_kept_for_what_may_be_called(
    build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    algorithm = build.algorithm
    published = make_version(algorithm).build
    superseded, newest = make_build(algorithm), make_build(algorithm, packages="f" * 40)
    failed = make_build(algorithm, BuildState.FAILED)
    young = {build, published, superseded, newest, failed}
    assert kept_images() == ({str(each.pk) for each in young}, {"f" * 40})
    later = timezone.now() + SUPERSEDED_AFTER + timedelta(minutes=1)
    monkeypatch.setattr("algorithms.querysets.timezone.now", lambda: later)
    assert kept_images() == ({str(each.pk) for each in (published, newest)}, {"f" * 40})


def test_waiting_builds_are_sent_again(
    build: Build,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sent: list[object] = []
    monkeypatch.setattr("algorithms.receivers.build_algorithm_task.delay", sent.append)
    assert work.wake_waiting_builds() == 1
    take_build(build.id)
    assert work.wake_waiting_builds() == 0
    expire(build)
    assert work.wake_waiting_builds() == 1
    assert sent == [str(build.id)] * 2


def test_logs_keep_split_characters_and_have_an_end(build: Build) -> None:
    taken = take_build(build.id)
    assert taken is not None
    log = BuildLog(taken)
    encoded = "\N{SNOWMAN}\x00".encode()
    log.output(encoded[:1])
    log.output(encoded[1:])
    log.output(b"x" * 5_000_000)
    log.flush()
    text = read_log(build)
    assert text.startswith("\N{SNOWMAN}\N{REPLACEMENT CHARACTER}x")
    assert len(text) < 4_200_000 and "too long" in text


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", []),
        ("# only\n\n  # comments\n", []),
        ("a\n b # why\nc#d\n", ["a", "b", "c#d"]),
    ],
)
def test_requirements(tmp_path: Path, text: str, lines: list[str]) -> None:
    path = tmp_path / "requirements.txt"
    path.write_text(text)
    assert read_requirements(path) == lines
    assert read_requirements(path.with_name("missing")) == []


def test_an_owner_builds_a_few_at_once_and_the_rest_waits(
    demo: User, python_environment: Environment
) -> None:
    algorithm = make_algorithm(demo)
    builds = [make_build(algorithm, BuildState.IN_PROGRESS) for _ in range(3)]
    taken = [take_build(build.id) for build in builds]
    assert [build is not None for build in taken] == [True, True, False]
    assert taken[0] is not None
    finish(taken[0], BuildState.FAILED, error="x")
    assert take_build(builds[2].id) is not None


def test_only_a_build_that_was_done_wakes_others(
    build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[object] = []
    monkeypatch.setattr("algorithms.receivers.build_algorithm_task.delay", sent.append)
    monkeypatch.setattr(work, "BuildDirector", FailingDirector)
    waiting = make_build(build.algorithm, BuildState.IN_PROGRESS)
    assert take_build(build.id) is not None
    work.perform_build(build.id)
    assert sent == []
    work.perform_build(waiting.id)
    assert sent == []
    more = make_build(build.algorithm, BuildState.IN_PROGRESS)
    last = make_build(build.algorithm, BuildState.IN_PROGRESS)
    work.perform_build(more.id)
    assert sent == [str(last.id)]
