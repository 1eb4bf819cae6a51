"""One run of git's own http-backend as a CGI program, fed and read with back-pressure."""

import asyncio
import logging
import os
import signal
import zlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

from algoport.http.asgi import ClientDisconnected, Request, RequestTooLarge, Send, start
from scm.errors import GitFailed, UnsupportedEncoding

logger = logging.getLogger(__name__)

# A program that neither takes nor gives a byte, or a client that does not, for so long is stopped.
# git itself says something every 5 seconds while it works or waits for a hook.
IDLE_SECONDS = 120.0
_GRACE_SECONDS = 5.0
_CHUNK = 256 * 1024
_HEAD_LIMIT = 64 * 1024
_GZIP = 16 + zlib.MAX_WBITS


@dataclass(frozen=True)
class BodyLimits:
    """`most_sent` bytes are read from a client, of them (unpacked) `most_fed` reach git."""

    most_sent: int
    most_fed: int


class Backend:
    """A running http-backend; to be ended with `stop()`."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin and process.stdout and process.stderr
        self._process = process
        self._stdin = process.stdin
        self._stdout = process.stdout
        self._errors = asyncio.create_task(_log_errors(process.stderr))
        self._moved = asyncio.get_running_loop().time()
        self.fed = False

    @classmethod
    async def launch(cls, environ: dict[str, str]) -> "Backend":
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            *("git", "http-backend"),
            env=environ,
            cwd="/",
            stdin=pipe,
            stdout=pipe,
            stderr=pipe,
            limit=_CHUNK,
            start_new_session=True,
        )
        return cls(process)

    async def exchange(self, request: Request, send: Send, limits: BodyLimits) -> None:
        """Feed the request and send the answer, both at once.

        Raises ClientDisconnected, RequestTooLarge, UnsupportedEncoding and GitFailed.
        """
        tasks = [
            asyncio.create_task(self._answer(send)),
            asyncio.create_task(self._feed(request, limits)),
            asyncio.create_task(self._watch()),
        ]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            # Only an answer ends well; a feeder or watcher that has ended has failed.
            await next(task for task in tasks if task.done())
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def drain(self) -> None:
        """Let git finish its work with nobody there to read what it says."""
        while await self._stdout.read(_CHUNK):
            continue

    async def stop(self) -> None:
        """End the program if it runs still: kindly first, so that git removes its locks."""
        if self._process.returncode is None and self._stdout.at_eof():
            await self._ended_within(_GRACE_SECONDS)
        for number in (signal.SIGTERM, signal.SIGKILL):
            if self._process.returncode is None:
                self._signal(number)
                await self._ended_within(_GRACE_SECONDS)
        if self._process.returncode not in (0, -signal.SIGTERM):
            logger.warning("git http-backend ended with %s", self._process.returncode)
        self._errors.cancel()

    async def _ended_within(self, seconds: float) -> None:
        await asyncio.wait({asyncio.ensure_future(self._process.wait())}, timeout=seconds)

    def _signal(self, number: int) -> None:
        try:
            os.killpg(self._process.pid, number)
        except ProcessLookupError:
            logger.debug("git http-backend %d has just ended", self._process.pid)

    async def _feed(self, request: Request, limits: BodyLimits) -> None:
        count = 0
        async for piece in _plain_pieces(request, limits.most_sent):
            self._move()
            count += len(piece)
            if count <= limits.most_fed:
                await self._write(piece)
            else:
                self._stdin.close()
        self._stdin.close()
        self.fed = True
        await request.disconnected()
        raise ClientDisconnected

    async def _write(self, piece: bytes) -> None:
        if self._stdin.is_closing():
            return
        try:
            self._stdin.write(piece)
            await self._stdin.drain()
        except (BrokenPipeError, ConnectionResetError):
            # git has made up its mind (a pack too large, say). Its answer is seen only by a client
            # that could send all it had, so the rest is read and dropped.
            self._stdin.close()

    async def _answer(self, send: Send) -> None:
        status, headers = await self._head()
        # The head waits for the body's first bytes: until then a refusal is still possible.
        piece = await self._stdout.read(_CHUNK)
        kind = headers.pop("Content-Type", None)
        length = headers.pop("Content-Length", None)
        await start(send, status, headers, kind, int(length) if length else None)
        while piece:
            self._move()
            await send({"type": "http.response.body", "body": piece, "more_body": True})
            self._move()
            piece = await self._stdout.read(_CHUNK)
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _head(self) -> tuple[int, dict[str, str]]:
        """The CGI head: its status, and its other lines as headers."""
        headers: dict[str, str] = {}
        size = 0
        while line := (await self._stdout.readline()):
            size += len(line)
            if not line.strip():
                status = headers.pop("Status", "200")
                return int(status[:3]), headers
            name, separator, value = line.decode("latin-1").partition(":")
            if not separator or size > _HEAD_LIMIT:
                break
            headers[name.strip().title()] = value.strip()
        logger.error("git http-backend gave no CGI head")
        raise GitFailed

    async def _watch(self) -> None:
        """Return only by raising, when nothing has moved for too long."""
        loop = asyncio.get_running_loop()
        while (rest := self._moved + IDLE_SECONDS - loop.time()) > 0:
            await asyncio.sleep(rest)
        logger.warning("a git request was stopped after %d idle seconds", IDLE_SECONDS)
        raise GitFailed

    def _move(self) -> None:
        self._moved = asyncio.get_running_loop().time()


async def _plain_pieces(request: Request, most_sent: int) -> AsyncIterator[bytes]:
    """The body in pieces, unpacked. Raises RequestTooLarge, UnsupportedEncoding."""
    encoding = (request.header(b"content-encoding") or "identity").strip().lower()
    if encoding not in {"identity", "gzip", "x-gzip"}:
        raise UnsupportedEncoding(encoding=encoding[:40])
    unpack = None if encoding == "identity" else zlib.decompressobj(_GZIP)
    sent = 0
    async for chunk in request.chunks():
        sent += len(chunk)
        if sent > most_sent:
            raise RequestTooLarge(limit=most_sent)
        if unpack is None:
            yield chunk
            continue
        # SECURITY: unpacked here in small pieces, since a small body can unpack into terabytes.
        while chunk:
            try:
                yield unpack.decompress(chunk, _CHUNK)
            except zlib.error as exc:
                raise UnsupportedEncoding("The body is not valid gzip.") from exc
            chunk = unpack.unconsumed_tail


async def _log_errors(stderr: asyncio.StreamReader) -> None:
    # Read in pieces rather than lines: a line may be of any length.
    while piece := await stderr.read(4096):
        logger.debug("git http-backend: %s", piece.decode("utf-8", "replace").rstrip())
