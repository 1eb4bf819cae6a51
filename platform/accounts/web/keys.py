"""Pages of an account's keys: `/user/keys`."""

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.cache import never_cache

from algoport.accounts.models import ApiKey, User
from algoport.accounts.permissions import Action
from algoport.accounts.selectors import find_keys_of, get_account_for, get_key_of
from algoport.accounts.services import issue_key, revoke_key
from algoport.accounts.web.key_form import KeyForm
from algoport.accounts.web.made_key import keep_made_key, take_made_key
from algoport.accounts.web.requests import viewer_of
from algoport.web.lists import Filter, Listing, Sort
from algoport.web.pages import go_to, refuse_form, render_page

_SORTS = {
    "created": Sort("Created", ("-created_at", "-id")),
    "label": Sort("Label", ("label", "id")),
}
_MAY = {
    "call": ~Q(algo_acl=[]),
    "manage": Q(allow_algo_management=True),
    "data": Q(allow_data=True),
    "pages": Q(allow_web_algo=True),
}
_FILTER = Filter(
    "may",
    "May",
    [
        ("call", "call algorithms"),
        ("manage", "manage algorithms"),
        ("data", "use data"),
        ("pages", "be used in web pages"),
    ],
)


@login_required
def keys(request: HttpRequest) -> HttpResponse:
    listing = list_keys(request, _account(request))
    return render_page(request, "accounts/keys.html", {"listing": listing})


@login_required
def new_key(request: HttpRequest) -> HttpResponse:
    owner = _account(request)
    form = KeyForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        make_key(request, form, owner)
        return go_to(request, "key-made")
    answer = refuse_form if request.method == "POST" else render_page
    return answer(request, "accounts/key_new.html", {"form": form})


@never_cache
@login_required
def key_made(request: HttpRequest) -> HttpResponse:
    """The new key, once."""
    made = take_made_key(request, _account(request))
    if made is None:
        return redirect("keys")
    return render_page(request, "accounts/key_made.html", {"key": made.row, "secret": made.secret})


@login_required
def revoke(request: HttpRequest, key_id: UUID) -> HttpResponse:
    key = get_key_of(_account(request), key_id)
    if request.method != "POST":
        return render_page(request, "accounts/key_revoke.html", {"key": key})
    revoke_key(key=key)
    messages.success(request, f"The key “{key.label}” is revoked.")
    return go_to(request, "keys")


def list_keys(request: HttpRequest, owner: User) -> Listing:
    """The page of an account's keys that the URL asks for."""
    listing = Listing(request, _SORTS, (_FILTER,), searches="Search by label")
    rows: QuerySet[ApiKey] = find_keys_of(owner)
    if listing.q:
        rows = rows.filter(label__icontains=listing.q)
    for value in listing.chosen.values():
        rows = rows.filter(_MAY[value])
    return listing.take(rows)


def make_key(request: HttpRequest, form: KeyForm, owner: User) -> None:
    """Make the key of a valid form, and keep it for the page that shows it."""
    label, scopes = form.cleaned_data["label"], form.scopes()
    made = issue_key(maker=viewer_of(request), owner=owner, label=label, scopes=scopes)
    keep_made_key(request, made)


def _account(request: HttpRequest) -> User:
    viewer = viewer_of(request)
    return get_account_for(viewer, viewer.username, Action.MANAGE_KEYS)
