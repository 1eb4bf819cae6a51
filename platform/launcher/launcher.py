"""`manage.py up`: starts the platform, keeps it running, and takes it down as a whole."""

import os
import signal
import socket
import time
from collections.abc import Callable, Collection
from functools import partial
from pathlib import Path

from django.conf import settings

from algoport.db.threads import most_connections
from algoport.launcher import postgres, valkey
from algoport.launcher.console import greeting, read_first_run, say
from algoport.launcher.demo import DemoFailed, publish_demo
from algoport.launcher.errors import StartRefused, StepFailed, StopRequested
from algoport.launcher.folders import (
    make_folder,
    make_socket_folder,
    remove_socket_folder,
    rotate_log,
    take_lock,
)
from algoport.launcher.leftovers import RecordBook, end_leftovers, read_records
from algoport.launcher.listener import HealthProbe, listen, local_address, local_url
from algoport.launcher.processes import die_with_parent
from algoport.launcher.programs import Folders, beat_program, web_program, worker_program
from algoport.launcher.steps import check_broker, complain, step_of
from algoport.launcher.supervisor import Supervisor

PARTS = ("web", "worker", "beat")
STOP_ORDER = (("web",), ("worker", "beat"), ("valkey",), ("database",))
_SERVICE_SECONDS = 60
_WEB_SECONDS = 60


def run_platform(root: Path, parts: Collection[str] = PARTS) -> None:
    """Run these parts until a signal stops them. Raises StartRefused, StepFailed."""
    began = started_at()
    if "MAKELEVEL" in os.environ:
        # A make that is killed cannot pass that on. Other parents, a shell say, may go first.
        die_with_parent(signal.SIGTERM, os.getppid())
    os.umask(0o022)
    Launcher(root, began, parts).run()


def started_at() -> float:
    """When this process started, on the monotonic clock: importing takes its time too."""
    ticks = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])
    return (
        ticks / os.sysconf("SC_CLK_TCK")
        - time.clock_gettime(time.CLOCK_BOOTTIME)
        + (time.monotonic())
    )


class Launcher:
    """One run of the platform, in the order of its steps."""

    def __init__(self, root: Path, began: float, parts: Collection[str]) -> None:
        self._began = began
        self._parts = parts
        self._data = Path(settings.ALGOPORT_DATA)
        self._host = Path(settings.HOST_FOLDER)
        self._service = Path(settings.SERVICE_FOLDER)
        self._sockets = Path(settings.SOCKET_FOLDER)
        self._logs = self._host / "logs"
        self._metrics = self._sockets / "metrics"
        self._folders = Folders(root, self._data, self._host, self._metrics)
        self._level: str = settings.ALGOPORT_LOG_LEVEL
        self._records = RecordBook(self._host / "processes.json")
        self._supervisor = Supervisor(self._records, say)

    def run(self) -> None:
        self._refuse_services_of_its_own()
        self._take_data_folder()
        listener = None
        if "web" in self._parts:
            listener = listen(settings.ALGOPORT_HOST, settings.ALGOPORT_PORT)
        self._supervisor.take_signals()
        try:
            self._clear_leftovers()
            self._start(listener)
            self._supervisor.watch()
        except StopRequested:
            say("stopping before the start was complete")
        finally:
            # Nobody shall wait for an answer that will not come.
            if listener is not None:
                listener.close()
            self._stop()

    def _refuse_services_of_its_own(self) -> None:
        """One of several hosts has no database and no broker that the others could reach."""
        is_alone = not settings.HOST_ID and len(self._parts) == len(PARTS)
        missing = [name for name in ("DATABASE_URL", "REDIS_URL") if not os.environ.get(name)]
        if missing and not is_alone:
            raise StartRefused(f"one of several hosts needs {' and '.join(missing)}")

    def _take_data_folder(self) -> None:
        for folder in (self._data, self._host, self._logs, self._host / "beat"):
            make_folder(folder, 0o755)
        self._lock = take_lock(self._host / "up.lock")
        for log in self._logs.glob("*.log"):
            rotate_log(log)

    def _clear_leftovers(self) -> None:
        end_leftovers(read_records(self._host / "processes.json"))
        make_folder(self._service, 0o755)
        make_socket_folder(self._sockets)
        make_folder(Path(settings.RUNNERS_FOLDER), 0o711)
        make_folder(self._metrics, 0o700)

    def _start(self, listener: socket.socket | None) -> None:
        isolation = self._prepare()
        self._start_platform(listener)
        if listener is None or len(self._parts) < len(PARTS):
            say(f"Algoport's {', '.join(sorted(self._parts))} started; logs: {self._logs}")
            return
        has_demo = isolation is not None and self._ensure_demo(local_url(listener))
        seconds = time.monotonic() - self._began
        say(greeting(settings.ALGOPORT_URL, self._data, isolation, has_demo, seconds))

    def _prepare(self) -> str | None:
        """Start the services and make all ready; the isolation in force, if there is any."""
        answer = self._sockets / "isolation"
        services = os.eventfd(0)
        step = partial(
            _prepare_with_django,
            services,
            self._embedded_sockets(),
            answer if "worker" in self._parts else None,
        )
        preparing = self._supervisor.begin_step("preparation", step)
        self._start_services()
        os.eventfd_write(services, 1)
        os.close(services)
        if self._supervisor.finish_step(preparing) != 0:
            raise StepFailed("preparation")
        return answer.read_text() if answer.exists() else None

    def _embedded_sockets(self) -> str | None:
        """PostgreSQL's socket folder, unless another server is given."""
        return None if os.environ.get("DATABASE_URL") else str(self._sockets / "pg")

    def _start_services(self) -> None:
        """Start Valkey and PostgreSQL unless others are given."""
        broker = self._sockets / "valkey.sock"
        if not os.environ.get("REDIS_URL"):
            self._supervisor.start(valkey.valkey_program(broker, self._logs / "valkey.log"))
        sockets = self._embedded_sockets()
        if sockets is not None:
            self._start_postgres(Path(sockets))
        if not os.environ.get("REDIS_URL"):
            self._supervisor.wait_until(lambda: valkey.answers(broker), "valkey", _SERVICE_SECONDS)
        if os.environ.get("REDIS_URL") or os.environ.get("CELERY_BROKER_URL"):
            self._step("broker", check_broker)

    def _start_postgres(self, sockets: Path) -> None:
        data = self._service / "postgres"
        if not postgres.is_prepared(self._service):
            say("making the database (once)")
            self._step("initdb", step_of(partial(postgres.prepare, self._service)))
        postgres.clear_locks(data)
        postgres.make_private_folder(sockets)
        log = self._logs / "database.log"
        connections = most_connections(
            web_processes=settings.ALGOPORT_WEB_PROCESSES,
            worker_threads=settings.ALGOPORT_WORKER_THREADS,
        )
        self._supervisor.start(postgres.postgres_program(self._service, sockets, log, connections))
        self._supervisor.wait_until(lambda: postgres.is_ready(data), "database", _SERVICE_SECONDS)

    def _start_platform(self, listener: socket.socket | None) -> None:
        if listener is not None:
            self._supervisor.start(web_program(self._folders, listener.fileno()))
        if "worker" in self._parts:
            threads = settings.ALGOPORT_WORKER_THREADS
            self._supervisor.start(worker_program(self._folders, threads, self._level))
        if listener is not None:
            probe = HealthProbe(local_address(listener))
            try:
                self._supervisor.wait_until(probe.has_answered, "web", _WEB_SECONDS)
            finally:
                probe.close()
        # It has the least to do, so it does not compete with the others for the processors.
        if "beat" in self._parts:
            self._supervisor.start(beat_program(self._folders, self._level))

    def _ensure_demo(self, url: str) -> bool:
        """Publish the first algorithm once; whether it is there. Its failure stops nothing."""
        account = read_first_run(self._data)
        done = self._data / "demo-published"
        if account is None or done.exists():
            return account is not None
        say("pushing the first algorithm, demo/Hello")
        clone = self._data / "demo-clone"

        def step() -> int:
            try:
                publish_demo(url, account["username"], account["api_key"], clone)
            except DemoFailed as exc:
                return complain(f"demo/Hello could not be made: {exc}")
            done.touch()
            return 0

        return self._supervisor.run_step("demo", step) == 0

    def _step(self, name: str, step: Callable[[], int]) -> None:
        """Run a step that the start cannot do without. Raises StepFailed."""
        if self._supervisor.run_step(name, step) != 0:
            raise StepFailed(name)

    def _stop(self) -> None:
        began = time.monotonic()
        self._supervisor.stop(STOP_ORDER)
        remove_socket_folder(self._sockets)
        say(f"stopped ({time.monotonic() - began:.1f} s)")


def _prepare_with_django(services: int, sockets: str | None, isolation: Path | None) -> int:
    """A step that loads Django while the services start, and goes on when they are there."""
    # Not in the launcher itself, which would keep 60 MiB for as long as the platform runs.
    import django

    django.setup()
    from algoport.launcher.preparation import prepare

    os.eventfd_read(services)
    return prepare(sockets, isolation)
