"""File bodies between the network and the storage, a piece at a time."""

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from contextvars import copy_context
from email.utils import format_datetime
from typing import Any, ParamSpec, TypeVar

from django.core.files import File

from algoport.db.threads import in_database_thread
from algoport.errors import ApiError
from algoport.http.asgi import Request, Send, start
from dataportal.content_types import content_type_of
from dataportal.models import Collection, HostedFile
from dataportal.services import drop_reserved, publish_file, reserve_file
from dataportal.storage import IncomingFile, keep, open_blob
from dataportal.usage import Room, get_room

P = ParamSpec("P")
R = TypeVar("R")

DIRECTORY = {"X-Data-Type": "directory"}

_THREADS = 8
_READ_SIZE = 256 * 1024
# What of an upload may wait in memory for a thread to write it.
_WRITE_SIZE = 512 * 1024

_executor = ThreadPoolExecutor(_THREADS, thread_name_prefix="files")


async def in_file_thread(function: Callable[..., R], *args: Any) -> R:
    """Run `function`, which reads or writes files, without blocking the event loop."""
    return await asyncio.get_running_loop().run_in_executor(
        _executor, copy_context().run, function, *args
    )


async def receive_file(request: Request, collection: Collection, name: str) -> None:
    """Take the request's body as the file `name` of the collection, whole or not at all."""
    room = await in_database_thread(get_room, collection, name)
    # Before the body is read, where its length is told.
    room.check(int(request.header(b"content-length") or 0))
    async with _incoming(room) as incoming:
        await _write_body(request, incoming)
        file = await in_database_thread(
            reserve_file, name=name, size=incoming.size, md5=incoming.md5
        )
        await in_file_thread(keep, incoming, file.blob_name)
        try:
            await in_database_thread(publish_file, file=file, collection=collection)
        except ApiError:
            # Refused: its bytes go now, not when unused ones are swept.
            await in_database_thread(drop_reserved, file)
            raise


async def send_file(send: Send, file: HostedFile, *, head: bool) -> None:
    """Answer with the file, or with what its head would be."""
    content_type = content_type_of(file.name)
    if head:
        await start(send, 200, _file_headers(file), content_type, file.size)
        await send({"type": "http.response.body", "body": b""})
        return
    async with opened_blob(file.blob_name) as (blob, first):
        await start(send, 200, _file_headers(file), content_type, file.size)
        await send_blob(send, blob, first)


def _file_headers(file: HostedFile) -> dict[str, str]:
    return {
        "X-Data-Type": "file",
        "ETag": f'"{file.md5}"',
        "Last-Modified": format_datetime(file.modified_at, usegmt=True),
        # SECURITY: anyone may upload HTML or SVG; it must not run as a page of this origin.
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "sandbox; default-src 'none'",
    }


async def send_blob(send: Send, blob: File, first: bytes) -> None:
    """Send the body of an answer whose head is sent: `first`, then the rest of `blob`."""
    piece = first
    while piece:
        await send({"type": "http.response.body", "body": piece, "more_body": True})
        piece = await in_file_thread(blob.read, _READ_SIZE) if len(piece) == _READ_SIZE else b""
    await send({"type": "http.response.body", "body": b""})


@asynccontextmanager
async def opened_blob(blob_name: str) -> AsyncIterator[tuple[File, bytes]]:
    """The bytes under `blob_name` and the first piece of them. Raises BlobMissing."""
    blob, first = await in_file_thread(_open_and_read, blob_name)
    try:
        yield blob, first
    finally:
        # Not awaited: a read may still be running when the request was cancelled.
        _executor.submit(blob.close)


def _open_and_read(blob_name: str) -> tuple[File, bytes]:
    blob = open_blob(blob_name)
    return blob, blob.read(_READ_SIZE)


@asynccontextmanager
async def _incoming(room: Room) -> AsyncIterator[IncomingFile]:
    incoming = await in_file_thread(IncomingFile, room)
    try:
        yield incoming
    finally:
        # Not awaited: it has to happen when the request was cancelled, too.
        _executor.submit(incoming.discard)


async def _write_body(request: Request, incoming: IncomingFile) -> None:
    waiting: list[bytes] = []
    size = 0
    async for chunk in request.chunks():
        waiting.append(chunk)
        size += len(chunk)
        if size >= _WRITE_SIZE:
            await in_file_thread(incoming.write, b"".join(waiting))
            waiting, size = [], 0
    await in_file_thread(_finish, incoming, b"".join(waiting))


def _finish(incoming: IncomingFile, rest: bytes) -> None:
    incoming.write(rest)
    incoming.flush()
