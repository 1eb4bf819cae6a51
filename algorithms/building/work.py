"""Working off builds, and finding the ones whose worker was lost."""

import logging
import threading
from uuid import UUID

import redis
from django.conf import settings

from algoport import metrics
from algorithms.building.aftermath import fail, read_readme, succeed
from algorithms.building.director import BuildDirector, BuildStepFailed
from algorithms.building.leases import (
    LeaseLost,
    kept_lease,
    one_build_at_a_time,
    take_build,
)
from algorithms.building.log import BuildLog
from algorithms.building.signals import build_requested
from algorithms.constants import BUILD_ATTEMPTS, MOST_BUILDS, MachineType
from algorithms.models import Build, Environment
from algorithms.running.hosts import read_workers_at_once
from algorithms.running.runtime import get_runtime

logger = logging.getLogger(__name__)

LOST_WORKER = "the worker that built it was lost"


_places = threading.BoundedSemaphore(MOST_BUILDS)


def perform_build(build_id: UUID) -> None:
    """Build it, if it is waiting for a worker and there is a place for it.

    The row ends as succeeded or failed. Without a place it goes on waiting, in the database and
    not in a thread; whoever ends a build wakes those that wait.
    """
    if not _places.acquire(blocking=False):
        return
    try:
        built = _perform(build_id)
    finally:
        _places.release()
    if built:
        wake_waiting_builds()


def _perform(build_id: UUID) -> bool:
    """Whether the build was this worker's to do."""
    if _is_for_others(build_id):
        return False
    build = take_build(build_id)
    if build is None:
        return False
    log = BuildLog(build)
    try:
        with kept_lease(build):
            _settle(build, log)
    except LeaseLost:
        metrics.builds.count("lost")
        logger.warning("build %s was taken over by another attempt", build.id)
    return True


def _is_for_others(build_id: UUID) -> bool:
    """Whether another host has what the environment needs, and this one has not.

    The build then waits until it is woken where it can be made; where none can, it fails here.
    """
    rows = Environment.objects.filter(build=build_id)
    environment = rows.exclude(base_image="", machine_type=MachineType.CPU).first()
    if environment is None:
        return False
    needs = (environment.machine_type, environment.base_image)
    try:
        workers = read_workers_at_once()
    except redis.RedisError as exc:
        logger.warning("cannot see which hosts could make build %s: %s", build_id, exc)
        return False
    here = [each for each in workers if each.host_id == settings.HOST_ID]
    return not any(each.capacity.has(*needs) for each in here) and any(
        each.capacity.has(*needs) for each in workers
    )


def _settle(build: Build, log: BuildLog) -> None:
    address = f"{build.algorithm}/{build.commit_sha}"
    if build.attempt > BUILD_ATTEMPTS:
        log.line(f"Build failed: {LOST_WORKER}")
        fail(build, LOST_WORKER)
        metrics.builds.count("failed")
        return
    if build.attempt > 1:
        log.line("The worker was lost; building again.")
    try:
        with one_build_at_a_time(build):
            BuildDirector(build, get_runtime(), log).run()
    except BuildStepFailed as exc:
        log.line(f"Build failed: {exc}")
        fail(build, str(exc))
        metrics.builds.count("failed")
    except LeaseLost:
        raise
    except Exception:
        # The outermost frame of a build: its owner learns that it ended, the log has the reason.
        logger.exception("build %s failed in the platform", build.id)
        error = (
            "the platform could not finish the build; its administrator finds the reason in the log"
        )
        log.line(f"Build failed: {error}")
        fail(build, error)
        metrics.builds.count("platform_error")
    else:
        readme = read_readme(build)
        log.line(f"Build successful for algo://{address}")
        succeed(build, readme)
        metrics.builds.count("succeeded")


def wake_waiting_builds() -> int:
    """Send again for builds that wait and that no worker holds; how many there are.

    A message in the broker may be lost; the row is the truth (design.md 7).
    """
    waiting = list(Build.objects.without_worker().values_list("id", flat=True)[:100])
    for build_id in waiting:
        build_requested.send(Build, build_id=build_id)
    return len(waiting)
