"""Builds of an algorithm: the list, one of them, and its log while it grows."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse

from algoport.accounts.permissions import Action
from algoport.errors import InputValidationError
from algoport.web.lists import Filter, Listing, Sort
from algoport.web.pages import render_page
from algorithms.constants import BuildState
from algorithms.models import Algorithm, Build
from algorithms.selectors import builds_of, get_build, log_after, newest_success, read_log
from algorithms.web.shell import algorithm_of_page, render_algorithm, viewer_may

_SORTS = {"started": Sort("Started", ("-started_at", "-id"))}
_STATES = Filter(
    "status",
    "Status",
    (
        (BuildState.SUCCEEDED, "Succeeded"),
        (BuildState.FAILED, "Failed"),
        (BuildState.IN_PROGRESS, "In progress"),
    ),
)
# Of a long log the page has the end; the download has all of it.
_SHOWN_CHARACTERS = 200_000


@login_required
def builds(request: HttpRequest, owner: str, name: str) -> HttpResponse:
    """Every build; the list asks again while one of them is in progress."""
    algorithm = algorithm_of_page(request, owner, name, Action.SEE_BUILDS)
    listing = Listing(request, _SORTS, (_STATES,), "Git hash")
    rows = builds_of(algorithm)
    if listing.q:
        rows = rows.filter(commit_sha__startswith=listing.q.lower())
    if "status" in listing.chosen:
        rows = rows.filter(state=listing.chosen["status"])
    listing.take(rows)
    in_progress = any(build.state == BuildState.IN_PROGRESS for build in listing.rows)
    context = {
        "listing": listing,
        "in_progress": in_progress,
        "publishable": publishable(request, algorithm),
    }
    return render_algorithm(request, "algorithms/builds.html", algorithm, context)


@login_required
def build(request: HttpRequest, owner: str, name: str, build_id: str) -> HttpResponse:
    """One build and its log."""
    algorithm = algorithm_of_page(request, owner, name, Action.SEE_BUILDS)
    shown = get_build(algorithm, build_id)
    pieces = log_after(shown, 0)
    text = "".join(piece for _, piece in pieces)
    context = _state(shown) | {
        "log": text[-_SHOWN_CHARACTERS:],
        "is_cut": len(text) > _SHOWN_CHARACTERS,
        "last": pieces[-1][0] if pieces else 0,
        "publishable": publishable(request, algorithm),
    }
    return render_algorithm(request, "algorithms/build.html", algorithm, context)


@login_required
def build_log(request: HttpRequest, owner: str, name: str, build_id: str) -> HttpResponse:
    """What the log has got since the piece `after`, for the page that shows the rest of it."""
    algorithm = algorithm_of_page(request, owner, name, Action.SEE_BUILDS)
    # First its state: of one that has ended the log is whole.
    shown = get_build(algorithm, build_id)
    after = request.GET.get("after", "0")
    if not (after.isascii() and after.isdigit() and len(after) < 18):
        raise InputValidationError("after is the number of a piece of the log.")
    pieces = log_after(shown, int(after))
    context = _state(shown) | {
        "algorithm": algorithm,
        "log": "".join(piece for _, piece in pieces),
        "last": pieces[-1][0] if pieces else int(after),
        "publishable": publishable(request, algorithm),
    }
    return render_page(request, "algorithms/build_log.html", context)


@login_required
def download_log(request: HttpRequest, owner: str, name: str, build_id: str) -> HttpResponse:
    """The log as a file, as far as it has come."""
    algorithm = algorithm_of_page(request, owner, name, Action.SEE_BUILDS)
    shown = get_build(algorithm, build_id)
    file_name = f"{algorithm.name}-{shown.commit_sha[:8]}.log"
    headers = {
        "Content-Disposition": f'attachment; filename="{file_name}"',
        "X-Content-Type-Options": "nosniff",
    }
    return HttpResponse(read_log(shown), "text/plain; charset=utf-8", headers=headers)


def publishable(request: HttpRequest, algorithm: Algorithm) -> Build | None:
    """The build that the viewer may publish now."""
    if not viewer_may(request, Action.MANAGE_ALGORITHM, algorithm):
        return None
    newest = newest_success(algorithm)
    return None if newest is None or hasattr(newest, "version") else newest


def _state(shown: Build) -> dict[str, Any]:
    return {"build": shown, "is_running": shown.state == BuildState.IN_PROGRESS}
