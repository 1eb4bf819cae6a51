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
from algorithms.categories import categories
from algorithms.models import Category

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
    curated = categories()
    filters = (*_category_filter(curated), _WHOSE, environment)
    listing = Listing(request, _SORTS, filters, "Search", has_sort_menu=True)
    listing.take(catalogue_of(viewer, Wanted(words=listing.q, **listing.chosen)))
    versions = newest_versions(viewer, listing.rows)
    cards = [(row, versions.get(row.pk)) for row in listing.rows]
    chosen = listing.chosen.get("category")
    context = {
        "listing": listing,
        "cards": cards,
        "category": next((each for each in curated if each.tag == chosen), None),
        "categories": [] if listing.is_narrowed or listing.page > 1 else curated,
    }
    return render_page(request, "algorithms/catalogue.html", context)


def _category_filter(curated: list[Category]) -> list[Filter]:
    """None where there are no categories."""
    choices = [(each.tag, each.title) for each in curated]
    return [Filter("category", "Category", choices)] if choices else []
