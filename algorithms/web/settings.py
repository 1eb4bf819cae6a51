"""What can be changed of an algorithm, and deleting it."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse

from algoport.accounts.permissions import Action
from algoport.errors import UserError
from algoport.web.pages import go_to, refuse_form, render_page
from algorithms.selectors import newest_version
from algorithms.services import delete_algorithm
from algorithms.updates import update_algorithm
from algorithms.web.forms import DeletionForm, SettingsForm
from algorithms.web.shell import algorithm_of_page, render_algorithm

_TEMPLATE = "algorithms/settings.html"


@login_required
def settings(request: HttpRequest, owner: str, name: str) -> HttpResponse:
    """All settings in one form, in the two groups of when they apply."""
    algorithm = algorithm_of_page(request, owner, name, Action.MANAGE_ALGORITHM)
    form = SettingsForm(algorithm, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            update_algorithm(algorithm=algorithm, changes=form.changes())
        except UserError as exc:
            form.add_error(None, exc.text)
        else:
            messages.success(request, "The settings are saved.")
            return go_to(request, "algorithm-settings", algorithm.owner.username, algorithm.name)
    context = {"form": form, "published": newest_version(algorithm)}
    status = 422 if form.errors else 200
    return render_algorithm(request, _TEMPLATE, algorithm, context, status=status)


@login_required
def delete(request: HttpRequest, owner: str, name: str) -> HttpResponse:
    """Deletes an algorithm whose name was typed."""
    algorithm = algorithm_of_page(request, owner, name, Action.MANAGE_ALGORITHM)
    form = DeletionForm(algorithm, request.POST if request.method == "POST" else None)
    context = {"algorithm": algorithm, "form": form}
    template = "algorithms/delete.html"
    if request.method != "POST":
        return render_page(request, template, context)
    if form.is_valid():
        try:
            delete_algorithm(algorithm=algorithm)
        except UserError as exc:
            form.add_error(None, exc.text)
        else:
            messages.success(request, f"{algorithm} is deleted.")
            return go_to(request, "algorithms")
    return refuse_form(request, template, context)
