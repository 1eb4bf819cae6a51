"""What an algorithm is: the overview and what its README says."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse

from algorithms.web.shell import algorithm_of_page, render_algorithm


@login_required
def overview(request: HttpRequest, owner: str, name: str) -> HttpResponse:
    """Facts, and an example that can be run."""
    algorithm = algorithm_of_page(request, owner, name)
    return render_algorithm(request, "algorithms/overview.html", algorithm)


@login_required
def docs(request: HttpRequest, owner: str, name: str) -> HttpResponse:
    """The README of the newest build, or the summary that took its place."""
    algorithm = algorithm_of_page(request, owner, name)
    return render_algorithm(request, "algorithms/docs.html", algorithm)
