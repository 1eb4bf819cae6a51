"""What changed from one version, branch or commit to another."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from algoport.accounts.permissions import Action
from algoport.accounts.web.requests import viewer_of
from algorithms.source.selectors import SourceNames, open_revision, source_names
from algorithms.web.shell import algorithm_of_page, render_algorithm
from scm.browsing import read_history
from scm.diffs import read_diff
from scm.errors import FileNotThere

_COMMITS = 25


@login_required
@require_GET
def diff(request: HttpRequest, owner: str, name: str) -> HttpResponse:
    """From `?from=` to `?to=`; by default from the version before, to the head of master."""
    algorithm = algorithm_of_page(request, owner, name, Action.READ_SOURCE)
    viewer = viewer_of(request)
    names = source_names(viewer, algorithm)
    after = open_revision(viewer, algorithm, request.GET.get("to", ""), names.branches)
    if after is None:
        raise FileNotThere("The repository has no commits yet: there is nothing to compare.")
    said = request.GET.get("from") or _before(names, after.at)
    before = open_revision(viewer, algorithm, said, names.branches) if said else None
    since = before.snapshot if before is not None else None
    known = {*names.versions, *names.branches, ""}
    context = {
        "names": names,
        "before": before,
        "after": after,
        "unnamed": [each for each in (before, after) if each and each.at not in known],
        "history": read_history(after.snapshot, since=since, limit=_COMMITS),
        "diff": read_diff(since, after.snapshot),
    }
    return render_algorithm(request, "algorithms/diff.html", algorithm, context)


def _before(names: SourceNames, at: str) -> str:
    """The version before a version, the newest one before anything else; "" where there is none."""
    later = names.versions.index(at) + 1 if at in names.versions else 0
    return next(iter(names.versions[later:]), "")
