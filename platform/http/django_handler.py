"""Django's end of the application: few threads, each of which answers a request as a whole."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import IO

from asgiref.sync import ThreadSensitiveContext, sync_to_async
from django.core.exceptions import RequestAborted
from django.core.handlers.asgi import ASGIHandler, get_script_prefix
from django.core.signals import request_started
from django.db import connections
from django.http.response import HttpResponseBase
from django.urls import Resolver404, resolve, set_script_prefix

from algoport.db.threads import REQUEST_THREADS, WAITING_REQUEST_THREADS
from algoport.http.asgi import Receive, Scope, Send

_threads = ThreadPoolExecutor(REQUEST_THREADS, thread_name_prefix="request")
_waiting_threads = ThreadPoolExecutor(WAITING_REQUEST_THREADS, thread_name_prefix="waiting-request")


class RequestHandler(ASGIHandler):
    """Runs middleware, view and queries of a request in one thread, which keeps its connection.

    Django's own handler has a thread, and so a connection, made for every request, and goes from
    the event loop to that thread and back for each middleware.
    """

    def __init__(self) -> None:
        # Not that of ASGIHandler, which makes a chain for event loops.
        super(ASGIHandler, self).__init__()
        self.load_middleware()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            body = await self.read_body(receive)
        except RequestAborted:
            return
        executor = _waiting_threads if _is_to_wait(scope) else _threads
        answered = executor.submit(copy_context().run, self._answer, scope, body)
        # Also of a request that nobody waits for any more when its turn comes.
        answered.add_done_callback(lambda _: body.close())
        response = await asyncio.wrap_future(answered)
        if response.streaming:
            await self._send_stream(response, send)
        else:
            await self.send_response(response, send)

    def _answer(self, scope: Scope, body: IO[bytes]) -> HttpResponseBase:
        set_script_prefix(get_script_prefix(scope))
        request_started.send(sender=type(self), scope=scope)
        request, refusal = self.create_request(scope, body)
        response: HttpResponseBase = refusal or self.get_response(request)
        response._handler_class = type(self)
        if not response.streaming:
            # What is sent is kept; all else of the request ends here, in its thread.
            response.close()
        return response

    async def _send_stream(self, response: HttpResponseBase, send: Send) -> None:
        """In a thread of its own: the rows may be many and the client slow."""
        async with ThreadSensitiveContext():
            try:
                await self.send_response(response, send)
            finally:
                await sync_to_async(_end_stream)(response)


def _is_to_wait(scope: Scope) -> bool:
    """Whether the view says `waits_for_others`: they must not keep the threads of all others."""
    # Reads of the API are the most, and none of those waits for long but the end of an
    # authorization, for which a repository host is asked.
    is_read = scope["method"] != "POST" and scope["path"].startswith("/v1/")
    if is_read and not scope["path"].endswith("/oauth/finish"):
        return False
    try:
        view = resolve(scope["path"]).func
    except Resolver404:
        return False
    kind = getattr(view, "cls", None) or getattr(view, "view_class", view)
    return bool(getattr(kind, "waits_for_others", False))


def _end_stream(response: HttpResponseBase) -> None:
    response.close()
    connections.close_all()
