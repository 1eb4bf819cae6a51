"""Objects of stores between the network and a storage, a piece at a time."""

import asyncio
import re
from collections.abc import Callable
from functools import partial
from typing import Any, Protocol, TypeVar

from algoport.errors import InputValidationError
from algoport.http.asgi import Request, Response, Send, start
from dataportal.api.conditional import (
    content_range,
    parse_conditions,
    parse_range,
    range_still_counts,
    validators,
)
from dataportal.api.store_threads import in_background
from dataportal.connectors.failures import as_api_error
from dataportal.content_types import content_type_of, type_told
from dataportal.errors import PartNotThere, StorageNotReached
from dataportal.stores.base import (
    ByteRange,
    Conditions,
    NotModified,
    ObjectInfo,
    Opened,
    PreconditionFailed,
    Store,
    Upload,
)

R = TypeVar("R")

DIRECTORY = {"X-Data-Type": "directory"}
# SECURITY: anyone may upload HTML or SVG; it must not run as a page of this origin.
SANDBOXED = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "sandbox; default-src 'none'",
}

# Of the first piece the answer's head depends; the others are fewer turns through threads.
_FIRST_READ_SIZE = 256 * 1024
_READ_SIZE = 1024 * 1024
# What of an upload may wait in memory for a thread to write it.
_WRITE_SIZE = 1024 * 1024
_META = b"x-data-meta-"
_META_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,99}\Z")
_LONGEST_META = 2048


class StorePlace(Protocol):
    """A store, and threads in which it is asked; `name` as its URIs begin.

    What a store raises comes back as what callers are told, but for NotFound and NotModified.
    """

    name: str

    async def ask(self, question: Callable[[Store], R]) -> R: ...

    async def blocking(self, function: Callable[..., R], *args: Any) -> R: ...


async def send_object(request: Request, send: Send, place: StorePlace, path: str) -> None:
    """Answer a GET of the object, or of the part of it that is asked for. Raises NotFound."""
    try:
        opened, piece = await _open(request, place, path)
    except NotModified as exc:
        await _send_not_modified(send, exc)
        return
    try:
        await _send_opened(send, place, path, opened, piece)
    finally:
        in_background(opened.close)


async def send_head(
    request: Request, send: Send, place: StorePlace, path: str, info: ObjectInfo
) -> None:
    """Answer a HEAD of the object."""
    try:
        parse_conditions(request).check(info)
    except NotModified as exc:
        await _send_not_modified(send, exc)
        return
    except PreconditionFailed as exc:
        raise as_api_error(exc, place.name) from exc
    await start(send, 200, _headers(info), _type_of(path, info), info.size)
    await send({"type": "http.response.body", "body": b""})


async def receive_object(request: Request, place: StorePlace, path: str) -> None:
    """Take the request's body as the object, whole or not at all. Raises NotFound."""
    metadata = _metadata_of(request)
    content_type = content_type_of(path.rpartition("/")[2])
    upload = await place.ask(lambda store: store.write(path, content_type, metadata))
    writing: asyncio.Future[None] | None = None
    try:
        upload.expect(int(request.header(b"content-length") or 0))
        waiting: list[bytes] = []
        size = 0
        async for chunk in request.chunks():
            waiting.append(chunk)
            size += len(chunk)
            if size < _WRITE_SIZE:
                continue
            if writing is not None:
                await writing
            # While more comes.
            writing = asyncio.ensure_future(place.blocking(upload.write, *waiting))
            waiting, size = [], 0
        if writing is not None:
            await writing
        await place.blocking(_finish, upload, waiting)
    except BaseException:
        _abort_after(writing, upload)
        raise


def _finish(upload: Upload, rest: list[bytes]) -> None:
    upload.write(*rest)
    upload.finish()


def _abort_after(writing: "asyncio.Future[None] | None", upload: Upload) -> None:
    """Nobody waits for it: it has to happen when the request was cancelled, too."""

    def abort(written: "asyncio.Future[None]") -> None:
        # What it raises is told already, or nobody is there to be told.
        if not written.cancelled():
            written.exception()
        in_background(upload.abort)

    if writing is None:
        in_background(upload.abort)
    else:
        writing.add_done_callback(abort)


async def _open(request: Request, place: StorePlace, path: str) -> tuple[Opened, bytes]:
    """The object, and its first piece: what fails at once can still be told."""
    conditions, part = parse_conditions(request), parse_range(request)
    whole = partial(_open_and_read, path, None, conditions)
    try:
        opened, piece = await place.ask(partial(_open_and_read, path, part, conditions))
    except PartNotThere:
        if request.header(b"if-range") is None:
            raise
        # It may be another file by now, which is to be sent as a whole.
        opened, piece = await place.ask(whole)
        if not range_still_counts(request, opened.info):
            return opened, piece
        in_background(opened.close)
        raise
    if part is None or range_still_counts(request, opened.info):
        return opened, piece
    in_background(opened.close)
    return await place.ask(whole)


def _open_and_read(
    path: str, part: ByteRange | None, conditions: Conditions, store: Store
) -> tuple[Opened, bytes]:
    opened = store.open(path, part, conditions)
    try:
        return opened, opened.read(_FIRST_READ_SIZE)
    except BaseException:
        opened.close()
        raise


async def _send_opened(
    send: Send, place: StorePlace, path: str, opened: Opened, piece: bytes
) -> None:
    headers, status = _headers(opened.info), 200
    if opened.span is not None:
        status = 206
        headers["Content-Range"] = content_range(opened.span, opened.info.size)
    await start(send, status, headers, _type_of(path, opened.info), opened.length)
    left = opened.length
    while piece:
        left -= len(piece)
        await send({"type": "http.response.body", "body": piece, "more_body": left > 0})
        piece = await place.blocking(opened.read, _READ_SIZE) if left > 0 else b""
    if left > 0:
        # The server cuts the connection, so that nobody takes this for the whole file.
        raise StorageNotReached(connector=place.name, reason="the file ended early.")
    if not opened.length:
        await send({"type": "http.response.body", "body": b""})


async def _send_not_modified(send: Send, same: NotModified) -> None:
    headers = validators(ObjectInfo(0, same.modified_at, same.etag))
    await Response(304, content_type=None, headers=headers).send(send)


def _headers(info: ObjectInfo) -> dict[str, str]:
    headers = {"X-Data-Type": "file", **validators(info), **SANDBOXED, "Accept-Ranges": "bytes"}
    for name, value in info.metadata.items():
        # Whoever wrote it there may have written anything.
        if _META_NAME.match(name.lower()):
            headers[f"X-Data-Meta-{name}"] = value
    return headers


def _type_of(path: str, info: ObjectInfo) -> str:
    return type_told(path.rpartition("/")[2], info.content_type)


def _metadata_of(request: Request) -> dict[str, str]:
    """X-Data-Meta-NAME: VALUE. Raises InputValidationError."""
    metadata = {}
    for raw_name, raw_value in request.scope["headers"]:
        name = raw_name.lower()
        if not name.startswith(_META):
            continue
        text, value = name[len(_META) :].decode("latin-1"), raw_value.decode("latin-1").strip()
        if not _META_NAME.match(text) or not value.isascii() or not value.isprintable():
            raise InputValidationError(
                "X-Data-Meta headers have names of letters, digits, `_`, `.` and `-`,"
                " and ASCII values."
            )
        metadata[text] = value
    if sum(len(name) + len(value) for name, value in metadata.items()) > _LONGEST_META:
        raise InputValidationError(f"X-Data-Meta headers hold at most {_LONGEST_META} bytes.")
    return metadata
