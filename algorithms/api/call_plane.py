"""POST /v1/algo/OWNER/NAME[/VERSION] and /v1/algo/ID[/VERSION], in front of Django (design.md 4).

An ASGI application.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import NamedTuple
from urllib.parse import unquote
from uuid import UUID, uuid4

from django.conf import settings

from algoport import metrics
from algoport.accounts.permissions import Principal
from algoport.db.changes import ChangeCache, ChangeListener
from algoport.db.threads import in_database_thread
from algoport.errors import (
    ApiError,
    CallIsOver,
    InputValidationError,
    MethodNotAllowed,
    NotAuthenticated,
)
from algoport.http.asgi import (
    Receive,
    Request,
    Scope,
    Send,
    answer,
    json_response,
    parse_boolean,
)
from algoport.http.tracing import TRACE, Trace
from algorithms.api.answers import CallOptions, render
from algorithms.constants import IDEMPOTENCY_KEY_LENGTH, MOST_CHILD_CALLS, MOST_RETRIES
from algorithms.errors import (
    CalledAlgorithmNotFound,
    InvalidTimeout,
    TooManyChildCalls,
    UnsupportedContentType,
)
from algorithms.metering.records import CallRecord
from algorithms.queueing.accepting import QueueOptions, accept_call
from algorithms.running.dispatch import run_somewhere
from algorithms.running.gateway import Gateway
from algorithms.running.invocation import Outcome, Route, invoke, outcome_of, route_of
from algorithms.running.payloads import check_input, kind_of_input
from algorithms.running.program import CALL, Call
from algorithms.selectors import Target, resolve_call, resolve_call_by_id

PREFIX = b"/v1/algo/"
# The status in the record of a call that nobody waited for until its end: none was sent.
CLIENT_GONE = 499
_ID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\Z")


class CallPlane:
    """Authenticates, resolves, runs and answers calls."""

    def __init__(
        self,
        authenticate: Callable[[Request], Awaitable[Principal]],
        listener: ChangeListener,
        gateway: Gateway,
    ) -> None:
        self._authenticate = authenticate
        self._routes: ChangeCache[Route] = ChangeCache(listener)
        self._gateway = gateway

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await answer(self._handle, scope, receive, send)

    async def _handle(self, request: Request, send: Send) -> None:
        trace: Trace = request.scope[TRACE]
        if request.method != "POST":
            raise MethodNotAllowed("Algorithms are called with POST.", allow=["POST"])
        principal = await self._authenticate(request)
        if principal.user_id is None:
            raise NotAuthenticated("authorization required")
        trace.spent("auth")
        route = await self._resolve(principal, parse_path(request.raw_path))
        trace.spent("resolve")
        options = parse_options(request)
        payload = await read_input(request)
        size = len(payload) - 1
        trace.spent("relay")
        if options.queue is not None:
            accepted = await self._queue(
                request, trace, principal, route, payload, size, options.queue
            )
            await json_response({"async": "void", "request_id": f"req-{accepted}"}).send(send)
            return
        record = CallRecord(trace, principal, route.target, size, kind_of(request))
        try:
            outcome = await self._run(request, trace, principal, route, payload, options)
        except asyncio.CancelledError:
            # The caller has gone, or the call that made this one has ended; it cost all the same.
            self._gateway.journal.write(record, CLIENT_GONE, "Cancelled", 0)
            metrics.count_call("disconnected", trace.seconds, trace.phases)
            raise
        except ApiError as exc:
            self._gateway.journal.write(record, exc.status, type(exc).__name__, 0)
            metrics.count_call(outcome_of_refusal(exc), trace.seconds, trace.phases)
            raise
        response = render(outcome, route.target, options)
        failure = outcome.failure
        error_type = "" if failure is None else failure.error_type
        self._gateway.journal.write(record, response.status, error_type, len(response.body))
        metrics.count_call(outcome_of(failure), trace.seconds, trace.phases)
        if failure is not None:
            self._gateway.errors.write(record, payload, failure)
        await response.send(send)

    async def _queue(
        self,
        request: Request,
        trace: Trace,
        principal: Principal,
        route: Route,
        payload: bytes,
        size: int,
        options: QueueOptions,
    ) -> UUID:
        """The id of the request that was accepted, or of the first one of its Idempotency-Key."""
        session_id = trace.session.id
        parent: Call | None = request.scope.get(CALL)
        if parent is not None:
            count_child(parent)
            # It goes on when the session of the run that made it has ended.
            session_id = uuid4()
        return await in_database_thread(
            accept_call,
            request_id=trace.id,
            session_id=session_id,
            principal=principal,
            target=route.target,
            payload=payload,
            bytes_in=size,
            options=options,
        )

    async def _run(
        self,
        request: Request,
        trace: Trace,
        principal: Principal,
        route: Route,
        payload: bytes,
        options: CallOptions,
    ) -> Outcome:
        gateway = self._gateway
        deadline = asyncio.get_running_loop().time() + options.timeout
        parent: Call | None = request.scope.get(CALL)
        if parent is not None:
            call = child_of(parent, trace, route, deadline)
            with parent.child():
                if gateway.hosts.are_several and call.lease is None:
                    return await run_somewhere(gateway, route, payload, call)
                return await invoke(gateway.pool, gateway.starter, route, payload, call)
        assert principal.user_id is not None
        await gateway.slots.take(principal.user_id, principal.call_limit)
        try:
            call = Call(trace, route.identity, deadline)
            if gateway.hosts.are_several:
                return await run_somewhere(gateway, route, payload, call)
            return await invoke(gateway.pool, gateway.starter, route, payload, call)
        finally:
            gateway.slots.give_back(principal.user_id)
            await gateway.end_session(trace.session)

    async def _resolve(self, principal: Principal, asked: "CalledVersion") -> Route:
        # The principal is a value: with another scope or run it is another entry. Of a run the
        # session does not matter, and the rest follows from these.
        run = principal.run
        asked_by = (
            principal
            if run is None
            else (
                *(principal.user_id, principal.key_id, principal.member_of),
                *(run.algorithm_id, run.pipeline_enabled),
            )
        )
        key = (asked_by, asked)
        known = self._routes.get(key)
        if known is not None:
            return known
        generation = self._routes.generation
        target = await in_database_thread(asked.resolve, principal)
        route = route_of(target, principal)
        self._routes.put(key, route, generation)
        return route


async def read_input(request: Request) -> bytes:
    """The input for a runner: a letter for its kind, and the body.

    Raises MalformedJson, InputValidationError, UnsupportedContentType, RequestTooLarge.
    """
    content_type = request.header(b"content-type")
    kind = kind_of_input(content_type)
    # Most clients read no answer before they have sent everything.
    payload = await request.body(settings.CALL_INPUT_BYTES, before=kind or b"")
    if kind is None:
        raise UnsupportedContentType(given=content_type)
    check_input(payload)
    return payload


def outcome_of_refusal(error: ApiError) -> str:
    """The metric's word for a call that did not reach its algorithm."""
    if error.status == 429:
        return "overloaded"
    return "refused" if error.status < 500 else "platform_error"


def kind_of(request: Request) -> str:
    return "child" if CALL in request.scope else "sync"


def child_of(parent: Call, trace: Trace, route: Route, deadline: float) -> Call:
    """A call that a run makes: of the same session and caller, and not longer than its parent.

    Raises TooManyChildCalls, CallIsOver.
    """
    count_child(parent)
    deadline = min(deadline, parent.deadline)
    return Call(trace, route.identity, deadline, parent.depth + 1, parent.lease)


def count_child(parent: Call) -> None:
    if parent.is_over:
        # The head of its request came in time, the rest after the end.
        raise CallIsOver
    if parent.session.children >= MOST_CHILD_CALLS:
        raise TooManyChildCalls(limit=MOST_CHILD_CALLS)
    parent.session.children += 1


class CalledVersion(NamedTuple):
    """What a path calls: an algorithm by owner and name or by its id; "" is no version."""

    owner: str
    name: str
    version: str
    algorithm_id: UUID | None = None

    def resolve(self, principal: Principal) -> Target:
        """Raises CalledAlgorithmNotFound, NotAuthorized."""
        if self.algorithm_id is not None:
            return resolve_call_by_id(principal, self.algorithm_id, self.version)
        return resolve_call(principal, self.owner, self.name, self.version)


def parse_path(raw_path: bytes) -> CalledVersion:
    """OWNER/NAME[/VERSION] or ID[/VERSION]; a slash at the end is nothing."""
    text = unquote(raw_path[len(PREFIX) :].decode("latin-1"))
    parts = text.removesuffix("/").split("/")
    if not all(parts) or len(parts) > 3:
        raise CalledAlgorithmNotFound(target=text)
    # Account names have no hyphens.
    if len(parts) < 3 and _ID.match(parts[0]):
        return CalledVersion("", "", "".join(parts[1:]), UUID(parts[0]))
    if len(parts) < 2:
        raise CalledAlgorithmNotFound(target=text)
    return CalledVersion(parts[0], parts[1], "".join(parts[2:]))


def parse_options(request: Request) -> CallOptions:
    """The options of a call; names we do not know are the client's own business (wire.md 3)."""
    query = request.query()
    output = query.get("output", "default").lower()
    if output not in ("default", "raw", "void", ""):
        raise InputValidationError("output is raw, void or default.")
    limit = settings.CALL_TIMEOUT_LIMIT_SECONDS
    raw = query.get("timeout", "")
    timeout = settings.CALL_TIMEOUT_SECONDS
    if raw:
        if not _is_number(raw) or not 1 <= int(raw) <= limit:
            raise InvalidTimeout(limit=limit)
        timeout = int(raw)
    queue = parse_queue_options(request, query, timeout, is_queued=output == "void")
    return CallOptions(timeout, parse_boolean([query.get("stdout")]), output == "raw", queue)


def _is_number(text: str) -> bool:
    """Digits alone; Python refuses to read thousands of them."""
    return text.isascii() and text.isdigit() and len(text) < 10


def parse_queue_options(
    request: Request, query: dict[str, str], timeout: int, *, is_queued: bool
) -> QueueOptions | None:
    """What only a queued call can have. Raises InputValidationError when another asks for it."""
    key = request.header(b"idempotency-key")
    retries = query.get("retries", "")
    webhook = query.get("webhook", "")
    if key is not None and not 1 <= len(key) <= IDEMPOTENCY_KEY_LENGTH:
        raise InputValidationError(
            f"Idempotency-Key has from 1 to {IDEMPOTENCY_KEY_LENGTH} characters."
        )
    if not is_queued:
        for name, value in (
            ("Idempotency-Key", key),
            ("retries", retries),
            ("webhook", webhook),
        ):
            if value:
                raise InputValidationError(f"{name} is for asynchronous calls: add output=void.")
        return None
    if retries and not (_is_number(retries) and int(retries) <= MOST_RETRIES):
        raise InputValidationError(f"retries is a whole number from 0 to {MOST_RETRIES}.")
    return QueueOptions(timeout, int(retries or 0), key, webhook)
