"""What the pages about one algorithm share: its head and its tabs."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse

from algoport.accounts.permissions import Action, can
from algoport.accounts.web.requests import viewer_of
from algoport.web.pages import render_page
from algorithms.models import Algorithm
from algorithms.selectors import get_algorithm_for, newest_visible_version, resource_of
from algorithms.web.tabs import tabs_for


def algorithm_of_page(
    request: HttpRequest, owner: str, name: str, action: Action = Action.SEE_ALGORITHM
) -> Algorithm:
    """The algorithm that a path names. Raises AlgorithmNotFound, NotAuthorized."""
    return get_algorithm_for(viewer_of(request), owner, name, action)


def viewer_may(request: HttpRequest, action: Action, algorithm: Algorithm) -> bool:
    """Whether the viewer is shown what does this."""
    resource = resource_of(algorithm, public=algorithm.has_public_version)
    return bool(can(viewer_of(request), action, resource))


def render_algorithm(
    request: HttpRequest,
    template: str,
    algorithm: Algorithm,
    context: Mapping[str, Any] | None = None,
    *,
    status: int = HTTPStatus.OK,
) -> HttpResponse:
    """A page whose template extends `algorithms/algorithm_base.html`.

    It has `algorithm`, `newest` (its newest version that the viewer may see, or None) and
    `may_manage`.
    """
    viewer = viewer_of(request)
    match = request.resolver_match
    shell = {
        "algorithm": algorithm,
        "newest": newest_visible_version(viewer, algorithm),
        "may_manage": viewer_may(request, Action.MANAGE_ALGORITHM, algorithm),
        "tabs": tabs_for(viewer, algorithm, match.url_name or "" if match else ""),
    }
    return render_page(request, template, {**shell, **(context or {})}, status=status)
