"""How many notifications the reader of a page has not read."""

from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from algoport.accounts.web.requests import signed_in_user
from algoport.notifications.constants import MOST_COUNTED
from algoport.notifications.selectors import count_unread


def unread_notifications(request: HttpRequest) -> dict[str, Any]:
    """As the badge tells it; asked for only by templates that show it to who has signed in."""
    return {"unread_notifications": SimpleLazyObject(lambda: _told(request))}


def _told(request: HttpRequest) -> str:
    count = count_unread(signed_in_user(request))
    return f"{MOST_COUNTED}+" if count > MOST_COUNTED else str(count or "")
