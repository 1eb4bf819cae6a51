"""What a request tells of its client."""

from django.conf import settings
from django.http import HttpRequest

from algoport.accounts.authentication import principal_of_user
from algoport.accounts.models import User
from algoport.accounts.permissions import Principal
from algoport.http.clients import client_address


def unwrapped(user: object) -> User:
    """The row itself of what may be Django's promise of it."""
    row = getattr(user, "_wrapped", user)
    assert isinstance(row, User)
    return row


def signed_in_user(request: HttpRequest) -> User:
    """Who has signed in, for pages that nobody else is shown."""
    assert request.user.is_authenticated
    return unwrapped(request.user)


def viewer_of(request: HttpRequest) -> Principal:
    """Whose page it is, for pages that nobody else is shown; one query for their organizations."""
    principal: Principal | None = getattr(request, "_viewer", None)
    if principal is None:
        principal = principal_of_user(signed_in_user(request))
        request._viewer = principal
    return principal


def address_of(request: HttpRequest) -> str:
    """Of who asks, as the proxies that are trusted tell it."""
    return client_address(
        request.META.get("REMOTE_ADDR") or "",
        request.META.get("HTTP_X_FORWARDED_FOR"),
        settings.TRUSTED_PROXIES,
    )


def agent_of(request: HttpRequest) -> str:
    """What the browser calls itself, without what no text of the database may hold."""
    return (request.META.get("HTTP_USER_AGENT") or "").replace("\x00", "")
