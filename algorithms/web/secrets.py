"""Secrets of an algorithm: added, replaced and deleted, and never shown."""

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse

from algoport.accounts.permissions import Action
from algoport.errors import UserError
from algoport.web.pages import go_to, refuse_form, render_page
from algorithms.models import Algorithm
from algorithms.secrets import services
from algorithms.web.forms import ChangedSecretForm, SecretForm
from algorithms.web.shell import algorithm_of_page, render_algorithm

_TEMPLATE = "algorithms/secret.html"


@login_required
def secrets(request: HttpRequest, owner: str, name: str) -> HttpResponse:
    """There are so few that they have no pages."""
    algorithm = algorithm_of_page(request, owner, name, Action.MANAGE_SECRETS)
    rows = services.list_secrets(algorithm)
    return render_algorithm(request, "algorithms/secrets.html", algorithm, {"secrets": rows})


@login_required
def new(request: HttpRequest, owner: str, name: str) -> HttpResponse:
    """A new secret."""
    algorithm = algorithm_of_page(request, owner, name, Action.MANAGE_SECRETS)
    form = SecretForm(request.POST if request.method == "POST" else None)
    context = {"algorithm": algorithm, "form": form, "secret": None}
    if request.method != "POST":
        return render_page(request, _TEMPLATE, context)
    if form.is_valid():
        given = form.cleaned_data
        try:
            secret = services.create_secret(
                algorithm=algorithm, given=services.SecretFields(**given)
            )
        except UserError as exc:
            form.add_error(None, exc.text)
        else:
            return _done(request, algorithm, f"{secret.variable} is set.")
    return refuse_form(request, _TEMPLATE, context)


@login_required
def change(request: HttpRequest, owner: str, name: str, secret_id: UUID) -> HttpResponse:
    """Another name, description or value."""
    algorithm = algorithm_of_page(request, owner, name, Action.MANAGE_SECRETS)
    secret = services.get_secret(algorithm, secret_id)
    initial = {"name": secret.name, "description": secret.description}
    form = ChangedSecretForm(request.POST if request.method == "POST" else None, initial=initial)
    context = {"algorithm": algorithm, "form": form, "secret": secret}
    if request.method != "POST":
        return render_page(request, _TEMPLATE, context)
    if form.is_valid():
        given = form.cleaned_data
        changed = services.SecretFields(
            name=given["name"], description=given["description"], value=given["value"] or None
        )
        try:
            services.update_secret(algorithm=algorithm, secret_id=secret.pk, given=changed)
        except UserError as exc:
            form.add_error(None, exc.text)
        else:
            return _done(request, algorithm, f"{secret.variable} is changed.")
    return refuse_form(request, _TEMPLATE, context)


@login_required
def delete(request: HttpRequest, owner: str, name: str, secret_id: UUID) -> HttpResponse:
    """Asks, and deletes."""
    algorithm = algorithm_of_page(request, owner, name, Action.MANAGE_SECRETS)
    secret = services.get_secret(algorithm, secret_id)
    if request.method != "POST":
        context = {"algorithm": algorithm, "secret": secret}
        return render_page(request, "algorithms/delete_secret.html", context)
    services.delete_secret(algorithm=algorithm, secret_id=secret.pk)
    return _done(request, algorithm, f"{secret.variable} is deleted.")


def _done(request: HttpRequest, algorithm: Algorithm, text: str) -> HttpResponse:
    messages.success(request, text)
    return go_to(request, "algorithm-secrets", algorithm.owner.username, algorithm.name)
