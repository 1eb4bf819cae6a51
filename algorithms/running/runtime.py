"""The runtime of this host and the environments that it can start."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings

from algoport.containers.base_image import describe_environment
from algoport.containers.choice import choose_runtime
from algoport.containers.egress_policy import EgressPolicy, PublicInternet
from algoport.containers.engine import Image, Limits, RunnerSpec, Runtime
from algoport.containers.rootfs import build_environment, root_folder
from algorithms.building.images import image_folder, packages_folder
from algorithms.constants import MachineType, NetworkAccess
from algorithms.environments.templates import RECIPES, list_recipes
from algorithms.models import Environment
from algorithms.running.program import Program

RUN_LIMITS = Limits(cpus=settings.RUN_CPUS)


@cache
def get_runtime() -> Runtime:
    """The one of this process. Raises RuntimeUnavailable."""
    return choose_runtime(Path(settings.RUNNERS_FOLDER))


def egress_of(network_access: str) -> EgressPolicy | None:
    """What a runner with this setting may connect to; None for nothing at all."""
    return _internet() if NetworkAccess(network_access) is NetworkAccess.FULL else None


@cache
def _internet() -> PublicInternet:
    # Where these are elsewhere or behind a router, no interface of this machine tells of them.
    database = settings.DATABASES["default"].get("HOST") or ""
    urls = (settings.REDIS_URL, settings.CELERY_BROKER_URL, settings.ALGOPORT_URL)
    hosts = [*database.split(","), *(urlsplit(url).hostname or "" for url in urls)]
    return PublicInternet([host for host in hosts if host and not host.startswith("/")])


@cache
def environment_root(recipe: str) -> Path:
    """Root file system of an environment, built by the first who asks for it."""
    folder = Path(settings.ENVIRONMENTS_FOLDER)
    folder.mkdir(parents=True, exist_ok=True)
    return build_environment(folder, recipe, RECIPES / recipe / "requirements.txt")


def environment_folder(environment: Environment) -> Path:
    """What builds in the environment start from: its root file system, or what its image is."""
    if not environment.base_image:
        return environment_root(environment.recipe)
    folder, recipe = Path(settings.ENVIRONMENTS_FOLDER), RECIPES / environment.recipe
    folder.mkdir(parents=True, exist_ok=True)
    return describe_environment(folder, environment.name, environment.base_image, recipe)


def built_environments() -> list[Path]:
    """The root file systems of the environments that this host has built."""
    folder = Path(settings.ENVIRONMENTS_FOLDER)
    roots = [
        root_folder(folder, name, RECIPES / name / "requirements.txt") for name in list_recipes()
    ]
    return [root for root in roots if root.exists()]


def image_of(program: Program) -> Image:
    """The image of a finished build, or of one far enough to be started."""
    return Image(
        environment=Path(settings.ENVIRONMENTS_FOLDER) / program.rootfs,
        source=image_folder(program.algorithm_id, program.build_id),
        packages=packages_folder(program.packages) if program.packages else None,
    )


def runner_spec(runner_id: str, program: Program, environ: Mapping[str, str]) -> RunnerSpec:
    """A runner of the program; `environ` is added to what its algorithm finds anyway."""
    return RunnerSpec(
        runner_id,
        image_of(program),
        RUN_LIMITS,
        {"ALGORITHM_NAME": program.name, **environ},
        egress_of(program.network_access),
        needs_gpu=program.machine == MachineType.GPU,
    )
