"""The network of a build: a proxy that lets through what the policy names, and nothing else."""

import asyncio
import json
import os
import re
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.parse import SplitResult, urljoin, urlsplit

from algoport.containers.errors import IndexNotUsable

PROXY_PORT = 3128
_HEAD_BYTES = 32 * 1024
_MOST_CONNECTIONS = 64
_CONNECT_SECONDS = 20
_IDLE_SECONDS = 120
_PROBE_PROJECT = "pip"


@dataclass(frozen=True)
class EgressPolicy:
    """The hosts and ports that may be reached."""

    hosts: frozenset[tuple[str, int]]

    def allows(self, host: str, port: int) -> bool:
        return (host.lower().rstrip("."), port) in self.hosts


class EgressProxy:
    """Serves one build step on a unix socket, from a thread of its own."""

    def __init__(self, path: Path, policy: EgressPolicy, say: Callable[[bytes], None]) -> None:
        self._path = path
        self._policy = policy
        self._say = say
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="egress", daemon=True)
        self._server: asyncio.Server | None = None
        self._open = 0

    def start(self) -> None:
        self._server = self._loop.run_until_complete(
            asyncio.start_unix_server(self._serve, path=str(self._path), limit=_HEAD_BYTES)
        )
        self._path.chmod(0o666)
        self._thread.start()

    def stop(self) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _close(self) -> None:
        assert self._server is not None
        self._server.close()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        # Transports close in the loop's next rounds.
        await asyncio.sleep(0.01)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open += 1
        try:
            if self._open > _MOST_CONNECTIONS:
                await _refuse(writer, "too many connections at once")
                return
            await self._forward(reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError):
            return  # One side went away or said nonsense; the other sees its connection end.
        finally:
            self._open -= 1
            writer.close()

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), _IDLE_SECONDS)
        line, _, rest = head.partition(b"\r\n")
        method, _, target = line.decode("latin-1").rpartition(" ")[0].partition(" ")
        tunnel = method == "CONNECT"
        parts = urlsplit(f"//{target}" if tunnel else target)
        try:
            port = parts.port or (443 if tunnel else 80)
        except ValueError:
            port = 0
        host = parts.hostname or ""
        if not self._policy.allows(host, port) or parts.scheme not in ("", "http"):
            text = f"builds may not connect to {host}:{port}; only the package index is reachable"
            self._say(f"[{text}]\n".encode())
            await _refuse(writer, text)
            return
        upstream = await _connect(host, port, tunnel)
        try:
            await self._exchange(upstream, reader, writer, tunnel, method, parts, rest)
        finally:
            upstream[1].close()

    async def _exchange(
        self,
        upstream: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        tunnel: bool,
        method: str,
        parts: SplitResult,
        rest: bytes,
    ) -> None:
        if tunnel:
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        else:
            path = parts.path or "/"
            query = f"?{parts.query}" if parts.query else ""
            upstream[1].write(f"{method} {path}{query} HTTP/1.1\r\nConnection: close\r\n".encode())
            upstream[1].write(_without_connection_headers(rest))
        await asyncio.gather(_pump(reader, upstream[1]), _pump(upstream[0], writer))


def _without_connection_headers(head: bytes) -> bytes:
    kept = [
        line
        for line in head.split(b"\r\n")
        if not line.lower().startswith((b"connection:", b"proxy-", b"keep-alive:"))
    ]
    return b"\r\n".join(kept)


async def _refuse(writer: asyncio.StreamWriter, text: str) -> None:
    body = text.encode() + b"\n"
    head = f"HTTP/1.1 403 Forbidden\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    writer.write(head.encode() + body)
    await writer.drain()


async def _connect(
    host: str, port: int, tunnel: bool
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection to the host, through the proxy that this machine itself has to use, if any."""
    proxy = _proxy_of_host("https" if tunnel else "http", host)
    if proxy is None:
        return await asyncio.wait_for(asyncio.open_connection(host, port), _CONNECT_SECONDS)
    parts = urlsplit(proxy)
    reader, writer = await asyncio.wait_for(
        asyncio.open_connection(parts.hostname, parts.port or 80), _CONNECT_SECONDS
    )
    writer.write(f"CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
    answer = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), _CONNECT_SECONDS)
    if b" 200" not in answer.partition(b"\r\n")[0]:
        raise ConnectionError(f"the machine's proxy refused {host}:{port}")
    return reader, writer


def _proxy_of_host(scheme: str, host: str) -> str | None:
    if urllib.request.proxy_bypass(host):
        return None
    return urllib.request.getproxies().get(scheme)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await asyncio.wait_for(reader.read(65536), _IDLE_SECONDS):
        writer.write(data)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()


def index_url() -> str:
    """The package index that pip on this machine uses. Raises IndexNotUsable."""
    done = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True
    )
    found = dict(re.findall(r"^(?::env:|\w+)\.(index-url)='([^']*)'", done.stdout, re.MULTILINE))
    url = os.environ.get("PIP_INDEX_URL") or found.get("index-url")
    if url is None:
        # pip's own default, asked of pip: it is the one that knows.
        code = "from pip._internal.models.index import PyPI; print(PyPI.simple_url)"
        default = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        )
        url = default.stdout.strip()
    if urlsplit(url).username:
        raise IndexNotUsable(
            "The package index's address holds credentials, which builds would see. "
            "Configure an index or a mirror without them."
        )
    return url


@cache
def index_policy() -> EgressPolicy:
    """The index's host and those that serve its files, as the index itself tells."""
    url = index_url().rstrip("/") + "/"
    hosts = {_address(url)}
    request = urllib.request.Request(  # noqa: S310  (the administrator chose the address)
        urljoin(url, f"{_PROBE_PROJECT}/"),
        headers={"Accept": "application/vnd.pypi.simple.v1+json, text/html;q=0.5"},
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
            base, page = answer.geturl(), answer.read(16 * 1024 * 1024)
            is_json = "json" in answer.headers.get("Content-Type", "")
    except OSError as exc:
        raise IndexNotUsable(f"The package index does not answer: {exc}") from exc
    if is_json:
        links = [file["url"] for file in json.loads(page)["files"]]
    else:
        links = re.findall(r'href="([^"#]+)', page.decode("utf-8", "replace"))
    hosts.update(_address(urljoin(base, link)) for link in links[-200:])
    return EgressPolicy(frozenset(hosts))


def _address(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return (parts.hostname or "").lower(), parts.port or (443 if parts.scheme == "https" else 80)


def index_environ() -> dict[str, str]:
    """What pip in a build step needs to know."""
    proxy = f"http://127.0.0.1:{PROXY_PORT}"
    return {
        "PIP_INDEX_URL": index_url(),
        "PIP_PROXY": proxy,
        "HTTPS_PROXY": proxy,
        "HTTP_PROXY": proxy,
        "PIP_CERT": "/etc/ssl/certs/ca-certificates.crt",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_ROOT_USER_ACTION": "ignore",
        "PIP_NO_WARN_SCRIPT_LOCATION": "1",
    }
