"""The platform's own processes: web, worker and beat."""

import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from algoport.launcher.processes import Program

QUEUES = f"builds,{settings.RUNNERS_QUEUE},calls,periodic"


@dataclass(frozen=True)
class Folders:
    """Where programs run: the source, the data, what is this host's own of it, the metrics."""

    root: Path
    data: Path
    host: Path
    metrics: Path

    def log(self, name: str) -> Path:
        return self.host / "logs" / f"{name}.log"


def child_environ(name: str, data: Path, metrics: Path) -> dict[str, str]:
    """The environment of our children: ours, and what does not depend on our folder."""
    environ = dict(os.environ)
    # Without byte code every start would compile everything again.
    environ.pop("PYTHONDONTWRITEBYTECODE", None)
    # A relative path would mean another folder in there.
    environ["ALGOPORT_DATA"] = str(data)
    environ["ALGOPORT_PROCESS"] = name
    environ["PROMETHEUS_MULTIPROC_DIR"] = str(metrics)
    return environ


def web_program(folders: Folders, listener: int) -> Program:
    """gunicorn, on the socket that the launcher listens on."""
    command = ("gunicorn", "-c", "gunicorn.conf.py", "--bind", f"fd://{listener}")
    return Program(
        name="web",
        command=(sys.executable, "-m", *command, "algoport.asgi:application"),
        folder=folders.root,
        environ=child_environ("web", folders.data, folders.metrics),
        log=folders.log("web"),
        grace_seconds=settings.DRAIN_SECONDS + 5.0,
        inherited=(listener,),
    )


def worker_program(folders: Folders, threads: int, log_level: str) -> Program:
    """Celery with a thread pool; one worker per platform, so nothing to gossip about."""
    # Django's checks, which are for developers, load every page: 20 MiB that a worker does not use.
    environ = child_environ("worker", folders.data, folders.metrics)
    environ["CELERY_SKIP_CHECKS"] = "1"
    return Program(
        name="worker",
        command=(
            *(sys.executable, "-m", "celery", "-A", "algoport", "--quiet", "worker"),
            *("--pool", "threads"),
            *("--concurrency", str(threads), "-Q", QUEUES, "--loglevel", log_level),
            *("--without-gossip", "--without-mingle", "--without-heartbeat"),
        ),
        folder=folders.root,
        environ=environ,
        log=folders.log("worker"),
        # A build in the middle is taken up again by the next start.
        grace_seconds=settings.DRAIN_SECONDS + 2.0,
        # Anything gentler waits for its threads, and builds may take half an hour.
        orphan_signal=signal.SIGKILL,
    )


def beat_program(folders: Folders, log_level: str) -> Program:
    """Celery's clock."""
    return Program(
        name="beat",
        command=(
            *(sys.executable, "-m", "celery", "-A", "algoport.beat", "--quiet", "beat"),
            *("--pidfile", ""),
            *("--schedule", str(folders.host / "beat" / "schedule"), "--loglevel", log_level),
        ),
        folder=folders.root,
        environ=child_environ("beat", folders.data, folders.metrics),
        log=folders.log("beat"),
    )
