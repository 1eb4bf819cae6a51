"""The Usage tab: how often an algorithm is called, how long that takes, and by whom."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from algoport.accounts.permissions import Action
from algorithms.metering.algorithm_usage import MOST_CALLS, Span, usage_of_algorithm
from algorithms.web.charts import HEIGHT, WIDTH, bars_of, lines_of
from algorithms.web.shell import algorithm_of_page, render_algorithm

_SPANS = ((Span.DAY, "24 hours"), (Span.WEEK, "7 days"), (Span.MONTH, "30 days"))


@login_required
@require_GET
def usage(request: HttpRequest, owner: str, name: str) -> HttpResponse:
    """Of the last `?span=`."""
    algorithm = algorithm_of_page(request, owner, name, Action.SEE_ALGORITHM_USAGE)
    said = request.GET.get("span", "")
    span = Span(said) if said in list(Span) else Span.DAY
    found = usage_of_algorithm(algorithm, span)
    context = {
        "spans": [(each.value, label, each == span) for each, label in _SPANS],
        "span_label": dict(_SPANS)[span],
        "usage": found,
        "most": MOST_CALLS,
        "calls": bars_of(found.intervals),
        "durations": lines_of(found.intervals),
        "width": WIDTH,
        "height": HEIGHT,
    }
    return render_algorithm(request, "algorithms/usage.html", algorithm, context)
