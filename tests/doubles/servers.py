"""Servers that an operator would bring, from Debian's packages: PostgreSQL, Redis, RabbitMQ.

Each listens on a port of this machine, wants a password, and keeps its files in a folder.
"""

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import kombu
import psycopg2
import redis

from tests.acceptance.platform import free_port, wait_until

PACKAGES = "apt-get install postgresql redis-server rabbitmq-server"
_START_SECONDS = 60
_DATABASE = "algoport"


class ServerMissing(Exception):
    """This machine lacks the server; the text says what to do."""


@dataclass
class Server:
    """A server with its address, password included."""

    url: str
    process: "subprocess.Popen[bytes]"
    log: Path

    def has_answered(self, ask: Any, *failures: type[Exception]) -> bool:
        """Whether it answers `ask` by now. Fails with its log when it has ended."""
        if self.process.poll() is not None:
            raise AssertionError(self.log.read_text()[-2000:])
        try:
            ask()
        except failures:
            return False
        return True


@contextmanager
def running_postgres(folder: Path) -> Iterator[Server]:
    """PostgreSQL as Debian has it, with a database that an ordinary role owns.

    It compares texts as people do, unlike the embedded one, which goes by their bytes.
    """
    programs = _newest("/usr/lib/postgresql/*/bin/postgres").parent
    user = pwd.getpwnam("postgres") if os.geteuid() == 0 else None
    as_user: dict[str, Any] = {"user": user.pw_uid, "group": user.pw_gid} if user else {}
    if user:
        folder.mkdir()
        os.chown(folder, user.pw_uid, user.pw_gid)
    password, port, data = secrets.token_hex(8), free_port(), folder / "data"
    command = [programs / "initdb", "--pgdata", data, "--username=postgres", "--auth=trust"]
    command += ["--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"]
    command += ["--locale-provider=icu", "--icu-locale=en-US", "--no-instructions"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd="/", **as_user)
    (data / "pg_hba.conf").write_text(
        "local all postgres trust\nhost all all 127.0.0.1/32 scram-sha-256\n"
    )
    options = [f"port={port}", "listen_addresses=127.0.0.1", "max_connections=250"]
    command = [programs / "postgres", "-D", data, "-k", folder]
    command += [part for option in options for part in ("-c", option)]
    url = f"postgresql://{_DATABASE}:{password}@127.0.0.1:{port}/{_DATABASE}"
    with _running(command, url, folder.with_suffix(".log"), signal.SIGQUIT, **as_user) as server:

        def prepare() -> None:
            superuser = psycopg2.connect(host=str(folder), port=port, user="postgres")
            superuser.autocommit = True
            with superuser.cursor() as cursor:
                cursor.execute(f"CREATE ROLE {_DATABASE} LOGIN PASSWORD %s", [password])
                cursor.execute(f"CREATE DATABASE {_DATABASE} OWNER {_DATABASE}")
            superuser.close()

        _wait(server, prepare, psycopg2.OperationalError)
        yield server


@contextmanager
def running_redis(folder: Path) -> Iterator[Server]:
    program = _newest("/usr/bin/redis-server")
    password, port = secrets.token_hex(8), free_port()
    command = [program, "--bind", "127.0.0.1", "--port", str(port), "--requirepass", password]
    command += ["--save", "", "--dir", folder]
    url = f"redis://:{password}@127.0.0.1:{port}/0"
    with _running(command, url, folder / "redis.log", signal.SIGKILL) as server:
        _wait(server, redis.Redis.from_url(url).ping, redis.ConnectionError)
        yield server


@contextmanager
def running_rabbitmq(folder: Path) -> Iterator[Server]:
    program = _newest("/usr/lib/rabbitmq/bin/rabbitmq-server")
    password, port, names = secrets.token_hex(8), free_port(), free_port()
    (folder / "rabbitmq.conf").write_text(
        f"listeners.tcp.1 = 127.0.0.1:{port}\ndefault_user = algoport\ndefault_pass = {password}\n"
    )
    environ = {
        **{"PATH": os.environ["PATH"], "HOME": str(folder), "LC_ALL": "C.UTF-8"},
        **{"ERL_EPMD_PORT": str(names), "ERL_EPMD_ADDRESS": "127.0.0.1"},
        "RABBITMQ_NODENAME": f"test{port}@localhost",
        "RABBITMQ_DIST_PORT": str(free_port()),
        "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
        "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
        "RABBITMQ_LOG_BASE": str(folder),
        "RABBITMQ_LOGS": "-",
    }
    url = f"amqp://algoport:{password}@127.0.0.1:{port}//"
    # Erlang would leave its server of names behind.
    epmd = subprocess.Popen([shutil.which("epmd") or "epmd", "-port", str(names)], env=environ)
    try:
        wait_until(lambda: _listens(names), 10, "epmd listens")
        log = folder / "rabbitmq.log"
        with _running([program], url, log, signal.SIGKILL, env=environ) as server:

            def ask() -> None:
                with kombu.Connection(url, connect_timeout=2) as connection:
                    connection.connect()

            _wait(server, ask, OSError)
            yield server
    finally:
        epmd.kill()
        epmd.wait()


@contextmanager
def _running(
    command: Sequence[object], url: str, log: Path, stop: signal.Signals, **how: Any
) -> Iterator[Server]:
    """A process with its own session, all of which ends with the body; nothing is kept."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(part) for part in command],
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            **how,
        )
    try:
        yield Server(url, process, log)
    finally:
        process.send_signal(stop)
        try:
            process.wait(15)
        finally:
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass


def _wait(server: Server, ask: Any, *failures: type[Exception]) -> None:
    wait_until(lambda: server.has_answered(ask, *failures), _START_SECONDS, "the server answers")


def _newest(pattern: str) -> Path:
    """The program of the highest version. Raises ServerMissing."""
    found = sorted(Path("/").glob(pattern.lstrip("/")), key=lambda path: (len(str(path)), path))
    if not found:
        raise ServerMissing(f"{pattern} is missing: {PACKAGES}")
    return found[-1]


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
