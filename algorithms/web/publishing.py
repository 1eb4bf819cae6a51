"""Publishing in three steps: which version, its words, and a last look.

What was filled in goes along in the forms: nothing is kept of a publication that is given up.
"""

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, QueryDict

from algoport.accounts.permissions import Action
from algoport.accounts.web.requests import viewer_of
from algoport.errors import UserError
from algoport.web.pages import go_to, waits_for_others
from algorithms.constants import ApprovalState
from algorithms.errors import VersionAlreadyPublished
from algorithms.models import Algorithm
from algorithms.previews import Draft, draft_of, would_be_held
from algorithms.services import Publication, publish_version
from algorithms.updates import AlgorithmChanges
from algorithms.web.forms import VersionForm, WordsForm
from algorithms.web.shell import algorithm_of_page, render_algorithm
from scm.repositories import list_commits

_TEMPLATE = "algorithms/publish.html"
_MOST_COMMITS = 20
_UNPROCESSABLE = 422


@waits_for_others
@login_required
def publish(request: HttpRequest, owner: str, name: str) -> HttpResponse:
    """The wizard: each step is a form that is sent to this address, with `step` and `to`."""
    algorithm = algorithm_of_page(request, owner, name, Action.MANAGE_ALGORITHM)
    try:
        draft = draft_of(algorithm)
    except VersionAlreadyPublished as exc:
        messages.warning(request, exc.text)
        return go_to(request, "algorithm-versions", *_path(algorithm))
    wizard = _Wizard(request, algorithm, draft)
    if request.method != "POST":
        return wizard.show(1)
    if not wizard.first.is_valid():
        return wizard.show(1, refused=True)
    if not wizard.second.is_valid():
        return wizard.show(2, refused=request.POST.get("step") == "2")
    to = request.POST.get("to", "")
    if to == "publish":
        return wizard.publish()
    return wizard.show(int(to) if to in ("1", "2", "3") else 1)


class _Wizard:
    """One request's view of the forms."""

    def __init__(self, request: HttpRequest, algorithm: Algorithm, draft: Draft) -> None:
        self._request, self._algorithm, self._draft = request, algorithm, draft
        sent: QueryDict | None = request.POST if request.method == "POST" else None
        smallest = next(
            step for step in reversed(draft.steps) if algorithm.callability in step.callers
        )
        # The number that asks least of callers, but a revision is for corrections only.
        usual = draft.step("minor") or smallest
        first = smallest if algorithm.callability not in usual.callers else usual
        self.first = VersionForm(
            draft,
            sent,
            initial={"callability": algorithm.callability, "version_type": first.name},
        )
        # The second form is not among what the first step sends.
        has_words = sent is not None and "sample_input" in sent
        initial = {"sample_input": algorithm.sample_input, "release_notes": ""}
        self.second = WordsForm(sent if has_words else initial, initial=initial)

    def show(self, number: int, *, refused: bool = False) -> HttpResponse:
        algorithm = self._algorithm
        context: dict[str, Any] = {
            "number": number,
            "draft": self._draft,
            "form": self.first if number == 1 else self.second if number == 2 else None,
            "kept": self._kept_beside(number),
        }
        if number == 1:
            context["commits"] = _commits_since(algorithm, self._draft)
        if number > 1:
            context |= self._chosen()
        status = _UNPROCESSABLE if refused else 200
        return render_algorithm(self._request, _TEMPLATE, algorithm, context, status=status)

    def publish(self) -> HttpResponse:
        algorithm = self._algorithm
        first, second = self.first.cleaned_data, self.second.cleaned_data
        changes = AlgorithmChanges(
            callability=first["callability"], sample_input=second["sample_input"]
        )
        publication = Publication(
            version_type=first["version_type"],
            release_notes=second["release_notes"],
            git_hash=self._request.POST.get("git_hash") or self._draft.build.commit_sha,
            changes=changes,
        )
        viewer = viewer_of(self._request)
        try:
            version = publish_version(
                algorithm=algorithm, publisher=viewer, publication=publication
            )
        except UserError as exc:
            self.first.add_error(None, exc.text)
            return self.show(1, refused=True)
        text = f"{algorithm}/{version} is published."
        if version.approval_state == ApprovalState.HELD:
            text = f"{algorithm}/{version} waits for the approval of an owner."
        messages.success(self._request, text)
        return go_to(self._request, "algorithm-versions", *_path(algorithm))

    def _chosen(self) -> dict[str, Any]:
        given = self.first.cleaned_data
        step = self._draft.step(given["version_type"])
        held = would_be_held(viewer_of(self._request), self._algorithm, given["callability"])
        return {
            "version": step.number if step else "",
            "callability": given["callability"],
            "is_held": held,
            "words": self.second.cleaned_data if self.second.is_valid() else {},
        }

    def _kept_beside(self, number: int) -> list[tuple[str, str]]:
        """What the other steps were told, as hidden fields."""
        others: list[forms.Form] = []
        if number != 1:
            others.append(self.first)
        if number != 2:
            others.append(self.second)
        bound = [form for form in others if form.is_bound]
        pairs = [(field.html_name, str(field.value() or "")) for form in bound for field in form]
        return [*pairs, ("git_hash", self._draft.build.commit_sha), ("step", str(number))]


def _commits_since(algorithm: Algorithm, draft: Draft) -> list[Any]:
    """The newest commits that the version before does not have."""
    commits = list_commits(algorithm.pk, since=None, until=None, limit=_MOST_COMMITS)
    known = draft.before.build.commit_sha if draft.before else ""
    hashes = [commit.id for commit in commits]
    return commits[: hashes.index(known)] if known in hashes else commits


def _path(algorithm: Algorithm) -> tuple[str, str]:
    return algorithm.owner.username, algorithm.name
