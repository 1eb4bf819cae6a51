"""The key that an account starts with, shown to its user at their first sign-in, once."""

from django.http import HttpRequest
from django.urls import reverse

from algoport.accounts.models import ApiKey, User
from algoport.accounts.services import create_default_key
from algoport.encryption import decrypt, encrypt

_SESSION_KEY = "first_key"


def keep_first_key(request: HttpRequest, user: User) -> None:
    """Make the default key of an account that never had a key, for the page that shows it."""
    if not ApiKey.objects.filter(owner=user).exists():
        request.session[_SESSION_KEY] = encrypt(create_default_key(owner=user).secret)


def made_first_key(request: HttpRequest) -> str | None:
    """The page that shows the key, while there is one to show."""
    return reverse("welcome") if _SESSION_KEY in request.session else None


def take_first_key(request: HttpRequest) -> str | None:
    """The key itself, to be shown now and never again."""
    sealed = request.session.pop(_SESSION_KEY, None)
    return None if sealed is None else decrypt(sealed)
