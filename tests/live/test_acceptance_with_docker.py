"""`make demo` as production has it: containers, and PostgreSQL and Redis of the operator's."""

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from algoport.containers.docker_runtime import connect
from algoport.containers.errors import RuntimeUnavailable
from tests.acceptance.crashes import CRASH_STEPS
from tests.acceptance.platform import Platform, running_platform
from tests.acceptance.steps import STEPS, Say
from tests.doubles.servers import ServerMissing, running_postgres, running_redis

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("external"), pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def platform() -> Iterator[Platform]:
    """Left out loudly, or with ALGOPORT_TEST_STRICT failed, where something is missing."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ap-out-")))
        folder.chmod(0o755)
        try:
            connect().close()
            database = stack.enter_context(running_postgres(folder / "postgres"))
            valkey = stack.enter_context(running_redis(folder))
        except (ServerMissing, RuntimeUnavailable) as exc:
            if os.environ.get("ALGOPORT_TEST_STRICT"):
                pytest.fail(str(exc))
            pytest.skip(str(exc))
        yield stack.enter_context(
            running_platform(
                DATABASE_URL=database.url, REDIS_URL=valkey.url, ALGOPORT_RUNTIME="docker"
            )
        )


@pytest.mark.parametrize("step", [*STEPS, *CRASH_STEPS], ids=lambda step: step.__name__)
def test_step(platform: Platform, step: Callable[[Platform, Say], None]) -> None:
    step(platform, print)


def test_runs_are_containers(platform: Platform) -> None:
    said = (platform.data.parent / "up.log").read_text()
    assert "isolation  docker: engine " in said
    client = connect()
    names = {runner for each in client.containers() for runner in each["Labels"]}
    client.close()
    assert "algoport.runner" in names and platform.sandboxes()
