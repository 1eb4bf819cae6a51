"""POST /v1/algo/OWNER/NAME[/VERSION]: the ASGI application in front of Django (design.md 4)."""

from collections.abc import Awaitable, Callable
from urllib.parse import unquote

from django.conf import settings

from algoport.accounts.permissions import Principal
from algoport.db.changes import ChangeCache, ChangeListener
from algoport.db.threads import in_database_thread
from algoport.errors import (
    FeatureNotImplemented,
    InputValidationError,
    MethodNotAllowed,
    NotAuthenticated,
)
from algoport.http.asgi import Receive, Request, Scope, Send, answer, parse_boolean
from algoport.http.tracing import SESSION
from algorithms.errors import CalledAlgorithmNotFound, InvalidTimeout
from algorithms.running.invocation import CallOptions, encode_input, invoke, render
from algorithms.running.pool import RunnerPool
from algorithms.selectors import Target, resolve_call

PREFIX = b"/v1/algo/"


class CallPlane:
    """Authenticates, resolves, runs and answers calls."""

    def __init__(
        self, authenticate: Callable[[Request], Awaitable[Principal]], listener: ChangeListener
    ) -> None:
        self._authenticate = authenticate
        self._targets: ChangeCache[Target] = ChangeCache(listener)
        self.pool = RunnerPool()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await answer(self._handle, scope, receive, send)

    async def _handle(self, request: Request, send: Send) -> None:
        if request.method != "POST":
            raise MethodNotAllowed("Algorithms are called with POST.")
        principal = await self._authenticate(request)
        if principal.user_id is None:
            raise NotAuthenticated("authorization required")
        owner, name, version = parse_path(request.raw_path)
        target = await self._resolve(principal, owner, name, version)
        options = parse_options(request.query())
        body = await request.body(settings.CALL_INPUT_BYTES)
        line = encode_input(body, request.header(b"content-type"))
        session = request.scope[SESSION]
        outcome = await invoke(self.pool, principal, target, line, options.timeout, session)
        await render(outcome, target, options).send(send)

    async def _resolve(self, principal: Principal, owner: str, name: str, version: str) -> Target:
        # The principal is a value: with another scope or run it is another entry. Of a run the
        # session does not matter, and the rest follows from these.
        run = principal.run
        asked_by = (
            principal
            if run is None
            else (principal.user_id, principal.key_id, run.algorithm_id, run.pipeline_enabled)
        )
        key = (asked_by, owner, name, version)
        known = self._targets.get(key)
        if known is not None:
            return known
        generation = self._targets.generation
        target = await in_database_thread(resolve_call, principal, owner, name, version)
        self._targets.put(key, target, generation)
        return target


def parse_path(raw_path: bytes) -> tuple[str, str, str]:
    """Owner, name and version ("" without one) of a call's path; a trailing slash is nothing."""
    text = unquote(raw_path[len(PREFIX) :].decode("latin-1"))
    parts = text.removesuffix("/").split("/")
    if not 2 <= len(parts) <= 3 or not all(parts):
        raise CalledAlgorithmNotFound(target=text)
    return parts[0], parts[1], parts[2] if len(parts) == 3 else ""


def parse_options(query: dict[str, str]) -> CallOptions:
    """The options of a call; names we do not know are the client's own business (wire.md 3)."""
    output = query.get("output", "default").lower()
    if output == "void":
        raise FeatureNotImplemented("Asynchronous calls (output=void) are not available yet.")
    if output not in ("default", "raw", ""):
        raise InputValidationError("output is raw, void or default.")
    limit = settings.CALL_TIMEOUT_LIMIT_SECONDS
    raw = query.get("timeout", "")
    timeout = settings.CALL_TIMEOUT_SECONDS
    if raw:
        if not (raw.isascii() and raw.isdigit()) or not 1 <= int(raw) <= limit:
            raise InvalidTimeout(limit=limit)
        timeout = int(raw)
    return CallOptions(timeout, parse_boolean([query.get("stdout")]), output == "raw")
