"""/v1/web/algo: calls that pages of other sites make in a browser (spec.md 1, 2.3)."""

from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from algoport.accounts.permissions import Action, OriginResource, Principal, require
from algoport.db.changes import ChangeListener
from algoport.http.asgi import Receive, Request, Response, Scope, Send
from algorithms.api.call_plane import PREFIX, CallPlane
from algorithms.running.gateway import Gateway

WEB_PREFIX = b"/v1/web/algo/"
# No credentials that a browser sends by itself are ever looked at, so any site may ask.
_ANY_ORIGIN = (b"Access-Control-Allow-Origin", b"*")
_READABLE = (b"Access-Control-Expose-Headers", b"X-Request-Id, X-Session-Id, Server-Timing")
_PREFLIGHT = {
    "Access-Control-Allow-Methods": "POST, OPTIONS",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, Accept, Idempotency-Key",
    "Access-Control-Max-Age": "86400",
}


class WebPlane:
    """The call plane for keys that may be used in browsers, with what these ask for (CORS)."""

    def __init__(
        self,
        authenticate: Callable[[Request], Awaitable[Principal]],
        listener: ChangeListener,
        gateway: Gateway,
    ) -> None:
        self._authenticate = authenticate
        self._calls = CallPlane(self._authenticate_page, listener, gateway)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_to_page(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], _ANY_ORIGIN, _READABLE]
            await send(message)

        if scope["method"] == "OPTIONS":
            await Response(content_type=None, headers=dict(_PREFLIGHT)).send(send_to_page)
            return
        called = PREFIX + scope["raw_path"][len(WEB_PREFIX) :]
        await self._calls({**scope, "raw_path": called}, receive, send_to_page)

    async def _authenticate_page(self, request: Request) -> Principal:
        """The key's principal, if it may be used by the page that asks. Raises NotAuthorized."""
        principal = await self._authenticate(request)
        if principal.user_id is None:
            return principal
        require(principal, Action.CALL_FROM_BROWSER, OriginResource(host_of_page(request)))
        return as_program(principal)


def as_program(principal: Principal) -> Principal:
    """Of a page that may ask: from here on it is a call like others."""
    return replace(principal, scopes=replace(principal.scopes, native_calls=True))


def host_of_page(request: Request) -> str:
    """The host of the page that asks, as the browser says; "" when it does not."""
    address = request.header(b"referer") or request.header(b"origin") or ""
    try:
        return (urlsplit(address).hostname or "").lower()
    except ValueError:
        return ""
