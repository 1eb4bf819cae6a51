"""File bodies between the network and the storage, a piece at a time."""

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from contextvars import copy_context
from typing import Any, ParamSpec, TypeVar

from django.core.files import File

from algoport.db.threads import in_database_thread
from algoport.errors import ApiError
from algoport.http.asgi import Request, Response, Send, start
from dataportal.api.conditional import (
    content_range,
    parse_conditions,
    parse_range,
    range_still_counts,
    validators,
)
from dataportal.connectors.failures import as_api_error
from dataportal.content_types import content_type_of
from dataportal.models import Collection, HostedFile
from dataportal.paths import DATA
from dataportal.services import drop_reserved, publish_file, reserve_file
from dataportal.storage import IncomingFile, keep, open_blob
from dataportal.stores.base import NotModified, ObjectInfo, StoreError
from dataportal.usage import Room, get_room

P = ParamSpec("P")
R = TypeVar("R")

DIRECTORY = {"X-Data-Type": "directory"}
# SECURITY: anyone may upload HTML or SVG; it must not run as a page of this origin.
SANDBOXED = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "sandbox; default-src 'none'",
}

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


async def send_file(request: Request, send: Send, file: HostedFile) -> None:
    """Answer a GET or HEAD of the file, or of the part of it that the request wants."""
    info = ObjectInfo(file.size, file.modified_at, file.md5)
    headers = {"X-Data-Type": "file", **validators(info), **SANDBOXED, "Accept-Ranges": "bytes"}
    try:
        parse_conditions(request).check(info)
        part = parse_range(request) if request.method == "GET" else None
        wanted = part is not None and range_still_counts(request, info)
        span = part.within(file.size) if part is not None and wanted else None
    except NotModified:
        await Response(304, content_type=None, headers=validators(info)).send(send)
        return
    except StoreError as exc:
        raise as_api_error(exc, DATA) from exc
    status, first, length = 200, 0, file.size
    if span is not None:
        status, first, length = 206, span[0], span[1] - span[0] + 1
        headers["Content-Range"] = content_range(span, file.size)
    content_type = content_type_of(file.name)
    if request.method == "HEAD":
        await start(send, status, headers, content_type, length)
        await send({"type": "http.response.body", "body": b""})
        return
    async with opened_blob(file.blob_name, first, length) as (blob, piece):
        await start(send, status, headers, content_type, length)
        await send_blob(send, blob, piece, length)


async def send_blob(send: Send, blob: File, piece: bytes, left: int) -> None:
    """Send the body of an answer whose head is sent: `piece`, then more until nothing is left."""
    while piece and left > 0:
        piece = piece[:left]
        left -= len(piece)
        await send({"type": "http.response.body", "body": piece, "more_body": True})
        piece = await in_file_thread(blob.read, _READ_SIZE) if left else b""
    await send({"type": "http.response.body", "body": b""})


@asynccontextmanager
async def opened_blob(blob_name: str, first: int, length: int) -> AsyncIterator[tuple[File, bytes]]:
    """`length` bytes under `blob_name` from `first` on, and a piece of them. Raises BlobMissing."""
    blob, piece = await in_file_thread(_open_and_read, blob_name, first, length)
    try:
        yield blob, piece
    finally:
        # Not awaited: a read may still be running when the request was cancelled.
        _executor.submit(blob.close)


def _open_and_read(blob_name: str, first: int, length: int) -> tuple[File, bytes]:
    blob = open_blob(blob_name, first, length)
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
    """Have what has come written while more comes."""
    waiting: list[bytes] = []
    size = 0
    writing: asyncio.Future[None] | None = None
    async for chunk in request.chunks():
        waiting.append(chunk)
        size += len(chunk)
        if size < _WRITE_SIZE:
            continue
        if writing is not None:
            await writing
        writing = asyncio.ensure_future(in_file_thread(incoming.write, *waiting))
        # Nobody asks when the client goes away before the next piece.
        writing.add_done_callback(_forget_failure)
        waiting, size = [], 0
    if writing is not None:
        await writing
    await in_file_thread(_finish, incoming, waiting)


def _finish(incoming: IncomingFile, rest: list[bytes]) -> None:
    incoming.write(*rest)
    incoming.flush()


def _forget_failure(done: "asyncio.Future[None]") -> None:
    if not done.cancelled():
        done.exception()
