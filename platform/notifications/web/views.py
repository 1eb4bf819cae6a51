"""`/user/notifications`: what the reader was told, and what of it they have read."""

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_POST

from algoport.accounts.models import User
from algoport.accounts.web.requests import viewer_of
from algoport.notifications.selectors import get_reader_for, notifications_of
from algoport.notifications.services import mark_all_read, mark_read
from algoport.web.lists import Filter, Listing, Sort
from algoport.web.pages import go_to, render_page

_UNREAD = "unread"
_SORTS = {"newest": Sort("Newest", ("-created_at", "-id"))}
_STATES = Filter("state", "Show", ((_UNREAD, "Unread"),))


@login_required
def notifications(request: HttpRequest) -> HttpResponse:
    """All of them, newest first, or only the unread."""
    listing = _listing(request)
    unread = listing.chosen.get("state") == _UNREAD
    listing.take(notifications_of(_reader(request), unread=unread))
    context = {"listing": listing, "query": _query(listing)}
    return render_page(request, "notifications/notifications.html", context)


@login_required
@require_POST
def read_one(request: HttpRequest, notification_id: UUID) -> HttpResponse:
    """Marks one as read, and shows the same page of the list again."""
    mark_read(user=_reader(request), notification_id=notification_id)
    return go_to(request, f"{reverse('notifications')}{_query(_listing(request))}")


@login_required
@require_POST
def read_all(request: HttpRequest) -> HttpResponse:
    """Marks all as read."""
    if mark_all_read(user=_reader(request)):
        messages.success(request, "All notifications are marked as read.")
    return go_to(request, "notifications")


def _reader(request: HttpRequest) -> User:
    viewer = viewer_of(request)
    return get_reader_for(viewer, viewer.username)


def _listing(request: HttpRequest) -> Listing:
    return Listing(request, _SORTS, (_STATES,))


def _query(listing: Listing) -> str:
    """Of the list's URL, from its question mark on."""
    return "".join(listing.url().partition("?")[1:])
