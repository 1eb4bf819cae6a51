"""Pages by which connectors are made and changed."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.contrib.auth.mixins import LoginRequiredMixin
from django.http import Http404, HttpRequest, HttpResponse
from django.views import View

from algoport.accounts.permissions import Principal
from algoport.accounts.web.requests import viewer_of
from algoport.errors import UserError
from algoport.web.pages import go_to, refuse_form, render_page
from dataportal.connectors.inspection import preview_connector, try_connector
from dataportal.connectors.services import create_connector, draft_connector, suggest_label
from dataportal.constants import EVERY_PATH
from dataportal.errors import ConnectorAlreadyExists, InvalidConnector
from dataportal.models import Connector
from dataportal.sources import list_connecting_owners_for
from dataportal.web.forms import FORMS, ConnectorForm

_NEW = "dataportal/connector_new.html"
_VERDICT = "dataportal/_verdict.html"
_PREVIEW, _MATCHES = "dataportal/_preview.html", "dataportal/_matches.html"


class NewConnectorView(LoginRequiredMixin, View):
    """The form of a kind of storage, and what becomes of it."""

    waits_for_others = True

    def get(self, request: HttpRequest, protocol: str) -> HttpResponse:
        viewer = viewer_of(request)
        owners = list_connecting_owners_for(viewer)
        owner = request.GET.get("owner", "")
        owner = owner if owner in owners else viewer.username
        kind = form_of(protocol)
        label = suggest_label(principal=viewer, owner=owner, protocol=protocol)
        form = kind(owners=owners, initial={"owner": owner, "label": label})
        return render_page(request, _NEW, {"form": form})

    def post(self, request: HttpRequest, protocol: str) -> HttpResponse:
        viewer = viewer_of(request)
        form = _filled(request, viewer, protocol)
        if request.POST.get("act") == "test":
            return answer_test(request, form, lambda: _draft(viewer, form))
        if not form.is_valid():
            return refuse_form(request, _NEW, {"form": form})
        owner = form.cleaned_data["owner"]
        try:
            made = create_connector(principal=viewer, owner=owner, new=form.new())
        except UserError as exc:
            refuse(form, exc)
            return refuse_form(request, _NEW, {"form": form})
        messages.success(request, f"{form.protocol.label} is connected as {made.name}.")
        return go_to(request, "data")


class NewConnectorPreviewView(LoginRequiredMixin, View):
    """What the form means so far."""

    waits_for_others = True

    def post(self, request: HttpRequest, protocol: str) -> HttpResponse:
        viewer = viewer_of(request)
        form = _filled(request, viewer, protocol)
        return answer_preview(request, form, lambda: _draft(viewer, form))


def form_of(protocol: str) -> type[ConnectorForm]:
    """Raises Http404 for what is no kind of storage."""
    if protocol not in FORMS:
        raise Http404
    return FORMS[protocol]


def refuse(form: ConnectorForm, exc: UserError) -> None:
    """Show in the form what the service has refused."""
    if isinstance(exc, InvalidConnector):
        form.refuse(exc)
    else:
        form.add_error("label" if isinstance(exc, ConnectorAlreadyExists) else None, exc.text)


def _about_path(form: ConnectorForm) -> dict[str, Any]:
    """What a form's label and path restriction say, good or not."""
    label = (form["label"].value() or "").strip() or "label"
    path = form.cleaned_data.get("path", "")
    return {
        "uri": f"{form.protocol}+{label}://{path}",
        "matches_more": path.endswith("*") and path != EVERY_PATH and not path.endswith("/*"),
        "neighbour": f"{path.removesuffix('*')}2/…",
        "is_file": bool(path) and "*" not in path and not path.endswith("/"),
        "has_path": bool(path),
        "path_errors": form.errors.get("path", ()),
        "has_credentials": not any(name in form.errors for name in form.secrets),
    }


def answer_test(
    request: HttpRequest, form: ConnectorForm, draft: Callable[[], Connector]
) -> HttpResponse:
    """Whether the connector would work; `draft` makes it of a form that is good."""
    if not form.is_valid():
        return render_page(request, _VERDICT, {"form": form})
    try:
        verdict = try_connector(draft())
    except UserError as exc:
        return render_page(request, _VERDICT, {"problem": exc.text})
    return render_page(request, _VERDICT, {"verdict": verdict})


def answer_preview(
    request: HttpRequest, form: ConnectorForm, draft: Callable[[], Connector]
) -> HttpResponse:
    """What the form's path means: the address, and with `?matches` what is there."""
    is_valid = form.is_valid()
    if "matches" not in request.GET:
        return render_page(request, _PREVIEW, _about_path(form))
    if not is_valid:
        return render_page(request, _MATCHES, {"form": form})
    try:
        drafted = draft()
        preview = preview_connector(drafted, drafted.path)
    except UserError as exc:
        return render_page(request, _MATCHES, {"problem": exc.text})
    return render_page(request, _MATCHES, {"preview": preview})


def _filled(request: HttpRequest, viewer: Principal, protocol: str) -> ConnectorForm:
    return form_of(protocol)(request.POST, owners=list_connecting_owners_for(viewer))


def _draft(viewer: Principal, form: ConnectorForm) -> Connector:
    return draft_connector(principal=viewer, owner=form.cleaned_data["owner"], new=form.new())
