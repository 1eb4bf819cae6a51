"""The HTTP application: the byte planes in front, Django behind them (design.md 4)."""

import os
from collections.abc import MutableMapping
from typing import Any

import algoport

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "algoport.settings")

import django
from django.conf import settings

django.setup(set_prefix=False)

import algoport.celery  # noqa: E402, F401  (tasks are sent by this application's broker)
from algoport.accounts.api.browser_sessions import SessionAuthenticator  # noqa: E402
from algoport.accounts.callers import CallerAuthenticator  # noqa: E402
from algoport.audit.actors import set_actor  # noqa: E402
from algoport.db.changes import ChangeListener  # noqa: E402
from algoport.errors import RouteNotFound  # noqa: E402
from algoport.http.asgi import (  # noqa: E402
    Receive,
    Request,
    RequestTooLarge,
    Scope,
    Send,
    answer,
    error_response,
)
from algoport.http.django_handler import RequestHandler  # noqa: E402
from algoport.http.relay import PRINCIPAL, set_application  # noqa: E402
from algoport.http.static_files import StaticFiles  # noqa: E402
from algoport.http.tracing import begin, traced  # noqa: E402
from algoport.metrics import Flusher, http_requests  # noqa: E402
from algorithms.api.call_plane import CallPlane  # noqa: E402
from algorithms.api.web_plane import WebPlane  # noqa: E402
from algorithms.running.gateway import Gateway, Role  # noqa: E402
from dataportal.api.data_plane import DataPlane  # noqa: E402
from scm.api.git_plane import GitPlane  # noqa: E402

django_application = StaticFiles(RequestHandler())
_count_call, _count_data, _count_git, _count_django = (
    http_requests.counter(plane) for plane in ("calls", "data", "git", "django")
)


class Bounded:
    """A request's body as Django gets it: one that is too large ends, as if the client had gone.

    Django would write all of it to disk before a view.
    """

    def __init__(self, receive: Receive, limit: int) -> None:
        self._receive = receive
        self._limit = limit
        self._size = 0
        self._has_ended = False

    @property
    def is_too_large(self) -> bool:
        return self._size > self._limit

    async def receive(self) -> MutableMapping[str, Any]:
        message = await self._receive()
        self._size += len(message.get("body", b""))
        self._has_ended = not message.get("more_body", False)
        return {"type": "http.disconnect"} if self.is_too_large else message

    async def skip(self) -> None:
        """Read on for a while: most clients read no answer before they have sent everything."""
        while not self._has_ended and self._size < 4 * self._limit:
            await self.receive()


async def through_django(scope: Scope, receive: Receive, send: Send) -> None:
    limit = settings.DJANGO_BODY_BYTES
    body = Bounded(receive, limit)

    async def handle(request: Request, send: Send) -> None:
        if "\0" in scope["path"]:
            # It names nothing, and the database takes no such text.
            raise RouteNotFound
        await django_application(scope, body.receive, send)
        if body.is_too_large:
            await body.skip()
            raise RequestTooLarge(limit=limit)

    await answer(handle, scope, body.receive, send)


class Platform:
    """Routes requests to the planes; starts and stops what they need with the server."""

    def __init__(self) -> None:
        self._listener = ChangeListener()
        authenticate = CallerAuthenticator(self._listener)
        self.gateway = Gateway(self._listener)
        self._calls = CallPlane(SessionAuthenticator(authenticate), self._listener, self.gateway)
        self._web_calls = WebPlane(authenticate, self._listener, self.gateway)
        self._data = DataPlane(SessionAuthenticator(authenticate), self._listener)
        self._git = GitPlane()
        self._flusher = Flusher()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
            return
        trace = begin(scope)
        # The next request of a connection is not for who sent the last one.
        set_actor(None)
        path: str = scope["path"]
        if path.startswith("/v1/algo/"):
            await self._calls(scope, receive, traced(send, trace, _count_call))
        elif path.startswith("/v1/web/algo/"):
            await self._web_calls(scope, receive, traced(send, trace, _count_call))
        elif path.startswith(("/v1/data", "/v1/connector")):
            await self._data(scope, receive, traced(send, trace, _count_data))
        elif path.startswith("/git/") and PRINCIPAL not in scope:
            await self._git(scope, receive, traced(send, trace, _count_git))
        elif PRINCIPAL in scope and not path.startswith("/v1/"):
            # Code of an algorithm has no business with the pages on which people sign in.
            await error_response(RouteNotFound()).send(traced(send, trace, _count_django))
        else:
            await through_django(scope, receive, traced(send, trace, _count_django))

    async def open(self, role: Role) -> None:
        """Start what calls need, in this event loop; web processes and workers do."""
        self._listener.start()
        self._flusher.start()
        self._data.open()
        await self.gateway.open(role)

    async def close(self) -> None:
        await self.gateway.close()
        self._data.close()
        self._listener.stop()
        self._flusher.stop()

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        await self.open(Role.WEB)
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self.close()
        await send({"type": "lifespan.shutdown.complete"})


application = Platform()
set_application(application)
