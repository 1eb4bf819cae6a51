"""Removing from this host's engine the images that nobody will start any more."""

import logging
import threading

from django.db import Error

from algoport.containers.engine import Runtime
from algoport.containers.errors import RuntimeUnavailable
from algoport.db.threads import await_database
from algorithms.models import Build

logger = logging.getLogger(__name__)

PRUNE_SECONDS = 3600.0


def kept_images() -> tuple[frozenset[str], frozenset[str]]:
    """The builds that may be started soon, and their packages, as `Runtime.prune` takes them.

    What is asked for nevertheless, an old commit by its hash say, is made again of its folders.
    """
    rows = list(Build.objects.worth_an_image().values_list("id", "packages"))
    builds = frozenset(str(build_id) for build_id, _ in rows)
    return builds, frozenset(packages for _, packages in rows if packages)


class ImagePruner(threading.Thread):
    """Prunes at the start of a worker and each hour; each host has an engine of its own."""

    def __init__(self, runtime: Runtime) -> None:
        super().__init__(name="image-pruner", daemon=True)
        self._runtime = runtime
        self._stopping = threading.Event()

    def run(self) -> None:
        self._prune()
        while not self._stopping.wait(PRUNE_SECONDS):
            self._prune()

    def stop(self) -> None:
        self._stopping.set()

    def _prune(self) -> None:
        try:
            count = self._runtime.prune(*await_database(kept_images))
        except (Error, RuntimeUnavailable) as exc:
            logger.warning("images are not pruned this time: %s", exc)
        else:
            if count:
                logger.info("removed %d images that nobody will start any more", count)
