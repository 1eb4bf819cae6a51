"""The Data Portal's first page: all sources of data that a user has."""

from django.contrib.auth.mixins import LoginRequiredMixin
from django.http import HttpRequest, HttpResponse
from django.views import View

from algoport.accounts.web.requests import viewer_of
from algoport.web.lists import Filter, Listing, Sort
from algoport.web.pages import render_page
from dataportal.constants import Protocol
from dataportal.sources import KIND_NAMES, DataSource, list_sources_for

_SORTS = {
    "name": Sort("Name", ("rank", "sort_name", "uri")),
    "kind": Sort("Kind", ("kind_name", "sort_name", "uri", "owner")),
    "owner": Sort("Owner", ("owner", "rank", "sort_name", "uri")),
}
# As the drop-down of spec.md 5.6 has them.
OFFERED = (Protocol.S3, Protocol.DROPBOX, Protocol.GOOGLE_CLOUD, Protocol.AZURE_BLOB)


class SourcesView(LoginRequiredMixin, View):
    def get(self, request: HttpRequest) -> HttpResponse:
        found = list_sources_for(viewer_of(request))
        listing = Listing(request, _SORTS, _filters(found), searches="Search data sources")
        listing.take_from([each for each in found if _is_wanted(each, listing)])
        return render_page(
            request, "dataportal/sources.html", {"listing": listing, "protocols": OFFERED}
        )


def _filters(found: list[DataSource]) -> list[Filter]:
    kinds, owners = {each.kind for each in found}, {each.owner for each in found}
    return [
        Filter("kind", "Kind", [(kind, KIND_NAMES[kind]) for kind in KIND_NAMES if kind in kinds]),
        Filter("owner", "Owner", [(owner, owner) for owner in sorted(owners, key=str.lower)]),
    ]


def _is_wanted(source: DataSource, listing: Listing) -> bool:
    chosen = listing.chosen
    return (
        source.has(listing.q)
        and chosen.get("kind", source.kind) == source.kind
        and chosen.get("owner", source.owner) == source.owner
    )
