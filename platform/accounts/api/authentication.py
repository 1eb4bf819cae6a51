"""DRF's way to the principal of a request."""

from typing import TYPE_CHECKING
from uuid import UUID

from rest_framework import authentication
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from algoport.accounts.actors import actor_of
from algoport.accounts.authentication import (
    SCOPE_KEY,
    authenticate_key,
    key_from_header,
    principal_of_relay,
    principal_of_user,
)
from algoport.accounts.bearer import token_from_header, verify_token
from algoport.accounts.constants import AccountKind
from algoport.accounts.guesses import Attempt, count_failure
from algoport.accounts.identities import principal_of_claims
from algoport.accounts.models import User
from algoport.accounts.permissions import Action, Principal, require
from algoport.accounts.web.requests import address_of
from algoport.audit.actors import set_actor
from algoport.audit.constants import Via
from algoport.errors import NotAuthenticated, NotAuthorized

if TYPE_CHECKING:
    # The views module reads this module's name from the settings while it is imported.
    from rest_framework.views import APIView


def principal_of(request: Request) -> Principal:
    """Who asks, in a view for those who have signed in."""
    principal = request.user
    assert isinstance(principal, Principal)
    return principal


class KeyAuthentication(BaseAuthentication):
    """A key or a bearer token; `request.user` is the principal."""

    def authenticate(self, request: Request) -> tuple[Principal, UUID | None] | None:
        scope = getattr(request._request, "scope", {})
        if SCOPE_KEY in scope:
            principal: Principal | None = principal_of_relay(scope[SCOPE_KEY])
        else:
            principal = _authenticate(request)
        if principal is None:
            return None
        set_actor(actor_of(principal, Via.API))
        return principal, None if SCOPE_KEY in scope else principal.key_id

    def authenticate_header(self, request: Request) -> str:
        return 'Simple realm="algoport"'


class SessionAuthentication(authentication.SessionAuthentication):
    """A browser that has signed in; what it changes needs the CSRF token of its pages."""

    def authenticate(self, request: Request) -> tuple[Principal, None] | None:
        user = getattr(request._request, "user", None)
        if not isinstance(user, User) or not user.is_active or user.kind != AccountKind.USER:
            return None
        try:
            self.enforce_csrf(request)
        except PermissionDenied as exc:
            raise NotAuthorized(
                "A browser's session changes something only with its CSRF token, as X-CSRFToken."
            ) from exc
        principal = principal_of_user(user)
        set_actor(actor_of(principal, Via.API))
        return principal, None


def _authenticate(request: Request) -> Principal | None:
    """By the header. Raises NotAuthenticated, TooManyFailures."""
    try:
        return _principal_of(request.META.get("HTTP_AUTHORIZATION"))
    except NotAuthenticated:
        count_failure(Attempt(address_of(request._request)))
        raise


def _principal_of(header: str | None) -> Principal | None:
    """Of a key or a token; None without a header."""
    token = token_from_header(header)
    if token is not None:
        return principal_of_claims(verify_token(token))
    key = key_from_header(header)
    return None if key is None else authenticate_key(key)


class IsSignedIn(BasePermission):
    """Any known caller; what they may do is decided by `permissions.can`."""

    def has_permission(self, request: Request, view: "APIView") -> bool:
        if not isinstance(request.user, Principal):
            raise NotAuthenticated("authorization required")
        return True


class MayAdminister(IsSignedIn):
    """Administrators, by an admin key; the refusal names the rule."""

    def has_permission(self, request: Request, view: "APIView") -> bool:
        super().has_permission(request, view)
        principal = principal_of(request)
        require(principal, Action.ADMINISTER)
        return True
