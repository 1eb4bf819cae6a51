"""What follows a push: the hook's socket, the build that is asked for, the lines for the pusher."""

import asyncio
import logging
import re
import shutil
import sys
import tempfile
import textwrap
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from contextvars import copy_context
from pathlib import Path

from django.conf import settings
from django.db import connection

from algoport.accounts.permissions import Principal
from algoport.db.threads import PUSH_THREADS
from algoport.errors import ApiError
from scm.host import NO_COMMIT, RefUpdate, RepositoryAccess, current_host
from scm.repositories import BRANCH

logger = logging.getLogger(__name__)

HOOKS = Path(__file__).resolve().parent.parent / "hooks"
# Each push that waits for its build holds a thread and a database connection.
_executor = ThreadPoolExecutor(PUSH_THREADS, thread_name_prefix="push")
_ANNOUNCEMENT_LIMIT = 8 * 1024 * 1024
_SLOW_READER_SECONDS = 60.0
# The pusher's git puts `remote: ` in front: this fits a terminal of 80 columns.
_LINE_WIDTH = 72
_ESCAPE_SEQUENCE = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")


class PushSession:
    """The platform's end of one push, which the hook `post-receive` connects to."""

    def __init__(self, principal: Principal, access: RepositoryAccess) -> None:
        self._principal = principal
        self.access = access
        self._abandoned = threading.Event()
        self._writers: set[asyncio.StreamWriter] = set()
        self._folder: Path | None = None
        self._server: asyncio.Server | None = None

    async def open(self) -> dict[str, str]:
        """Listen; returns what the hook needs in its environment."""
        settings.SOCKET_FOLDER.mkdir(parents=True, exist_ok=True)
        # SECURITY: mkdtemp makes a folder that no other user can enter.
        self._folder = Path(tempfile.mkdtemp(prefix="push-", dir=settings.SOCKET_FOLDER))
        path = str(self._folder / "s")
        self._server = await asyncio.start_unix_server(self._accept, path)
        return {"ALGOPORT_PUSH_SOCKET": path, "ALGOPORT_PYTHON": sys.executable}

    def abandon(self) -> None:
        """The pusher has left: ask for the build all the same, but wait for nothing."""
        self._abandoned.set()
        for writer in self._writers:
            writer.close()

    async def close(self) -> None:
        self.abandon()
        if self._server is not None:
            self._server.close()
        if self._folder is not None:
            await asyncio.to_thread(shutil.rmtree, self._folder)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            updates = parse_updates(await _read_announcement(reader))
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(_executor, copy_context().run, self._record, updates)
            for update in updates:
                await self._answer(update, writer)
        except (ConnectionError, TimeoutError):
            logger.debug("the pusher of %s has left", self.access.display)
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _answer(self, update: RefUpdate, writer: asyncio.StreamWriter) -> None:
        if update.ref != BRANCH:
            await _write_line(writer, describe_update(update))
            return
        loop = asyncio.get_running_loop()

        def show(line: str) -> None:
            # Waiting for each line keeps the build's output from piling up here.
            sent = asyncio.run_coroutine_threadsafe(_write_line(writer, line), loop)
            sent.result(_SLOW_READER_SECONDS)

        await loop.run_in_executor(_executor, copy_context().run, self._follow, update, show)

    def _record(self, updates: list[RefUpdate]) -> None:
        """Tell of what was moved; git has moved it already, whatever becomes of the record."""
        try:
            current_host().refs_moved(self._principal, self.access.repository_id, updates)
        except Exception:
            logger.exception("a push to %s could not be recorded", self.access.display)
        finally:
            connection.close()

    def _follow(self, update: RefUpdate, show: Callable[[str], None]) -> None:
        """Ask for the build and show its lines, in a thread of its own."""
        try:
            self._show_lines(update, show)
        except (ConnectionError, TimeoutError):
            logger.debug("the pusher of %s has left", self.access.display)
        except Exception:
            failure = ApiError()
            logger.exception("push to %s: no build [%s]", self.access.display, failure.id)
            show(f"The push is stored, but its build failed to start ({failure.id}).")
        finally:
            connection.close()

    def _show_lines(self, update: RefUpdate, show: Callable[[str], None]) -> None:
        repository = self.access.repository_id
        try:
            lines = current_host().pushed(
                self._principal, repository, before=update.before, after=update.after
            )
            with closing(lines):
                for line in lines:
                    if self._abandoned.is_set():
                        return
                    show(line)
        except ApiError as exc:
            show(exc.text)


async def _read_announcement(reader: asyncio.StreamReader) -> bytes:
    data = bytearray()
    while piece := await reader.read(64 * 1024):
        data += piece
        if len(data) > _ANNOUNCEMENT_LIMIT:
            raise ConnectionError("the announcement is too long")
    return bytes(data)


async def _write_line(writer: asyncio.StreamWriter, line: str) -> None:
    if writer.is_closing():
        raise ConnectionError("the hook has gone")
    for part in wrap_line(line):
        writer.write(part.encode() + b"\n")
    await writer.drain()


def parse_updates(announcement: bytes) -> list[RefUpdate]:
    """The lines `BEFORE AFTER REF` that git gave its hook."""
    lines = announcement.decode("utf-8", "replace").splitlines()
    return [RefUpdate(*line.split(" ", 2)) for line in lines]


def describe_update(update: RefUpdate) -> str:
    """What became of a ref that is not master."""
    _, kind, name = update.ref.split("/", 2)
    if update.after == NO_COMMIT:
        return f"Removed {name}."
    if kind == "tags":
        return f"Stored tag {name}."
    return f"Branch {name} is stored, but only master is built."


def wrap_line(line: str) -> list[str]:
    """A line as the pusher's terminal gets it: in parts that fit, and nothing that commands it."""
    # SECURITY: git shows `remote:` lines as they are, and a build's output may hold anything.
    plain = _ESCAPE_SEQUENCE.sub("", line)
    safe = "".join(c if c.isprintable() else " " for c in plain).rstrip()
    return textwrap.wrap(
        safe,
        _LINE_WIDTH,
        subsequent_indent="  ",
        break_long_words=False,
        break_on_hyphens=False,
        drop_whitespace=True,
    )
