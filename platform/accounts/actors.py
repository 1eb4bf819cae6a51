"""Accounts as the audit trail names them, and the middleware that says who a session is."""

from collections.abc import Awaitable, Callable
from functools import partial

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

from algoport.accounts.models import User
from algoport.accounts.permissions import Principal
from algoport.audit.actors import Actor, acting
from algoport.audit.constants import Via

Handler = Callable[[HttpRequest], HttpResponseBase]
AsyncHandler = Callable[[HttpRequest], Awaitable[HttpResponseBase]]

_SESSION = "session"
_ANONYMOUS = "anonymous"


def actor_of(principal: Principal, via: Via) -> Actor:
    """The actor that a principal is."""
    return Actor(principal.kind.value, via, principal.user_id, principal.username, principal.key_id)


def actor_of_session(request: HttpRequest) -> Actor:
    """Whoever has signed in to the pages that the request came through."""
    via = Via.ADMIN if request.path.startswith("/admin/") else Via.WEB
    user = getattr(request, "user", None)
    if not isinstance(user, User):
        return Actor(_ANONYMOUS, via)
    behind = getattr(request, "impersonator", None)
    if behind is None:
        return Actor(_SESSION, via, user.id, user.username)
    impersonator = {"impersonator_id": behind.id, "impersonator_name": behind.username}
    return Actor(_SESSION, via, user.id, user.username, **impersonator)


@sync_and_async_middleware
def actor_middleware(get_response: Handler | AsyncHandler) -> Handler | AsyncHandler:
    """Let the session's account be who acts, until something else authenticates the request."""
    if iscoroutinefunction(get_response):

        async def answer_async(request: HttpRequest) -> HttpResponseBase:
            with acting(partial(actor_of_session, request)):
                response: HttpResponseBase = await get_response(request)
                return response

        return answer_async

    def answer(request: HttpRequest) -> HttpResponseBase:
        with acting(partial(actor_of_session, request)):
            response = get_response(request)
            assert isinstance(response, HttpResponseBase)
            return response

    return answer
