"""What a start does before the platform can answer; runs in a process of its own."""

import io
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg2
from django.conf import settings
from django.core.management import call_command
from django.db import OperationalError, connection
from django.db.migrations.executor import MigrationExecutor

from algoport.containers.choice import choose_runtime, runtime_choice
from algoport.containers.errors import EnvironmentBuildFailed, RuntimeUnavailable
from algoport.launcher.errors import StartRefused
from algoport.launcher.postgres import DATABASE, SUPERUSER

# Known to nobody else in the database.
_LOCK = 0x616C676F706F7274


def prepare_database(sockets: str | None) -> int:
    """Bring the tables up to date and see that there are accounts; the exit status.

    `sockets` is the folder of the embedded server's socket, where the database may be missing.
    """
    try:
        if sockets is not None:
            _ensure_database(sockets)
        with _alone():
            _migrate()
            call_command("first_run")
    except OperationalError as exc:
        name = "the embedded database" if sockets is not None else "the database of DATABASE_URL"
        return complain(f"{name} does not answer: {exc}")
    return 0


def check_broker() -> int:
    """Ask the servers of REDIS_URL and CELERY_BROKER_URL for a sign of life; the exit status."""
    import kombu
    import redis

    try:
        redis.Redis.from_url(settings.REDIS_URL, socket_timeout=5).ping()
    except redis.RedisError as exc:
        return complain(f"the broker of REDIS_URL does not answer: {exc}")
    if settings.CELERY_BROKER_URL.startswith("amqp"):
        try:
            with kombu.Connection(settings.CELERY_BROKER_URL, connect_timeout=5) as rabbit:
                rabbit.ensure_connection(max_retries=1)
        except kombu.exceptions.OperationalError as exc:
            return complain(f"the broker of CELERY_BROKER_URL does not answer: {exc}")
    return 0


def check_isolation(answer: Path) -> int:
    """See whether this machine can isolate algorithms; the exit status.

    The line that names the isolation in force is written to the file `answer`.
    """
    try:
        state = Path(settings.SERVICE_FOLDER) / "sandbox"
        runtime = choose_runtime(runtime_choice(), state, answer.parent / "check")
        answer.write_text(runtime.check())
    except RuntimeUnavailable as exc:
        return complain(str(exc))
    runtime.stop_watchdog()
    return 0


def build_environments() -> int:
    """Build the root file systems that algorithms run in; the exit status."""
    try:
        call_command("build_environments", stdout=io.StringIO())
    except EnvironmentBuildFailed as exc:
        return complain(f"the environment of the algorithms could not be built: {exc}")
    return 0


def complain(reason: str) -> int:
    """Say in one line why this step failed; the status of a failed step."""
    print(f"algoport: {' '.join(reason.split())}", file=sys.stderr)
    return 1


def step_of(prepare: Callable[[], None]) -> Callable[[], int]:
    """A step from a function that raises StartRefused."""

    def step() -> int:
        try:
            prepare()
        except StartRefused as exc:
            return complain(str(exc))
        return 0

    return step


def _ensure_database(sockets: str) -> None:
    administration = psycopg2.connect(host=sockets, user=SUPERUSER, dbname="postgres")
    administration.autocommit = True
    with administration.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE])
        if cursor.fetchone() is None:
            cursor.execute(f"CREATE DATABASE {DATABASE}")
    administration.close()


@contextmanager
def _alone() -> Iterator[None]:
    """Hosts that start at the same time do this one after the other."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [_LOCK])
        try:
            yield
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [_LOCK])


def _migrate() -> None:
    # The command itself also looks for permissions to create, which takes longer than this.
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        call_command("migrate", interactive=False, verbosity=0)
