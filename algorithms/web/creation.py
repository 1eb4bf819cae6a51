"""The page on which an algorithm is made."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET, require_http_methods

from algoport.accounts.web.requests import viewer_of
from algoport.web.pages import go_to, refuse_form, render_page, waits_for_others
from algorithms.selectors import get_owner_for, list_owners_for
from algorithms.web.creation_form import AlgorithmForm, name_problem, offered_hosts

_PAGE = "algorithms/new.html"


@login_required
@waits_for_others
@require_http_methods(["GET", "POST"])
def new_algorithm(request: HttpRequest) -> HttpResponse:
    """Ask for what the service needs; the repository that comes of it is the next page."""
    viewer = viewer_of(request)
    owners, hosts = list_owners_for(viewer), offered_hosts(viewer)
    if request.method == "GET":
        initial = {"owner": request.GET.get("owner")}
        form = AlgorithmForm(initial=initial, owners=owners, hosts=hosts)
        return render_page(request, _PAGE, {"form": form})
    form = AlgorithmForm(request.POST, owners=owners, hosts=hosts)
    algorithm = form.create(viewer) if form.is_valid() else None
    if algorithm is None:
        return refuse_form(request, _PAGE, {"form": form})
    messages.success(request, f"{algorithm} is made. This is what it starts with.")
    return go_to(request, "algorithm-source", algorithm.owner.username, algorithm.name)


@login_required
@require_GET
def told_name(request: HttpRequest) -> HttpResponse:
    """What the algorithm's path will be, or why it cannot be that, while it is typed."""
    owner = get_owner_for(viewer_of(request), request.GET.get("owner", ""))
    name = request.GET.get("name", "").strip()
    problem = name_problem(owner, name) if name else ""
    told = {"owner": owner.username, "name": name, "problem": problem}
    return render(request, "algorithms/_told_name.html", told)
