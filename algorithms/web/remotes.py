"""What the Source tab has of a repository at another host."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_POST

from algoport.accounts.permissions import Action
from algoport.accounts.web.requests import viewer_of
from algoport.web.pages import go_to
from algorithms.models import Algorithm
from algorithms.remotes.making import webhook_url
from algorithms.remotes.selectors import remote_of, webhook_secret
from algorithms.remotes.services import ask_for_fetch
from algorithms.web.shell import algorithm_of_page, viewer_may
from scm.selectors import check_external


@login_required
@require_POST
def fetch(request: HttpRequest, owner: str, name: str) -> HttpResponse:
    """Look at the host for commits of which it has not told."""
    algorithm = algorithm_of_page(request, owner, name, Action.MANAGE_ALGORITHM)
    check_external(algorithm.scm)
    ask_for_fetch(algorithm_id=algorithm.id, asker_id=viewer_of(request).user_id)
    messages.success(request, "The source is being fetched. What is new is built.")
    return go_to(request, "algorithm-source", algorithm.owner.username, algorithm.name)


def remote_context(request: HttpRequest, algorithm: Algorithm) -> dict[str, Any]:
    """Where the source is, and for who manages it how the host tells of pushes."""
    remote = remote_of(algorithm)
    if remote is None:
        return {}
    context: dict[str, Any] = {"remote": remote}
    if viewer_may(request, Action.MANAGE_ALGORITHM, algorithm):
        context["hook"] = {"url": webhook_url(algorithm), "secret": webhook_secret(remote)}
    return context
