"""The platform's API as seen from inside a sandbox: HTTP over a unix socket, without a key.

The agent in a sandbox pipes its loopback port into this socket. Requests that arrive here are
given to the same ASGI application that serves the network, with the principal of the call in
progress in place of an Authorization header: nothing secret ever enters the sandbox (design.md 5).
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import h11

from algoport.http.asgi import Receive, Scope, Send

logger = logging.getLogger(__name__)

Application = Callable[[Scope, Receive, Send], Awaitable[None]]
Identity = Callable[[], Mapping[str, object]]

PRINCIPAL = "algoport.principal"
# What code in a sandbox must never choose: who it is, and by which way it came.
_DROPPED_HEADERS = frozenset({b"authorization", b"cookie", b"x-forwarded-for", b"forwarded"})
_READ_SIZE = 256 * 1024
_MOST_CONNECTIONS = 64

_application: Application | None = None


def set_application(application: Application) -> None:
    """Called once by the composition root with the application that the relay serves."""
    global _application
    _application = application


class RelayServer:
    """Serves one sandbox.

    `identity` gives, for each request, the entries of its scope that say on whose behalf it is
    made: always PRINCIPAL, which is None while no call is in progress. `note_status` is told the
    status of each answer.
    """

    def __init__(
        self, path: Path, identity: Identity, note_status: Callable[[int], None] = lambda _: None
    ) -> None:
        self._path = path
        self._identity = identity
        self._note_status = note_status
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        self._server = await asyncio.start_unix_server(self._accept, path=str(self._path))
        # The sandbox's own user must be able to connect; the folder is closed to all others.
        self._path.chmod(0o666)

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        tasks = list(self._connections)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._path.unlink(missing_ok=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        if len(self._connections) >= _MOST_CONNECTIONS:
            writer.close()
            return
        self._connections.add(task)
        try:
            await _Connection(reader, writer, self._identity, self._note_status).serve()
        except (ConnectionError, h11.RemoteProtocolError, h11.LocalProtocolError) as exc:
            logger.debug("relay connection ended: %s", exc)
        finally:
            self._connections.discard(task)
            writer.close()


class _Connection:
    """One keep-alive connection from a sandbox."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        identity: Identity,
        note_status: Callable[[int], None],
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._identity = identity
        self._note_status = note_status
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=64 * 1024)

    async def serve(self) -> None:
        assert _application is not None, "the composition root has not set an application"
        while True:
            event = await self._next_event()
            if not isinstance(event, h11.Request):
                return
            await _application(self._scope(event), self._receive, self._send)
            await self._finish_request()
            if self._http.our_state is not h11.DONE or self._http.their_state is not h11.DONE:
                return
            self._http.start_next_cycle()

    async def _next_event(self) -> h11.Event | type[h11.PAUSED]:
        while True:
            event = self._http.next_event()
            if event is h11.NEED_DATA:
                if self._http.they_are_waiting_for_100_continue:
                    await self._write(h11.InformationalResponse(status_code=100, headers=[]))
                self._http.receive_data(await self._reader.read(_READ_SIZE))
                continue
            return event  # type: ignore[return-value]

    async def _finish_request(self) -> None:
        """Read what the application left of the body, so that the next request can follow."""
        while self._http.their_state is h11.SEND_BODY:
            event = await self._next_event()
            if isinstance(event, h11.ConnectionClosed):
                return

    def _scope(self, request: h11.Request) -> Scope:
        path, _, query = bytes(request.target).partition(b"?")
        return {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": request.method.decode("ascii"),
            "scheme": "http",
            "path": _decode_path(path),
            "raw_path": path,
            "root_path": "",
            "query_string": query,
            "headers": [
                (bytes(name), bytes(value))
                for name, value in request.headers
                if bytes(name) not in _DROPPED_HEADERS
            ],
            "server": ("localhost", 80),
            "client": None,
            **self._identity(),
        }

    async def _receive(self) -> MutableMapping[str, Any]:
        if self._http.their_state is not h11.SEND_BODY:
            # The body is over. A server that said "disconnect" here would make Django give up a
            # request whose client waits for the answer; the task ends with the connection.
            await asyncio.Event().wait()
        event = await self._next_event()
        if isinstance(event, h11.Data):
            return {"type": "http.request", "body": bytes(event.data), "more_body": True}
        if isinstance(event, h11.EndOfMessage):
            return {"type": "http.request", "body": b"", "more_body": False}
        return {"type": "http.disconnect"}

    async def _send(self, message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self._note_status(message["status"])
            await self._write(
                h11.Response(status_code=message["status"], headers=list(message["headers"]))
            )
            return
        if message.get("body"):
            await self._write(h11.Data(data=message["body"]))
        if not message.get("more_body", False):
            await self._write(h11.EndOfMessage())

    async def _write(self, event: h11.Event) -> None:
        data = self._http.send(event)
        if data:
            self._writer.write(data)
            await self._writer.drain()


def _decode_path(raw: bytes) -> str:
    return unquote(raw.decode("latin-1"))
