"""What a runner may reach follows the setting it is started with."""

from collections.abc import Iterator, Sequence
from ipaddress import ip_address
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest

from algoport.accounts.models import User
from algoport.containers.egress_policy import PublicInternet
from algoport.containers.engine import Limits, RunnerSpec
from algoport.containers.errors import EgressRefused, RunnerStartFailed
from algoport.internet import Address
from algorithms.building.log import BuildLog
from algorithms.building.verification import verify_start
from algorithms.models import Build, Environment
from algorithms.running import registry, runtime, starting
from algorithms.running.program import program_of
from algorithms.tasks import start_runner_task
from tests.factories.algorithms import make_algorithm, make_build


class RecordingRuntime:
    """Starts nothing, and remembers what it was to start."""

    def __init__(self) -> None:
        self.specs: list[RunnerSpec] = []

    def expect(self, environment: Path, limits: Limits) -> None:
        pass

    def start_runner(self, spec: RunnerSpec) -> SimpleNamespace:
        self.specs.append(spec)
        return SimpleNamespace(
            id=spec.runner_id, agent_socket=Path("/a"), platform_socket=Path("/p")
        )


@pytest.fixture
def recording(monkeypatch: pytest.MonkeyPatch) -> RecordingRuntime:
    made = RecordingRuntime()
    monkeypatch.setattr(starting, "get_runtime", lambda: made)
    monkeypatch.setattr(starting, "_keeper", starting.RunnerKeeper("a runtime"))
    return made


@pytest.fixture
def fresh_policy() -> Iterator[None]:
    runtime._internet.cache_clear()
    yield
    runtime._internet.cache_clear()


@pytest.fixture
def build(demo: User, python_environment: Environment) -> Build:
    return make_build(make_algorithm(demo, network_access="full"))


def started(build: Build, network_access: str) -> dict[str, str]:
    runner_id = uuid4().hex[:20]
    program = program_of(build, network_access)
    start_runner_task(runner_id, program.as_message(), "gateway")
    message = registry.worker_connection().lpop(registry.started_key(runner_id))
    answer: dict[str, str] = registry.decode(message)
    return answer


def test_a_runner_gets_the_network_that_is_asked_for(
    build: Build, recording: RecordingRuntime
) -> None:
    started(build, "isolated")
    started(build, "full")
    assert [type(spec.egress) for spec in recording.specs] == [type(None), PublicInternet]


def test_an_unknown_network_access_starts_nothing(
    build: Build, recording: RecordingRuntime
) -> None:
    assert "'open'" in started(build, "open")["error"]
    assert recording.specs == []


@pytest.mark.parametrize(("access", "kind"), [("full", PublicInternet), ("isolated", type(None))])
def test_a_build_is_verified_with_the_network_of_its_algorithm(
    build: Build, access: str, kind: type
) -> None:
    class FailingRuntime(RecordingRuntime):
        def start_runner(self, spec: RunnerSpec) -> SimpleNamespace:
            super().start_runner(spec)
            raise RunnerStartFailed("no")

    build.algorithm.network_access = access
    failing = FailingRuntime()
    assert "did not start" in verify_start(build, failing, BuildLog(build))  # type: ignore[arg-type]
    assert type(failing.specs[0].egress) is kind


def test_the_platform_itself_is_never_reached(
    fresh_policy: None, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(settings.DATABASES["default"], "HOST", "db.example")
    settings.REDIS_URL = "rediss://:secret@broker.example:6380/0"
    settings.ALGOPORT_URL = "https://algoport.example"
    table = {
        "db.example": "1.2.3.4",
        "broker.example": "1.2.3.5",
        "algoport.example": "1.2.3.7",
        "other.example": "1.2.3.6",
    }

    def look_up(host: str) -> Sequence[Address]:
        return [ip_address(table[host])]

    policy = runtime.egress_of("full")
    assert policy is not None
    assert policy.find_addresses("other.example", 443, look_up) == [ip_address("1.2.3.6")]
    for host in ("db.example", "broker.example", "algoport.example"):
        with pytest.raises(EgressRefused, match="of the platform"):
            policy.find_addresses(host, 443, look_up)


def test_an_embedded_database_has_no_address(fresh_policy: None, settings: Any) -> None:
    assert settings.DATABASES["default"]["HOST"].startswith("/")

    def look_up(host: str) -> Sequence[Address]:
        assert host in ("other.example", "127.0.0.1")
        return [ip_address("1.2.3.6" if host == "other.example" else host)]

    policy = runtime.egress_of("full")
    assert policy is not None and policy.find_addresses("other.example", 443, look_up)
