"""Published versions: their numbers, notes and who may call them; what waits for an approval."""

from collections.abc import Callable

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_POST

from algoport.accounts.permissions import Action
from algoport.accounts.web.requests import viewer_of
from algoport.web.lists import Filter, Listing, Sort
from algoport.web.pages import go_to
from algorithms.constants import Callability
from algorithms.errors import NothingToApprove
from algorithms.models import Approval
from algorithms.selectors import get_published_version, published_versions
from algorithms.web.builds import publishable
from algorithms.web.shell import algorithm_of_page, render_algorithm, viewer_may

_SORTS = {
    "number": Sort("Version", ("-major", "-minor", "-patch")),
    "published": Sort("Published", ("-created_at", "-id")),
}
_CALLERS = Filter(
    "callers", "Callable by", ((Callability.PUBLIC, "Everybody"), (Callability.PRIVATE, "Members"))
)


@login_required
def versions(request: HttpRequest, owner: str, name: str) -> HttpResponse:
    """Those that the viewer may see: the public ones, and for the owner all."""
    algorithm = algorithm_of_page(request, owner, name)
    sees_all = viewer_may(request, Action.SEE_BUILDS, algorithm)
    filters = (_CALLERS,) if sees_all else ()
    listing = Listing(request, _SORTS, filters, "Release notes")
    rows = published_versions(viewer_of(request), algorithm)
    if listing.q:
        rows = rows.filter(release_notes__icontains=listing.q)
    if "callers" in listing.chosen:
        rows = rows.callable_by_all(listing.chosen["callers"] == Callability.PUBLIC)
    context = {
        "listing": listing.take(rows),
        "sees_all": sees_all,
        "may_decide": viewer_may(request, Action.PUBLISH_PUBLICLY, algorithm),
        "reads_source": viewer_may(request, Action.READ_SOURCE, algorithm),
        "publishable": publishable(request, algorithm),
    }
    return render_algorithm(request, "algorithms/versions.html", algorithm, context)


@login_required
@require_POST
def decide(
    request: HttpRequest,
    owner: str,
    name: str,
    number: str,
    decision: Callable[..., Approval],
) -> HttpResponse:
    """Let everybody call a version that a member published, or keep it to the organization."""
    algorithm = algorithm_of_page(request, owner, name, Action.PUBLISH_PUBLICLY)
    version = get_published_version(algorithm, number)
    try:
        approval = decision(version=version, decider=viewer_of(request))
    except NothingToApprove as exc:
        messages.warning(request, exc.text)
    else:
        messages.success(request, f"Version {version} is {approval.state}.")
    return go_to(request, "algorithm-versions", algorithm.owner.username, algorithm.name)
