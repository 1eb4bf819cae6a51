"""Which runtime isolates algorithms on this host."""

from pathlib import Path

from django.conf import settings

from algoport.containers.engine import Runtime
from algoport.containers.errors import RuntimeUnavailable
from algoport.containers.sandbox import SandboxRuntime

ENGINE_SOCKET = Path("/var/run/docker.sock")


def choose_runtime(run_dir: Path) -> Runtime:
    """The runtime that the settings want; of `auto` the engine's, where one answers.

    Raises RuntimeUnavailable when Docker is wanted and no engine answers.
    """
    state_dir = Path(settings.SERVICE_FOLDER) / "sandbox"
    wanted = settings.RUNTIME
    may_answer = bool(settings.DOCKER_ENGINE) or ENGINE_SOCKET.exists()
    if wanted == "docker" or (wanted == "auto" and may_answer):
        # Its libraries take memory that hosts without an engine have no use for.
        from algoport.containers.docker_runtime import DockerRuntime

        try:
            made = DockerRuntime(
                state_dir,
                run_dir,
                registry=settings.REGISTRY,
                oci_runtime=settings.DOCKER_RUNTIME,
            )
        except RuntimeUnavailable:
            if wanted == "docker":
                raise
        else:
            return made
    return SandboxRuntime(state_dir, run_dir)
