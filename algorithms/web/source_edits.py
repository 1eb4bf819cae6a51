"""Pages on which the files of a repository are changed; each save is a commit and a build."""

from http import HTTPStatus
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from algoport.accounts.permissions import Action
from algoport.accounts.web.requests import viewer_of
from algoport.web.pages import go_to, is_htmx, refuse_form, render_page
from algorithms.constants import BRANCH
from algorithms.models import Algorithm, Build
from algorithms.selectors import get_build
from algorithms.services import request_build
from algorithms.source.selectors import newest_build_of
from algorithms.web.build_log import build_context
from algorithms.web.shell import algorithm_of_page, render_algorithm, viewer_may
from algorithms.web.source import source_url
from algorithms.web.source_forms import (
    EDITED_BYTES,
    ContentForm,
    DeleteForm,
    NewFileForm,
    RenameForm,
)
from scm.browsing import EntryKind, Snapshot, find_entry, list_branches, open_commit, read_blob
from scm.errors import FileNotThere
from scm.selectors import check_internal

_EDITOR = "algorithms/source_edit.html"


@login_required
@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest, owner: str, name: str) -> HttpResponse:
    """The editor of the file at `?path=`, with the newest build beside it."""
    algorithm = _algorithm(request, owner, name)
    path = request.GET.get("path", "")
    if request.method == "GET":
        head, initial = _opened(algorithm, path)
        build = newest_build_of(algorithm, head)
        return _editor(request, algorithm, path, ContentForm(initial=initial), build)
    form = ContentForm(request.POST)
    build = form.save(algorithm, viewer_of(request), path) if form.is_valid() else None
    if build is None:
        newest = newest_build_of(algorithm, _head(algorithm).sha)
        return _editor(request, algorithm, path, form, newest, HTTPStatus.UNPROCESSABLE_ENTITY)
    if not is_htmx(request):
        return go_to(request, source_url("algorithm-source-edit", algorithm, path=path))
    again = ContentForm(initial={"parent": build.commit_sha, **_kept(form)})
    return _editor(request, algorithm, path, again, build)


@login_required
@require_http_methods(["GET", "POST"])
def new_file(request: HttpRequest, owner: str, name: str) -> HttpResponse:
    """The editor of a file that is not there yet, in the folder `?folder=` at first."""
    algorithm = _algorithm(request, owner, name)
    if request.method == "GET":
        folder = request.GET.get("folder", "").strip("/")
        initial = {"parent": _head(algorithm).sha, "to": f"{folder}/" if folder else ""}
        return _editor(request, algorithm, "", NewFileForm(initial=initial), None)
    form = NewFileForm(request.POST)
    build = form.add(algorithm, viewer_of(request)) if form.is_valid() else None
    if build is None:
        return _editor(request, algorithm, "", form, None, HTTPStatus.UNPROCESSABLE_ENTITY)
    return go_to(
        request, source_url("algorithm-source-edit", algorithm, path=form.cleaned_data["to"])
    )


@login_required
@require_http_methods(["GET", "POST"])
def rename(request: HttpRequest, owner: str, name: str) -> HttpResponse:
    """Ask for the path that the file at `?path=` is to have."""
    return _change(request, owner, name, RenameForm, "algorithms/source_rename.html")


@login_required
@require_http_methods(["GET", "POST"])
def delete(request: HttpRequest, owner: str, name: str) -> HttpResponse:
    """Ask whether the file at `?path=` is to be deleted."""
    return _change(request, owner, name, DeleteForm, "algorithms/source_delete.html")


@login_required
@require_POST
def build_head(request: HttpRequest, owner: str, name: str) -> HttpResponse:
    """Build the head of master."""
    algorithm = algorithm_of_page(request, owner, name, Action.MANAGE_ALGORITHM)
    request_build(algorithm=algorithm, commit_sha=_head(algorithm).sha)
    return go_to(request, source_url("algorithm-source", algorithm))


@login_required
@require_GET
def follow_build(request: HttpRequest, owner: str, name: str, build_id: str) -> HttpResponse:
    """What a build has said after piece `?after=` of its log, and whether it goes on."""
    algorithm = algorithm_of_page(request, owner, name, Action.SEE_BUILDS)
    build = get_build(algorithm, build_id)
    said = request.GET.get("after", "")
    after = int(said) if said.isascii() and said.isdigit() and len(said) < 18 else 0
    managing = viewer_may(request, Action.MANAGE_ALGORITHM, algorithm)
    context = {"algorithm": algorithm, "may_manage": managing, **build_context(build, after)}
    return render_page(request, "algorithms/_build_progress.html", context)


def _change(
    request: HttpRequest,
    owner: str,
    name: str,
    form_class: type[RenameForm] | type[DeleteForm],
    template: str,
) -> HttpResponse:
    algorithm = _algorithm(request, owner, name)
    path = request.GET.get("path", "")
    context: dict[str, Any] = {"algorithm": algorithm, "path": path}
    if request.method == "GET":
        head = _head(algorithm)
        if find_entry(head, path) is None:
            raise FileNotThere(path=path)
        form = form_class(initial={"parent": head.sha, "to": path})
        return render_page(request, template, {**context, "form": form})
    form = form_class(request.POST)
    if not form.is_valid() or form.save(algorithm, viewer_of(request), path) is None:
        return refuse_form(request, template, {**context, "form": form})
    messages.success(request, "Saved. The build of this commit has begun.")
    folder = form.cleaned_data.get("to", path).rpartition("/")[0]
    return go_to(request, source_url("algorithm-source", algorithm, path=folder))


def _algorithm(request: HttpRequest, owner: str, name: str) -> Algorithm:
    algorithm = algorithm_of_page(request, owner, name, Action.WRITE_SOURCE)
    check_internal(algorithm.scm)
    return algorithm


def _head(algorithm: Algorithm) -> Snapshot:
    """Raises FileNotThere for a repository without commits."""
    sha = list_branches(algorithm.id).get(BRANCH)
    if sha is None:
        raise FileNotThere("The repository has no commits yet: push the first one by git.")
    return open_commit(algorithm.id, sha)


def _opened(algorithm: Algorithm, path: str) -> tuple[str, dict[str, str]]:
    """The head, and what the editor begins with. Raises FileNotThere for what is no text."""
    head = _head(algorithm)
    entry = find_entry(head, path)
    if entry is None or entry.kind != EntryKind.FILE:
        raise FileNotThere(path=path)
    text = read_blob(head, entry, most_bytes=EDITED_BYTES).text
    if text is None:
        raise FileNotThere("This file is too large for the editor, or not text in UTF-8.")
    ends = "crlf" if "\r\n" in text else "lf"
    return head.sha, {"parent": head.sha, "content": text, "line_ends": ends}


def _kept(form: ContentForm) -> dict[str, str]:
    return {"content": form.cleaned_data["content"], "line_ends": form.cleaned_data["line_ends"]}


def _editor(
    request: HttpRequest,
    algorithm: Algorithm,
    path: str,
    form: ContentForm,
    build: Build | None,
    status: int = HTTPStatus.OK,
) -> HttpResponse:
    form.suggest(f"Edit {path}" if path else "Add the file")
    is_saved = request.method == "POST" and status == HTTPStatus.OK
    context: dict[str, Any] = {"path": path, "form": form, "is_saved": is_saved}
    if build is not None:
        context |= build_context(build)
    return render_algorithm(request, _EDITOR, algorithm, context, status=status)
