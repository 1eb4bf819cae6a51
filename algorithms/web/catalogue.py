"""The catalogue's page."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse

from algoport.accounts.web.requests import viewer_of
from algoport.web.lists import Filter, Listing, Sort
from algoport.web.pages import render_page
from algorithms.catalogue import (
    MINE,
    ORGANIZATIONS,
    PUBLIC,
    Wanted,
    catalogue_environments,
    catalogue_of,
    newest_versions,
)

_SORTS = {
    "name": Sort("Name", ("name_key", "id")),
    "newest": Sort("Newest", ("-created_at", "-id")),
}
_WHOSE = Filter(
    "whose",
    "Whose",
    ((MINE, "Mine"), (ORGANIZATIONS, "My organizations'"), (PUBLIC, "Public")),
)


@login_required
def catalogue(request: HttpRequest) -> HttpResponse:
    """Every algorithm that the viewer may see."""
    viewer = viewer_of(request)
    environment = Filter("environment", "Environment", catalogue_environments())
    listing = Listing(request, _SORTS, (_WHOSE, environment), "Search", has_sort_menu=True)
    listing.take(catalogue_of(viewer, Wanted(words=listing.q, **listing.chosen)))
    versions = newest_versions(viewer, listing.rows)
    cards = [(row, versions.get(row.pk)) for row in listing.rows]
    return render_page(request, "algorithms/catalogue.html", {"listing": listing, "cards": cards})
