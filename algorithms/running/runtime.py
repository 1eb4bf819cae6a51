"""The runtime of this host and the environments that it can start."""

from functools import cache
from pathlib import Path

from django.conf import settings

from algoport.containers.engine import Image, Limits, Runtime
from algoport.containers.rootfs import build_environment
from algoport.containers.sandbox import SandboxRuntime
from algorithms.building.images import image_folder, packages_folder
from algorithms.environments.templates import RECIPES
from algorithms.models import Build

RUN_LIMITS = Limits()


@cache
def get_runtime() -> Runtime:
    return SandboxRuntime(
        state_dir=Path(settings.SERVICE_FOLDER) / "sandbox",
        run_dir=Path(settings.RUNNERS_FOLDER),
    )


@cache
def environment_root(recipe: str) -> Path:
    """Root file system of an environment, built by the first who asks for it."""
    folder = Path(settings.ENVIRONMENTS_FOLDER)
    folder.mkdir(parents=True, exist_ok=True)
    return build_environment(folder, recipe, RECIPES / recipe / "requirements.txt")


def image_of(build: Build) -> Image:
    """The image of a finished build, or of one far enough to be started."""
    return Image(
        environment=Path(settings.ENVIRONMENTS_FOLDER) / build.rootfs,
        source=image_folder(build.algorithm_id, build.id),
        packages=packages_folder(build.packages) if build.packages else None,
    )


def runner_environ(build: Build) -> dict[str, str]:
    return {"ALGORITHM_NAME": build.algorithm.name}
