"""Sessions in which an administrator is a user (spec.md 2.7): a full swap of identity.

The session is the user's; it remembers the administrator and the hash of their password, so that
it ends with either's rights, with a sign-out, and within an hour.
"""

from typing import Any

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, logout
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.middleware.csrf import rotate_token
from django.urls import reverse
from django.utils.deprecation import MiddlewareMixin
from django.views.decorators.http import require_POST

from algoport.accounts.impersonation import (
    begin_impersonation,
    end_impersonation,
    may_impersonate,
)
from algoport.accounts.models import User

IMPERSONATOR_KEY = "impersonator"
LONGEST_SECONDS = 3600


class ImpersonationMiddleware(MiddlewareMixin):
    """Finds the administrator behind a session, and ends one that may not go on."""

    def process_request(self, request: HttpRequest) -> None:
        # Without a cookie there is no session, and it must not look as if it had mattered.
        if settings.SESSION_COOKIE_NAME not in request.COOKIES:
            return
        told = request.session.get(IMPERSONATOR_KEY)
        if told is None:
            return
        administrator = _administrator(told, request.user)
        if administrator is None:
            logout(request)
        else:
            request.impersonator = administrator


def impersonation(request: HttpRequest) -> dict[str, Any]:
    """For all templates: who is behind the user, if somebody is."""
    return {"impersonator": getattr(request, "impersonator", None)}


def begin(request: HttpRequest, account: User) -> HttpResponse:
    """Make the session the account's. Raises NotAuthorized."""
    administrator = request.user
    assert isinstance(administrator, User)
    begin_impersonation(administrator=administrator, account=account)
    _swap(request, account)
    request.session[IMPERSONATOR_KEY] = [
        str(administrator.pk),
        administrator.get_session_auth_hash(),
    ]
    request.session.set_expiry(LONGEST_SECONDS)
    return HttpResponseRedirect(reverse("home"))


@require_POST
def stop_impersonation(request: HttpRequest) -> HttpResponse:
    """Give the session back to the administrator."""
    administrator = getattr(request, "impersonator", None)
    if administrator is None:
        raise Http404
    account = User.objects.get(pk=request.user.pk)
    end_impersonation(account=account)
    _swap(request, administrator)
    return HttpResponseRedirect(reverse("admin:accounts_user_change", args=[account.pk]))


def _administrator(told: list[str], account: object) -> User | None:
    """Who is behind the session of this account; None when they may not be any more."""
    identifier, password_hash = told
    found = User.objects.filter(pk=identifier, is_active=True).first()
    if found is None or not found.is_session_auth_hash(password_hash):
        return None
    allowed = isinstance(account, User) and may_impersonate(found, account)
    return found if allowed else None


def _swap(request: HttpRequest, account: User) -> None:
    """A new session under a new key, of the account alone.

    Not Django's `login`: the account has not signed in, and its last sign-in must not say so.
    """
    backend = request.session[BACKEND_SESSION_KEY]
    request.session.flush()
    request.session[SESSION_KEY] = str(account.pk)
    request.session[BACKEND_SESSION_KEY] = backend
    request.session[HASH_SESSION_KEY] = account.get_session_auth_hash()
    request.user = account
    rotate_token(request)
