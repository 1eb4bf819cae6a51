"""The listening socket. The launcher keeps it, so that callers wait while the web restarts."""

import errno
import ipaddress
import socket

from algoport.launcher.errors import StartRefused

_BACKLOG = 2048
_REASONS = {
    errno.EADDRINUSE: "the port is in use",
    errno.EACCES: "this user may not listen on that port",
    errno.EADDRNOTAVAIL: "this machine does not have that address",
}


def listen(host: str, port: int) -> socket.socket:
    """Listen on the first address of `host`, IPv4 before IPv6."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except socket.gaierror as exc:
        raise StartRefused(f"ALGOPORT_HOST={host!r} is not valid: {exc.strerror}") from exc
    family, _, _, _, address = min(found, key=lambda entry: entry[0])
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(_BACKLOG)
    except OSError as exc:
        listener.close()
        reason = _REASONS.get(exc.errno or 0, exc.strerror)
        raise StartRefused(f"cannot listen on {host} port {port}: {reason}") from exc
    return listener


def local_address(listener: socket.socket) -> tuple[str, int]:
    """An address by which this machine reaches the listener."""
    host, port = listener.getsockname()[:2]
    if ipaddress.ip_address(host).is_unspecified:
        return ("::1" if ":" in host else "127.0.0.1"), port
    return host, port


def local_url(listener: socket.socket) -> str:
    """The same as an address for HTTP."""
    host, port = local_address(listener)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class HealthProbe:
    """Asks /healthz once, without blocking, and again when the connection was lost."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._address = address
        self._connection: socket.socket | None = None

    def has_answered(self) -> bool:
        """Whether the platform has said that it is well."""
        if self._connection is None:
            self._connection = self._ask()
        try:
            answer = self._connection.recv(512)
        except BlockingIOError:
            return False
        except ConnectionError:
            answer = b""
        self.close()
        return answer.startswith(b"HTTP/1.1 200 ")

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _ask(self) -> socket.socket:
        connection = socket.create_connection(self._address, timeout=5)
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        connection.setblocking(False)
        return connection
