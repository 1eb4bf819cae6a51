"""The network of sandboxes: proxies that let through what a policy allows, and nothing else.

Each sandbox with a network has a unix socket of its own on which HTTP and CONNECT are spoken; one
thread serves them all. What comes in was written by hostile code.
"""

import asyncio
import logging
import resource
import threading
import urllib.request
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from socket import AI_NUMERICHOST
from urllib.parse import urlsplit

from algoport.containers import egress_policy
from algoport.containers.egress_policy import EgressPolicy, Resolve
from algoport.containers.egress_requests import HEAD_BYTES, Request, RequestRefused, read_request
from algoport.containers.errors import EgressRefused
from algoport.internet import Address

logger = logging.getLogger(__name__)

PROXY_PORT = 3128
PROXY_URL = f"http://127.0.0.1:{PROXY_PORT}"
CA_BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
MOST_CONNECTIONS = 64
_HEAD_SECONDS = 20
_LOOKUP_SECONDS = 15
_CONNECT_SECONDS = 10
_MOST_ADDRESSES = 4
_ANSWER_SECONDS = 5
_IDLE_SECONDS = 300
_LOOKUP_THREADS = 16
_LOOKUPS_OF_ONE = 4
_LOG_SECONDS, _MOST_LOGGED = 60, 100

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


def proxy_environ() -> dict[str, str]:
    """What programs in a sandbox need to know to reach others through its proxy."""
    names = ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy")
    direct = "127.0.0.1,localhost"
    return {
        **dict.fromkeys(names, PROXY_URL),
        "NO_PROXY": direct,
        "no_proxy": direct,
        # Where OpenSSL looks by itself is where the host keeps its own.
        "SSL_CERT_FILE": CA_BUNDLE,
    }


class EgressService:
    """The proxies of this process; its thread starts with the first of them."""

    def __init__(self, resolve: Resolve = egress_policy.resolve) -> None:
        self.resolve = resolve
        self.lookups = ThreadPoolExecutor(_LOOKUP_THREADS, thread_name_prefix="egress-names")
        # Each connection takes two descriptors, of which the worker needs some for itself.
        self.room = resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 4
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._proxies: set[EgressProxy] = set()

    def open(
        self,
        path: Path,
        policy: EgressPolicy,
        name: str,
        on_refusal: Callable[[str], None] = lambda text: None,
    ) -> "EgressProxy":
        """Serve on a new unix socket; `name` is whom the log names."""
        proxy = EgressProxy(self, path, policy, name, on_refusal)
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(
                    target=self._loop.run_forever, name="egress", daemon=True
                )
                self._thread.start()
            self._proxies.add(proxy)
        try:
            asyncio.run_coroutine_threadsafe(proxy.start(), self.loop).result()
        except OSError:
            self.forget(proxy)
            raise
        return proxy

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        assert self._loop is not None
        return self._loop

    def forget(self, proxy: "EgressProxy") -> bool:
        """Whether it was still served."""
        with self._lock:
            if proxy not in self._proxies:
                return False
            self._proxies.discard(proxy)
            return True

    def close(self) -> None:
        with self._lock:
            proxies = list(self._proxies)
        for proxy in proxies:
            proxy.close()
        self.lookups.shutdown(wait=False, cancel_futures=True)
        if self._thread is not None:
            self.loop.call_soon_threadsafe(self.loop.stop)
            self._thread.join()
            self.loop.close()


class EgressProxy:
    """Serves one sandbox; all but `close` runs in the service's loop."""

    def __init__(
        self,
        service: EgressService,
        path: Path,
        policy: EgressPolicy,
        name: str,
        on_refusal: Callable[[str], None],
    ) -> None:
        self._service = service
        self._path = path
        self._policy = policy
        self._on_refusal = on_refusal
        self._log = _Log(name)
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None] | None] = set()
        self._looking = asyncio.Semaphore(_LOOKUPS_OF_ONE)
        self._closed = False

    async def start(self) -> None:
        self._server = await asyncio.start_unix_server(
            self._serve, path=str(self._path), limit=HEAD_BYTES
        )
        # The sandbox's own user must be able to connect; the folder is closed to all others.
        self._path.chmod(0o666)

    def close(self) -> None:
        """End every connection; may be called from any other thread, and again."""
        if self._service.forget(self):
            asyncio.run_coroutine_threadsafe(self._close(), self._service.loop).result()

    async def _close(self) -> None:
        self._closed = True
        if self._server is not None:
            self._server.close()
        tasks = [task for task in self._tasks if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._log.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        # With nothing kept back by us, what was drained was taken, and closing needs no waiting.
        writer.transport.set_write_buffer_limits(0)
        is_full = len(self._tasks) >= MOST_CONNECTIONS or self._service.room <= 0
        if not is_full:
            self._tasks.add(task)
            self._service.room -= 1
        try:
            if is_full:
                await _answer(writer, 503, "too many connections at once; close some of them first")
            elif not self._closed:
                await self._forward(reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            return  # One side went away or fell silent; the other sees its connection end.
        except asyncio.CancelledError:
            return  # By `close`, which waits for it; the stream's own callback takes it ill.
        finally:
            if not is_full:
                self._tasks.discard(task)
                self._service.room += 1
            writer.transport.abort()

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_HEAD_SECONDS):
                request = await read_request(reader)
            upstream = await self._connect(request)
        except RequestRefused as exc:
            await _answer(writer, exc.status, exc.text)
            return
        upstream[1].transport.set_write_buffer_limits(0)
        try:
            if request.is_tunnel:
                writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            else:
                upstream[1].write(request.head)
            await _exchange((reader, writer), upstream, half_open=request.is_tunnel)
        finally:
            upstream[1].transport.abort()

    async def _connect(self, request: Request) -> Streams:
        host, port = request.host, request.port
        try:
            self._policy.check_name(host, port)
            if self._policy.uses_machine_proxy and (proxy := _proxy_of_machine(request)):
                streams = await _connect_through(proxy, host, port)
            else:
                streams = await _connect_to(await self._find_addresses(host, port), port)
        except EgressRefused as exc:
            self._log.add(host, port, f"refused, {exc.__cause__ or exc}")
            self._on_refusal(str(exc))
            raise RequestRefused(403, str(exc)) from exc
        except OSError as exc:
            self._log.add(host, port, f"allowed, not reached: {exc or type(exc).__name__}")
            raise RequestRefused(502, f"{host}:{port} cannot be reached") from exc
        self._log.add(host, port, f"allowed, {streams[1].get_extra_info('peername')[0]}")
        return streams

    async def _find_addresses(self, host: str, port: int) -> list[Address]:
        """Ask the policy in a thread; one sandbox never holds more than a few of those."""
        async with asyncio.timeout(_LOOKUP_SECONDS):
            await self._looking.acquire()
            future = self._service.lookups.submit(
                self._policy.find_addresses, host, port, self._service.resolve
            )
            future.add_done_callback(self._looked)
            return await asyncio.wrap_future(future)

    def _looked(self, _: "Future[list[Address]]") -> None:
        """Called in the thread, which goes on to its end even when nobody waits any more."""
        with suppress(RuntimeError):  # The loop was closed before.
            self._service.loop.call_soon_threadsafe(self._looking.release)


class _Log:
    """Notes who connected to what, so many lines a minute: it is hostile code that writes them."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._since = 0.0
        self._count = 0

    def add(self, host: str, port: int, verdict: str) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._since > _LOG_SECONDS:
            self.close()
            self._since, self._count = now, 0
        self._count += 1
        if self._count <= _MOST_LOGGED:
            logger.info("egress of %s: %.260r port %d: %.400s", self._name, host, port, verdict)

    def close(self) -> None:
        if self._count > _MOST_LOGGED:
            left_out = self._count - _MOST_LOGGED
            logger.warning("egress of %s: %d more connections not logged", self._name, left_out)


async def _connect_to(addresses: list[Address], port: int) -> Streams:
    """A connection to one of exactly these addresses: nothing is resolved again."""
    failure: OSError = OSError("no address")
    for address in addresses[:_MOST_ADDRESSES]:
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                return await asyncio.open_connection(str(address), port, flags=AI_NUMERICHOST)
        except OSError as exc:
            failure = exc
    raise failure


def _proxy_of_machine(request: Request) -> str | None:
    if urllib.request.proxy_bypass(request.host):
        return None
    return urllib.request.getproxies().get("https" if request.is_tunnel else "http")


async def _connect_through(proxy: str, host: str, port: int) -> Streams:
    parts = urlsplit(proxy)
    async with asyncio.timeout(_CONNECT_SECONDS + _LOOKUP_SECONDS):
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port or 80)
        writer.write(f"CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
        answer = await reader.read(HEAD_BYTES)
    if b" 200" not in answer.partition(b"\r\n")[0]:
        writer.close()
        raise ConnectionError(f"the machine's proxy refused {host}:{port}")
    return reader, writer


async def _answer(writer: asyncio.StreamWriter, status: int, text: str) -> None:
    body = text.encode() + b"\n"
    head = (
        f"HTTP/1.1 {status} {_REASONS[status]}\r\nContent-Type: text/plain; charset=utf-8\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    async with asyncio.timeout(_ANSWER_SECONDS):
        writer.write(head.encode() + body)
        await writer.drain()


_REASONS = {
    400: "Bad Request",
    403: "Forbidden",
    431: "Request Header Fields Too Large",
    502: "Bad Gateway",
    503: "Service Unavailable",
}


async def _exchange(client: Streams, upstream: Streams, *, half_open: bool) -> None:
    """Pass bytes both ways until both sides ended, or nothing came from either for long.

    Without `half_open` the end of what comes from upstream ends all.
    """
    async with asyncio.timeout(_IDLE_SECONDS) as idle, asyncio.TaskGroup() as both:
        there = both.create_task(_pump(client[0], upstream[1], idle))
        back = both.create_task(_pump(upstream[0], client[1], idle))
        if not half_open:
            back.add_done_callback(lambda _: there.cancel())


async def _pump(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, idle: asyncio.Timeout
) -> None:
    loop = asyncio.get_running_loop()
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
            idle.reschedule(loop.time() + _IDLE_SECONDS)
        if writer.can_write_eof():
            writer.write_eof()
    except OSError:
        return
