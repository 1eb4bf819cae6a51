"""What a start does before the platform can answer, and what only Django can do.

Never imported by the launcher itself, which stays for as long as the platform runs.
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg2
from django.conf import settings
from django.core.management import call_command
from django.db import OperationalError, connection
from django.db.migrations.executor import MigrationExecutor

from algoport.containers.choice import choose_runtime
from algoport.containers.errors import EnvironmentBuildFailed, RuntimeUnavailable
from algoport.launcher.console import say
from algoport.launcher.postgres import DATABASE, SUPERUSER
from algoport.launcher.static_files import collect_static_files
from algoport.launcher.steps import complain

# Known to nobody else in the database.
_LOCK = 0x616C676F706F7274


def prepare(sockets: str | None, isolation: Path | None) -> int:
    """Everything, in its order; the exit status.

    `sockets` is the folder of the embedded server's socket, where the database may be missing. The
    line that names the isolation in force is written to the file `isolation`, which there is where
    algorithms shall run. Without any, the platform serves all but algorithms.
    """
    collect_static_files()
    status = _prepare_database(sockets)
    if status == 0 and isolation is not None and _check_isolation(isolation):
        status = _build_environments()
    return status


def _prepare_database(sockets: str | None) -> int:
    """Bring the tables up to date and see that there are accounts."""
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


def _check_isolation(answer: Path) -> bool:
    """See whether this machine can isolate algorithms."""
    try:
        runtime = choose_runtime(answer.parent / "check")
        answer.write_text(runtime.check())
    except RuntimeUnavailable as exc:
        complain(str(exc))
        return False
    runtime.stop_watchdog()
    return True


def _build_environments() -> int:
    """Build the root file systems that algorithms run in."""
    if not Path(settings.ENVIRONMENTS_FOLDER).exists():
        say("building the environment that algorithms run in (once, about 20 s)")
    try:
        call_command("build_environments", stdout=io.StringIO())
    except EnvironmentBuildFailed as exc:
        return complain(f"the environment of the algorithms could not be built: {exc}")
    return 0


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
