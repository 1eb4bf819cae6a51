"""The start page: for visitors what this is, for an account the way to a first call, then its desk.

It belongs to the uppermost app, because it shows something of every other.
"""

import json
from http import HTTPStatus

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from algoport.accounts.permissions import Principal
from algoport.accounts.web.requests import viewer_of
from algoport.web.pages import is_htmx, render_page
from algorithms.home import FirstSteps, first_steps_of, own_algorithms_of, recent_calls_of
from dataportal.connectors.selectors import list_connectors_for
from dataportal.selectors import list_collections_for

_MOST_SHOWN = 5
_NEWS = {
    "algorithm": "You have a key.",
    "build": "Your algorithm is there.",
    "call": "Your algorithm is built and can be called.",
    "": "Your first call has been made.",
}


def home(request: HttpRequest) -> HttpResponse:
    if not request.user.is_authenticated:
        return render_page(request, "web/home.html", {"address": settings.ALGOPORT_URL})
    viewer = viewer_of(request)
    steps = first_steps_of(viewer)
    if is_htmx(request):
        return _news(request, steps)
    if steps is not None:
        return render_page(request, "web/first_steps.html", _about(steps))
    return render_page(request, "web/desk.html", _desk(viewer))


def _news(request: HttpRequest, steps: FirstSteps | None) -> HttpResponse:
    """What a page of first steps asks for every few seconds: nothing, while nothing is new."""
    seen = request.GET.get("seen", "")
    if steps is not None and steps.mark == seen:
        return HttpResponse(status=HTTPStatus.NO_CONTENT)
    if steps is None:
        return HttpResponse(status=HTTPStatus.NO_CONTENT, headers={"HX-Refresh": "true"})
    answer = render_page(request, "web/first_steps.html", _about(steps))
    if not seen.startswith(f"{steps.at}-"):
        answer.headers["HX-Trigger"] = json.dumps({"say": _NEWS.get(steps.at, "")})
    return answer


def _about(steps: FirstSteps) -> dict[str, object]:
    scheme, _, host = settings.ALGOPORT_URL.partition("://")
    return {"steps": steps, "address": settings.ALGOPORT_URL, "scheme": scheme, "host": host}


def _desk(viewer: Principal) -> dict[str, object]:
    folder = list_collections_for(viewer, viewer.username, "")
    connectors = list_connectors_for(viewer, viewer.username)
    return {
        "algorithms": own_algorithms_of(viewer),
        "calls": recent_calls_of(viewer),
        "collections": folder.names[:_MOST_SHOWN],
        "more_collections": len(folder.names) > _MOST_SHOWN,
        "connectors": connectors[:_MOST_SHOWN],
        "more_connectors": len(connectors) > _MOST_SHOWN,
    }
