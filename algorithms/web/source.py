"""The Source tab: folders, files, history and differences of an algorithm's repository."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.safestring import SafeString
from django.views.decorators.http import require_GET

from algoport.accounts.permissions import Action
from algoport.accounts.web.requests import viewer_of
from algoport.web.lists import LAST_PAGE, page_number
from algorithms.constants import BuildState
from algorithms.models import Algorithm
from algorithms.remotes.selectors import remote_of
from algorithms.source.selectors import (
    Revision,
    SourceNames,
    may_edit_source,
    newest_build_of,
    open_revision,
    source_names,
)
from algorithms.web.build_log import build_context
from algorithms.web.highlighting import lines_of
from algorithms.web.remotes import remote_context
from algorithms.web.shell import algorithm_of_page, render_algorithm, viewer_may
from scm.browsing import (
    Blob,
    Entry,
    EntryKind,
    find_entry,
    list_folder,
    open_commit,
    read_blob,
    read_commit,
    read_history,
)
from scm.diffs import read_diff
from scm.errors import FileNotThere

SHOWN_BYTES = 512 * 1024
_DOWNLOAD_BYTES = 64 * 1024 * 1024
_COMMITS = 25


@login_required
@require_GET
def browse(request: HttpRequest, owner: str, name: str) -> HttpResponse:
    """A folder or file: `?path=` of it, `?at=` a branch, version or commit."""
    algorithm, names, revision = _open(request, owner, name)
    context = _context(request, algorithm, names, revision)
    if revision is None:
        return render_algorithm(request, "algorithms/source_empty.html", algorithm, context)
    path = context["path"]
    entry = find_entry(revision.snapshot, path) if path else None
    if path and entry is None:
        raise FileNotThere(path=path)
    context["latest"] = read_history(revision.snapshot, path=path, limit=1).entries
    if not path and viewer_may(request, Action.SEE_BUILDS, algorithm):
        build = newest_build_of(algorithm, revision.snapshot.sha)
        if build is not None:
            ended_well = build.state == BuildState.SUCCEEDED
            context |= {"build": build} if ended_well else build_context(build)
        managing = viewer_may(request, Action.MANAGE_ALGORITHM, algorithm)
        context["may_build"] = revision.is_head and managing
    if entry is None or entry.kind == EntryKind.FOLDER:
        context["folder"] = list_folder(revision.snapshot, path)
    else:
        context |= _file_context(revision, entry)
    return render_algorithm(request, "algorithms/source.html", algorithm, context)


@login_required
@require_GET
def download(request: HttpRequest, owner: str, name: str) -> HttpResponse:
    """A file as it is; never as something that a browser would open."""
    _, _, revision = _open(request, owner, name)
    path = request.GET.get("path", "")
    entry = find_entry(revision.snapshot, path) if revision is not None else None
    if revision is None or entry is None or entry.kind != EntryKind.FILE:
        raise FileNotThere(path=path)
    content = read_blob(revision.snapshot, entry, most_bytes=_DOWNLOAD_BYTES).content
    if content is None:
        raise FileNotThere("The file is too large to be downloaded here. Clone the repository.")
    answer = HttpResponse(content, content_type="application/octet-stream")
    # SECURITY: what anybody wrote must never be opened as a page of this site.
    answer.headers["Content-Disposition"] = "attachment"
    answer.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return answer


@login_required
@require_GET
def history(request: HttpRequest, owner: str, name: str) -> HttpResponse:
    """Commits, newest first: of a path if `?path=` names one."""
    algorithm, names, revision = _open(request, owner, name)
    context = _context(request, algorithm, names, revision)
    if revision is None:
        return render_algorithm(request, "algorithms/source_empty.html", algorithm, context)
    page = page_number(request)
    found = read_history(
        revision.snapshot, path=context["path"], skip=(page - 1) * _COMMITS, limit=_COMMITS
    )
    context |= {"commits": found.entries, "page": page, "previous_page": page - 1}
    if found.has_more and page < LAST_PAGE:
        context["next_page"] = page + 1
    return render_algorithm(request, "algorithms/source_history.html", algorithm, context)


@login_required
@require_GET
def commit(request: HttpRequest, owner: str, name: str, sha: str) -> HttpResponse:
    """What a commit changed."""
    algorithm = algorithm_of_page(request, owner, name, Action.READ_SOURCE)
    after = open_commit(algorithm.id, sha)
    made = read_commit(after)
    before = open_commit(algorithm.id, made.parent) if made.parent else None
    context = {"commit": made, "diff": read_diff(before, after)}
    return render_algorithm(request, "algorithms/source_commit.html", algorithm, context)


def source_url(name: str, algorithm: Algorithm, **query: str) -> str:
    """The URL of one of the pages about source, with what of the query says anything."""
    said = {key: value for key, value in query.items() if value}
    path = reverse(name, args=[algorithm.owner.username, algorithm.name])
    return f"{path}?{urlencode(said)}" if said else path


def _open(
    request: HttpRequest, owner: str, name: str
) -> tuple[Algorithm, SourceNames, Revision | None]:
    algorithm = algorithm_of_page(request, owner, name, Action.READ_SOURCE)
    viewer = viewer_of(request)
    names = source_names(viewer, algorithm)
    at = request.GET.get("at", "")
    return algorithm, names, open_revision(viewer, algorithm, at, names.branches)


def _context(
    request: HttpRequest, algorithm: Algorithm, names: SourceNames, revision: Revision | None
) -> dict[str, Any]:
    path = request.GET.get("path", "").strip("/")
    at = revision.at if revision is not None else ""
    known = {*names.branches, *names.versions, ""}
    remote = remote_of(algorithm)
    return {
        "names": names,
        "revision": revision,
        "path": path,
        "crumbs": _crumbs(path),
        "unnamed": at if at not in known else "",
        "clone_url": f"{settings.ALGOPORT_URL}/git/{algorithm}.git"
        if remote is None
        else f"{remote.https_url}.git",
        "may_edit": (revision is None or revision.is_head)
        and may_edit_source(viewer_of(request), algorithm),
        **remote_context(request, algorithm),
    }


def _crumbs(path: str) -> list[tuple[str, str]]:
    """Names of a path's parts, and where each of them is."""
    parts = path.split("/") if path else []
    return [(part, "/".join(parts[: number + 1])) for number, part in enumerate(parts)]


def _file_context(revision: Revision, entry: Entry) -> Mapping[str, Any]:
    context: dict[str, Any] = {"entry": entry}
    if entry.kind == EntryKind.SUBMODULE:
        return context
    blob = read_blob(revision.snapshot, entry, most_bytes=SHOWN_BYTES)
    context |= {"blob": blob, "lines": _lines(entry, blob)}
    return context


def _lines(entry: Entry, blob: Blob) -> list[SafeString] | None:
    return None if blob.text is None else lines_of(entry.sha, entry.name, blob.text)
