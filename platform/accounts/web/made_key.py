"""A key that was just made, on its way to the page that shows it, once."""

from uuid import UUID

from django.http import HttpRequest

from algoport.accounts.models import User
from algoport.accounts.selectors import get_key_of
from algoport.accounts.services import NewKey
from algoport.encryption import decrypt, encrypt

_SESSION_KEY = "made_key"


def keep_made_key(request: HttpRequest, made: NewKey) -> None:
    request.session[_SESSION_KEY] = [str(made.row.pk), encrypt(made.secret)]


def take_made_key(request: HttpRequest, owner: User) -> NewKey | None:
    """The owner's new key, to be shown now and never again. Raises KeyNotFound."""
    kept = request.session.pop(_SESSION_KEY, None)
    if kept is None:
        return None
    return NewKey(get_key_of(owner, UUID(kept[0])), decrypt(kept[1]))
