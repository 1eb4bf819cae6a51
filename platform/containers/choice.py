"""Which runtime isolates algorithms on this host."""

from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from algoport.containers.engine import Runtime
from algoport.containers.errors import RuntimeUnavailable
from algoport.containers.sandbox import SandboxRuntime

ENGINE_SOCKET = Path("/var/run/docker.sock")


@dataclass(frozen=True)
class Choice:
    """What the settings say: `wanted` is auto, docker or sandbox.

    `engine` is the address of a Docker engine, "" for the usual socket; `registry` and
    `oci_runtime` as DockerRuntime takes them.
    """

    wanted: str
    engine: str = ""
    registry: str = ""
    oci_runtime: str = ""


def runtime_choice() -> Choice:
    """As the settings say."""
    return Choice(
        settings.RUNTIME, settings.DOCKER_ENGINE, settings.REGISTRY, settings.DOCKER_RUNTIME
    )


def choose_runtime(choice: Choice, state_dir: Path, run_dir: Path) -> Runtime:
    """The runtime that is wanted; of `auto` the engine's, where one answers and can isolate.

    Raises RuntimeUnavailable when Docker is wanted and no engine answers.
    """
    may_answer = bool(choice.engine) or ENGINE_SOCKET.exists()
    if choice.wanted == "docker" or (choice.wanted == "auto" and may_answer):
        # Its libraries take memory that hosts without an engine have no use for.
        from algoport.containers.docker_runtime import DockerRuntime

        try:
            made = DockerRuntime(
                state_dir, run_dir, registry=choice.registry, oci_runtime=choice.oci_runtime
            )
        except RuntimeUnavailable:
            if choice.wanted == "docker":
                raise
        else:
            return made
    return SandboxRuntime(state_dir, run_dir)
