"""The error log of an algorithm (spec.md 3.12)."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse

from algoport.accounts.permissions import Action
from algoport.accounts.web.requests import viewer_of
from algoport.web.lists import Filter, Listing, Sort
from algorithms.constants import ERRORS_KEPT, MOST_ERRORS, FeatureName
from algorithms.features.switching import is_enabled
from algorithms.metering.error_log import LoggedError, errors_of_algorithm
from algorithms.web.shell import algorithm_of_page, render_algorithm

_SORTS = {"time": Sort("Time", ("-entry.created_at", "-entry.id"))}


@login_required
def errors(request: HttpRequest, owner: str, name: str) -> HttpResponse:
    """Recent failures of its calls; the log is as long as what is kept of it."""
    algorithm = algorithm_of_page(request, owner, name, Action.SEE_ALGORITHM_ERRORS)
    logged = errors_of_algorithm(viewer_of(request), algorithm)
    types = sorted({each.entry.error_type for each in logged})
    filters = (Filter("type", "Error type", [(each, each) for each in types]),)
    listing = Listing(request, _SORTS, filters, "Message, caller or request")
    wanted = listing.chosen.get("type")
    rows = [
        each
        for each in logged
        if wanted in (None, each.entry.error_type) and listing.q.lower() in _text(each)
    ]
    context = {
        "listing": listing.take_from(rows),
        "is_on": is_enabled(FeatureName.ALGORITHM_ERRORS, algorithm.owner_id),
        "days": ERRORS_KEPT.days,
        "most": MOST_ERRORS,
    }
    return render_algorithm(request, "algorithms/errors.html", algorithm, context)


def _text(logged: LoggedError) -> str:
    entry = logged.entry
    return f"{entry.message}\n{logged.caller}\nreq-{entry.request_id}".lower()
