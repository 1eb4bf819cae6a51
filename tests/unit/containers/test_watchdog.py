"""The watchdog outlives what it meets, and groups of dead runtimes are removed."""

import logging
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from algoport.containers import cgroups
from algoport.containers.engine import (
    BuildStep,
    Image,
    Limits,
    Runner,
    RunnerSpec,
    Runtime,
    StepResult,
)
from algoport.containers.errors import WatchIncomplete


class WatchedRuntime(Runtime):
    """Fails to look twice, in two ways."""

    name = "watched"

    def __init__(self) -> None:
        super().__init__()
        self.failures: list[Exception] = [WatchIncomplete("sandbox x: stuck"), ValueError("odd")]
        self.looked = threading.Event()

    def watch(self) -> None:
        if self.failures:
            raise self.failures.pop(0)
        self.looked.set()

    def check(self) -> str:
        raise NotImplementedError

    def expect(self, environment: Path, limits: Limits) -> None:
        raise NotImplementedError

    def why_no_gpu(self) -> str:
        raise NotImplementedError

    def why_no_base_image(self) -> str:
        raise NotImplementedError

    def seal(self, image: Image, labels: Mapping[str, str]) -> None:
        raise NotImplementedError

    def prune(self, builds: frozenset[str], packages: frozenset[str]) -> int:
        raise NotImplementedError

    def start_runner(self, spec: RunnerSpec) -> Runner:
        raise NotImplementedError

    def run_step(self, step: BuildStep, on_output: Callable[[bytes], None]) -> StepResult:
        raise NotImplementedError

    def reap_leftovers(self) -> int:
        raise NotImplementedError


def test_the_watchdog_goes_on_after_an_error(caplog: pytest.LogCaptureFixture) -> None:
    runtime = WatchedRuntime()
    with caplog.at_level(logging.ERROR):
        runtime.start_watchdog(0.001)
        assert runtime.looked.wait(10)
        runtime.stop_watchdog()
    assert "sandbox x: stuck" in caplog.text and "ValueError: odd" in caplog.text


@pytest.fixture
def own_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    """A place of this test's own for groups, where it may make any."""
    monkeypatch.setattr(cgroups, "FOLDER", "algoport-test")
    if cgroups.make_group("probe", "x") is None:
        pytest.skip("this machine lets nobody make control groups here")
    cgroups.remove_groups("probe")


def test_empty_groups_are_removed(own_groups: None) -> None:
    group = cgroups.make_group("gone", "sandbox")
    assert group is not None
    found = cgroups.parents()
    assert found is not None
    cgroups.remove_abandoned(older_than=60)
    assert all((parent / "gone" / "sandbox").is_dir() for parent in found[0]), "it is in use yet"
    cgroups.remove_abandoned(older_than=-1)
    assert not any((parent / "gone").exists() for parent in found[0])
    for parent in found[0]:
        parent.rmdir()
