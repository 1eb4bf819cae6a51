"""`/git/OWNER/NAME.git`: the smart protocol of git, spoken by git's own http-backend."""

import asyncio
import logging
import re
from collections.abc import MutableMapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from algoport.accounts.actors import actor_of
from algoport.accounts.basic import authenticate_basic
from algoport.accounts.permissions import Principal
from algoport.audit.actors import set_actor
from algoport.audit.constants import Via
from algoport.db.threads import in_database_thread
from algoport.errors import ApiError, NotAuthenticated, RouteNotFound
from algoport.http.asgi import Receive, Request, Response, Scope, Send, answer
from algoport.http.clients import address_of
from scm.api.backend import Backend, BodyLimits
from scm.api.pushes import HOOKS, PushSession
from scm.errors import UnsupportedContent
from scm.git import git_environ
from scm.host import RepositoryAccess, current_host
from scm.repositories import remove_stale_locks, repository_path

logger = logging.getLogger(__name__)

PACK_BYTES = 512 * 1024**2
_FETCH_LIMITS = BodyLimits(16 * 1024**2, 64 * 1024**2)
# What a pack has beyond git's own limit is read to its end, so that git's refusal is seen.
_PUSH_LIMITS = BodyLimits(2 * 1024**3, PACK_BYTES + 16 * 1024**2)
_UNATTENDED_SECONDS = 600.0

_FETCH, _PUSH = "git-upload-pack", "git-receive-pack"
_NAME = r"[a-zA-Z][a-zA-Z0-9_]{0,127}"
_PATH = re.compile(
    rf"/git/({_NAME})/({_NAME})\.git/(info/refs|{_FETCH}|{_PUSH})\Z".encode(), re.ASCII
)
_PROTOCOL = re.compile(r"[a-z0-9=:]{1,64}\Z", re.ASCII)

_CONFIG = (
    ("transfer.hideRefs", "refs/"),
    ("transfer.hideRefs", "!refs/heads/"),
    ("transfer.hideRefs", "!refs/tags/"),
    ("http.getanyfile", "false"),
)
_FETCH_CONFIG = (
    *_CONFIG,
    ("core.hooksPath", "/dev/null"),
    ("http.receivepack", "false"),
    ("uploadpack.allowTipSHA1InWant", "false"),
    ("uploadpack.allowReachableSHA1InWant", "false"),
    ("uploadpack.allowAnySHA1InWant", "false"),
)
_PUSH_CONFIG = (
    *_CONFIG,
    ("core.hooksPath", str(HOOKS)),
    ("http.receivepack", "true"),
    ("http.uploadpack", "false"),
    ("receive.denyNonFastForwards", "true"),
    ("receive.denyDeletes", "true"),
    ("receive.denyDeleteCurrent", "refuse"),
    ("receive.fsckObjects", "true"),
    ("receive.maxInputSize", str(PACK_BYTES)),
    # A push stays one pack: one flush to disk instead of one for each object.
    ("receive.unpackLimit", "1"),
    # Packing them together now and then goes on in the background, after the pusher is told.
    ("receive.autogc", "true"),
    ("gc.autoDetach", "true"),
)

# Tasks that end a request; kept here, for the loop itself keeps no task alive.
_endings: set[asyncio.Task[None]] = set()


@dataclass(frozen=True)
class Route:
    """What a request asks for; `advertises` is its first step, the list of refs."""

    owner: str
    name: str
    service: str
    advertises: bool


class GitPlane:
    """The ASGI application."""

    def __init__(self) -> None:
        hook = HOOKS / "post-receive"
        if not hook.stat().st_mode & 0o100:
            # git would skip the hook with a hint in a log, and pushes would build nothing.
            raise ImproperlyConfigured(f"{hook} is not executable: run chmod +x on it")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await answer(_serve, scope, receive, send)


async def _serve(request: Request, send: Send) -> None:
    sent = False

    async def track(message: MutableMapping[str, Any]) -> None:
        nonlocal sent
        sent = True
        await send(message)

    try:
        await _handle(request, track)
    except ApiError as exc:
        if sent:
            # An answer that ends here would look complete: the connection is cut instead.
            raise ConnectionAbortedError("a git answer could not be finished") from exc
        if exc.status >= 500:
            logger.error("%s: %s [%s]", request.raw_path, exc.text, exc.id)
        await _refusal(exc).send(send)


def _refusal(error: ApiError) -> Response:
    """The answer to an error: git shows its user the text of a plain one, not JSON."""
    headers = error.headers()
    if isinstance(error, NotAuthenticated):
        headers["WWW-Authenticate"] = 'Basic realm="algoport"'
    return Response(error.status, f"{error.text}\n".encode(), "text/plain", headers)


async def _handle(request: Request, send: Send) -> None:
    route = parse_route(request)
    header = request.header(b"authorization")
    principal = await in_database_thread(authenticate_basic, header, address_of(request))
    if principal.user_id is None:
        # The same for what exists and what does not, so that git asks for credentials.
        raise NotAuthenticated("Sign in with a user name and a password or API key.")
    set_actor(actor_of(principal, Via.GIT))
    access = await in_database_thread(
        current_host().authorize,
        principal,
        route.owner,
        route.name,
        write=route.service == _PUSH,
    )
    environ = _environ(request, route, access, principal)
    if route.service == _PUSH and not route.advertises:
        await _receive_push(request, send, environ, PushSession(principal, access))
    else:
        await _run(request, send, await Backend.launch(environ), None)


def parse_route(request: Request) -> Route:
    """Raises RouteNotFound for all but the smart protocol's three requests."""
    match = _PATH.match(request.raw_path)
    if match is None:
        raise RouteNotFound
    owner, name, last = (part.decode() for part in match.groups())
    advertises = last == "info/refs"
    service = request.query().get("service", "") if advertises else last
    if service not in {_FETCH, _PUSH} or request.method != ("GET" if advertises else "POST"):
        raise RouteNotFound
    return Route(owner, name, service, advertises)


async def _receive_push(
    request: Request, send: Send, environ: dict[str, str], session: PushSession
) -> None:
    async with AsyncExitStack() as stack:
        stack.push_async_callback(session.close)
        await asyncio.to_thread(remove_stale_locks, session.access.repository_id)
        backend = await Backend.launch(environ | await session.open())
        stack.pop_all()
    await _run(request, send, backend, session)


async def _run(request: Request, send: Send, backend: Backend, session: PushSession | None) -> None:
    try:
        await backend.exchange(request, send, _FETCH_LIMITS if session is None else _PUSH_LIMITS)
    finally:
        # A task of its own: the server cancels a request some seconds after its client has gone.
        ending = asyncio.create_task(_end(backend, session))
        _endings.add(ending)
        ending.add_done_callback(_endings.discard)
        await asyncio.shield(ending)


async def _end(backend: Backend, session: PushSession | None) -> None:
    """Stop git; a push that has arrived whole is finished first, so that no build is lost."""
    try:
        if session is not None and backend.fed:
            session.abandon()
            await asyncio.wait_for(backend.drain(), _UNATTENDED_SECONDS)
    except TimeoutError:
        logger.warning("a push did not end and was stopped")
    finally:
        await backend.stop()
        if session is not None:
            await session.close()


def _environ(
    request: Request, route: Route, access: RepositoryAccess, principal: Principal
) -> dict[str, str]:
    """The CGI environment (RFC 3875); nothing of the client's reaches it unchecked.

    Raises UnsupportedContent: no page of another site can make a browser send git's types.
    """
    expected = "" if route.advertises else f"application/x-{route.service}-request"
    if expected and request.header(b"content-type") != expected:
        raise UnsupportedContent(expected=expected)
    environ = git_environ(_PUSH_CONFIG if route.service == _PUSH else _FETCH_CONFIG)
    path = repository_path(access.repository_id).relative_to(settings.REPOSITORIES_FOLDER)
    last = "info/refs" if route.advertises else route.service
    environ |= {
        "GIT_PROJECT_ROOT": str(settings.REPOSITORIES_FOLDER),
        "GIT_HTTP_EXPORT_ALL": "1",
        "PATH_INFO": f"/{path}/{last}",
        "REQUEST_METHOD": request.method,
        "QUERY_STRING": f"service={route.service}" if route.advertises else "",
        "CONTENT_TYPE": expected,
        "REMOTE_USER": principal.username,
    }
    protocol = request.header(b"git-protocol") or ""
    if _PROTOCOL.match(protocol):
        environ["HTTP_GIT_PROTOCOL"] = environ["GIT_PROTOCOL"] = protocol
    return environ
