"""What a sandbox asks its proxy for: the first lines of HTTP, from hostile code."""

import asyncio
from dataclasses import dataclass
from urllib.parse import urlsplit

HEAD_BYTES = 32 * 1024
_MOST_HOST = 255
_HOP_BY_HOP = (b"connection:", b"proxy-", b"keep-alive:")


class RequestRefused(Exception):
    """Answered with a status and a text, and nothing is connected to."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(status, text)
        self.status = status
        self.text = text


@dataclass(frozen=True)
class Request:
    """A wish to reach host and port; `head` is what a server gets that is no tunnel's end."""

    host: str
    port: int
    is_tunnel: bool
    head: bytes


async def read_request(reader: asyncio.StreamReader) -> Request:
    """Raises RequestRefused, or IncompleteReadError when the other side went away."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.LimitOverrunError as exc:
        text = f"the head of the request is larger than {HEAD_BYTES} bytes"
        raise RequestRefused(431, text) from exc
    return parse_request(head)


def parse_request(head: bytes) -> Request:
    """Raises RequestRefused."""
    line, _, rest = head.partition(b"\r\n")
    words = line.decode("latin-1").split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/1."):
        raise RequestRefused(400, "this is an HTTP proxy; it takes HTTP/1.1 requests and CONNECT")
    method, target, _ = words
    is_tunnel = method == "CONNECT"
    try:
        parts = urlsplit(f"//{target}" if is_tunnel else target)
        port = parts.port if parts.port is not None else 443 if is_tunnel else 80
    except ValueError as exc:
        raise RequestRefused(400, f"{target[:_MOST_HOST]!r} is no address to connect to") from exc
    host = parts.hostname or ""
    if not is_tunnel and parts.scheme != "http":
        raise RequestRefused(400, "the address must begin with http://; for others use CONNECT")
    if not 0 < len(host) <= _MOST_HOST or not 0 < port < 65536:
        raise RequestRefused(400, f"{target[:_MOST_HOST]!r} names no host and port")
    if is_tunnel:
        return Request(host, port, True, b"")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    first = f"{method} {path} HTTP/1.1\r\nConnection: close\r\n".encode("latin-1")
    return Request(host, port, False, first + _without_connection_headers(rest))


def _without_connection_headers(head: bytes) -> bytes:
    kept = [line for line in head.split(b"\r\n") if not line.lower().startswith(_HOP_BY_HOP)]
    return b"\r\n".join(kept)
