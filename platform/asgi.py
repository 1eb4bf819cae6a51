"""The HTTP application: the byte planes in front, Django behind them (design.md 4)."""

import os
from collections.abc import MutableMapping
from typing import Any

import algoport

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "algoport.settings")

from django.conf import settings
from django.contrib.staticfiles.handlers import ASGIStaticFilesHandler
from django.core.asgi import get_asgi_application

django_application = ASGIStaticFilesHandler(get_asgi_application())

import algoport.celery  # noqa: E402, F401  (tasks are sent by this application's broker)
from algoport.accounts.callers import CallerAuthenticator  # noqa: E402
from algoport.audit.actors import set_actor  # noqa: E402
from algoport.db.changes import ChangeListener  # noqa: E402
from algoport.http.asgi import Receive, Scope, Send  # noqa: E402
from algoport.http.relay import PRINCIPAL, set_application  # noqa: E402
from algoport.http.tracing import begin, traced  # noqa: E402
from algoport.metrics import Flusher, http_requests  # noqa: E402
from algorithms.api.call_plane import CallPlane  # noqa: E402
from algorithms.running.gateway import Gateway, Role  # noqa: E402
from dataportal.api.data_plane import DataPlane  # noqa: E402
from scm.api.git_plane import GitPlane  # noqa: E402

_count_call, _count_data, _count_git, _count_django = (
    http_requests.counter(plane) for plane in ("calls", "data", "git", "django")
)


def at_most(receive: Receive, limit: int) -> Receive:
    """End a request whose body is larger: Django would write all of it to disk before a view."""
    size = 0

    async def counted() -> MutableMapping[str, Any]:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        return {"type": "http.disconnect"} if size > limit else message

    return counted


class Platform:
    """Routes requests to the planes; starts and stops what they need with the server."""

    def __init__(self) -> None:
        self._listener = ChangeListener()
        authenticate = CallerAuthenticator(self._listener)
        self.gateway = Gateway(self._listener)
        self._calls = CallPlane(authenticate, self._listener, self.gateway)
        self._data = DataPlane(authenticate, self._listener)
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
        elif path.startswith(("/v1/data", "/v1/connector")):
            await self._data(scope, receive, traced(send, trace, _count_data))
        elif path.startswith("/git/") and PRINCIPAL not in scope:
            await self._git(scope, receive, traced(send, trace, _count_git))
        else:
            bounded = at_most(receive, settings.DJANGO_BODY_BYTES)
            await django_application(scope, bounded, traced(send, trace, _count_django))

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
