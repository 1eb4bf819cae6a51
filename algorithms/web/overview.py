"""What an algorithm is: the overview with an example to run, and what its README says."""

from dataclasses import dataclass

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse

from algoport.accounts.permissions import Action
from algoport.accounts.web.requests import viewer_of
from algorithms.constants import License
from algorithms.models import Algorithm, Sample
from algorithms.selectors import newest_success, newest_visible_version
from algorithms.web.shell import algorithm_of_page, render_algorithm, viewer_may
from algorithms.web.snippets import SNIPPETS, call_of, snippet_named
from algorithms.web.words import LICENSES


@dataclass(frozen=True, slots=True)
class Example:
    """What a page calls: OWNER/NAME/VERSION, and its sample input with what came of it."""

    path: str
    input: str
    output: str


@login_required
def overview(request: HttpRequest, owner: str, name: str) -> HttpResponse:
    """Facts, an example that can be run, and how programs call the algorithm."""
    algorithm = algorithm_of_page(request, owner, name)
    example = example_of(request, algorithm)
    licence = dict(LICENSES)[License(algorithm.license)]
    context: dict[str, object] = {"example": example, "licence": licence}
    if example is not None:
        chosen = snippet_named(request.GET.get("client", ""))
        call = call_of(settings.ALGOPORT_URL, example.path, example.input)
        context |= {
            "snippets": SNIPPETS,
            "snippet": chosen,
            "snippet_text": chosen.write(call),
            "call_limit_seconds": settings.CALL_TIMEOUT_SECONDS,
        }
    return render_algorithm(request, "algorithms/overview.html", algorithm, context)


@login_required
def docs(request: HttpRequest, owner: str, name: str) -> HttpResponse:
    """The README of the newest build, or the summary that took its place."""
    algorithm = algorithm_of_page(request, owner, name)
    return render_algorithm(request, "algorithms/docs.html", algorithm)


def example_of(request: HttpRequest, algorithm: Algorithm) -> Example | None:
    """Of the newest version that the viewer may see; for the owner else of the newest build."""
    version = newest_visible_version(viewer_of(request), algorithm)
    if version is not None:
        path = f"{algorithm}/{version.semantic_version}"
        given = version.sample_input or algorithm.sample_input
        return _example(path, version.build_id, given)
    if not viewer_may(request, Action.SEE_BUILDS, algorithm):
        return None
    build = newest_success(algorithm)
    if build is None:
        return None
    return _example(f"{algorithm}/{build.commit_sha}", build.pk, algorithm.sample_input)


def _example(path: str, build_id: object, given: str) -> Example:
    sample = Sample.objects.filter(build_id=build_id, input=given).first() if given else None
    return Example(path, given, "" if sample is None else sample.output)
