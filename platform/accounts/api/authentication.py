"""DRF's way to the principal of a request."""

from typing import TYPE_CHECKING
from uuid import UUID

from rest_framework.authentication import BaseAuthentication
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from algoport.accounts.actors import actor_of
from algoport.accounts.authentication import (
    SCOPE_KEY,
    authenticate_key,
    key_from_header,
    principal_of_relay,
)
from algoport.accounts.permissions import Action, Principal, require
from algoport.audit.actors import set_actor
from algoport.audit.constants import Via
from algoport.errors import NotAuthenticated

if TYPE_CHECKING:
    # The views module reads this module's name from the settings while it is imported.
    from rest_framework.views import APIView


def principal_of(request: Request) -> Principal:
    """Who asks, in a view for those who have signed in."""
    principal = request.user
    assert isinstance(principal, Principal)
    return principal


class KeyAuthentication(BaseAuthentication):
    """DRF's entry: `request.user` is the principal."""

    def authenticate(self, request: Request) -> tuple[Principal, UUID | None] | None:
        scope = getattr(request._request, "scope", {})
        if SCOPE_KEY in scope:
            principal = principal_of_relay(scope[SCOPE_KEY])
            key_id = None
        else:
            key = key_from_header(request.META.get("HTTP_AUTHORIZATION"))
            if key is None:
                return None
            principal = authenticate_key(key)
            key_id = principal.key_id
        set_actor(actor_of(principal, Via.API))
        return principal, key_id

    def authenticate_header(self, request: Request) -> str:
        return 'Simple realm="algoport"'


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
