"""Browsers' sessions on the byte planes, by the rules of DRF's views."""

from collections.abc import Awaitable, Callable
from functools import partial
from io import BytesIO

from django.conf import settings
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponse
from rest_framework.request import Request as APIRequest

from algoport.accounts.actors import actor_of_session
from algoport.accounts.api.authentication import SessionAuthentication
from algoport.accounts.permissions import Principal
from algoport.accounts.web.impersonation import ImpersonationMiddleware
from algoport.audit.actors import set_actor
from algoport.db.threads import in_database_thread
from algoport.http.asgi import Request

# What tells of a session and of where a request comes from. The body is for the plane alone.
_HEADERS = frozenset({b"cookie", b"host", b"origin", b"referer", b"x-csrftoken"})


def _nothing(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


class _KeptSessionMiddleware(SessionMiddleware):
    """Sessions keep their keys: no answer of a plane could tell the browser of another one.

    Django gives another to a session that was made under a former secret key. The next page does.
    """

    def process_request(self, request: HttpRequest) -> None:
        super().process_request(request)
        request.session.cycle_key = lambda: None


# Those of settings.MIDDLEWARE that find out whose session it is.
_MIDDLEWARE = (
    _KeptSessionMiddleware(_nothing),
    AuthenticationMiddleware(_nothing),
    ImpersonationMiddleware(_nothing),
)


class SessionAuthenticator:
    """Finds the principal of a request by its header, and without one by the browser's session.

    A session changes something only with the CSRF token of the site's own pages.
    """

    def __init__(self, by_header: Callable[[Request], Awaitable[Principal]]) -> None:
        self._by_header = by_header

    async def __call__(self, request: Request) -> Principal:
        """Raises what `by_header` does, and NotAuthorized for a request of another site's page."""
        principal = await self._by_header(request)
        if principal.user_id is not None or not _has_session(request):
            return principal
        seen = _as_django_sees(request)
        found = await in_database_thread(_principal_of_session, seen)
        if found is None:
            return principal
        set_actor(partial(actor_of_session, seen))
        return found


def _has_session(request: Request) -> bool:
    return f"{settings.SESSION_COOKIE_NAME}=" in (request.header(b"cookie") or "")


def _as_django_sees(request: Request) -> ASGIRequest:
    scope = dict(request.scope)
    scope["headers"] = [
        (name.lower(), value) for name, value in scope["headers"] if name.lower() in _HEADERS
    ]
    return ASGIRequest(scope, BytesIO())


def _principal_of_session(request: ASGIRequest) -> Principal | None:
    for middleware in _MIDDLEWARE:
        middleware.process_request(request)
    found = SessionAuthentication().authenticate(APIRequest(request))
    return None if found is None else found[0]
