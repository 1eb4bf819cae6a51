"""Keys of an organization: what uses one acts as the organization itself."""

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache

from algoport.accounts.selectors import get_key_of
from algoport.accounts.services import revoke_key
from algoport.accounts.web.key_form import KeyForm
from algoport.accounts.web.keys import list_keys, make_key
from algoport.accounts.web.made_key import take_made_key
from algoport.web.pages import go_to
from orgs.web.pages import keys_managed_by, show, show_form


@login_required
def keys(request: HttpRequest, organization: str) -> HttpResponse:
    found = keys_managed_by(request, organization)
    return show(request, found, "orgs/keys.html", {"listing": list_keys(request, found.account)})


@login_required
def new_key(request: HttpRequest, organization: str) -> HttpResponse:
    found = keys_managed_by(request, organization)
    form = KeyForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        make_key(request, form, found.account)
        return go_to(request, "org-key-made", organization)
    return show_form(request, found, "orgs/key_new.html", {"form": form})


@never_cache
@login_required
def key_made(request: HttpRequest, organization: str) -> HttpResponse:
    """The new key, once."""
    found = keys_managed_by(request, organization)
    made = take_made_key(request, found.account)
    if made is None:
        return go_to(request, "org-keys", organization)
    return show(request, found, "orgs/key_made.html", {"key": made.row, "secret": made.secret})


@login_required
def revoke(request: HttpRequest, organization: str, key_id: UUID) -> HttpResponse:
    found = keys_managed_by(request, organization)
    key = get_key_of(found.account, key_id)
    if request.method != "POST":
        return show(request, found, "orgs/key_revoke.html", {"key": key})
    revoke_key(key=key)
    messages.success(request, f"The key “{key.label}” is revoked.")
    return go_to(request, "org-keys", organization)
