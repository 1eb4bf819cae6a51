"""Pages on which a connector that there is is changed and disconnected."""

from django.contrib import messages
from django.contrib.auth.mixins import LoginRequiredMixin
from django.http import HttpRequest, HttpResponse
from django.views import View

from algoport.accounts.permissions import Principal
from algoport.accounts.web.requests import viewer_of
from algoport.errors import UserError
from algoport.web.pages import go_to, refuse_form, render_page
from dataportal.connectors.selectors import find_connector_for, is_reached_by
from dataportal.connectors.services import delete_connector, draft_change, update_connector
from dataportal.models import Connector
from dataportal.web.connectors import answer_preview, answer_test, form_of, refuse
from dataportal.web.forms import ConnectorForm

_PAGE, _DISCONNECT = "dataportal/connector.html", "dataportal/disconnect.html"


class ConnectorView(LoginRequiredMixin, View):
    """All of a connector but its credentials, to be changed."""

    waits_for_others = True

    def get(self, request: HttpRequest, owner: str, connector_id: str) -> HttpResponse:
        viewer = viewer_of(request)
        connector = find_connector_for(viewer, owner, connector_id)
        form = form_of(connector.protocol).about(connector)
        return render_page(request, _PAGE, _told(viewer, owner, connector, form))

    def post(self, request: HttpRequest, owner: str, connector_id: str) -> HttpResponse:
        viewer = viewer_of(request)
        connector = find_connector_for(viewer, owner, connector_id)
        form = form_of(connector.protocol).about(connector, request.POST)
        if request.POST.get("act") == "test":
            return answer_test(request, form, lambda: _draft(viewer, owner, form))
        told = _told(viewer, owner, connector, form)
        if not form.is_valid():
            return refuse_form(request, _PAGE, told)
        try:
            changes = form.changes()
            if changes:
                connector = update_connector(
                    principal=viewer, owner=owner, connector_id=connector.name, changes=changes
                )
        except UserError as exc:
            refuse(form, exc)
            return refuse_form(request, _PAGE, told)
        messages.success(request, "The changes are saved." if changes else "Nothing has changed.")
        return go_to(request, "connector", owner, connector.name)


class PreviewView(LoginRequiredMixin, View):
    """What the form means so far."""

    waits_for_others = True

    def post(self, request: HttpRequest, owner: str, connector_id: str) -> HttpResponse:
        viewer = viewer_of(request)
        connector = find_connector_for(viewer, owner, connector_id)
        form = form_of(connector.protocol).about(connector, request.POST)
        return answer_preview(request, form, lambda: _draft(viewer, owner, form))


class DisconnectView(LoginRequiredMixin, View):
    """Asks whether a connector shall go, and deletes it; the storage keeps what it has."""

    def get(self, request: HttpRequest, owner: str, connector_id: str) -> HttpResponse:
        connector = find_connector_for(viewer_of(request), owner, connector_id)
        return render_page(request, _DISCONNECT, {"connector": connector, "owner": owner})

    def post(self, request: HttpRequest, owner: str, connector_id: str) -> HttpResponse:
        delete_connector(principal=viewer_of(request), owner=owner, connector_id=connector_id)
        messages.success(request, f"{connector_id} is disconnected. The storage keeps its files.")
        return go_to(request, "data")


def _draft(viewer: Principal, owner: str, form: ConnectorForm) -> Connector:
    assert form.connector is not None
    return draft_change(
        principal=viewer,
        owner=owner,
        connector_id=f"{form.connector.protocol}+{form.connector.label}",
        changes=form.changes(),
    )


def _told(
    viewer: Principal, owner: str, connector: Connector, form: ConnectorForm
) -> dict[str, object]:
    return {
        "connector": connector,
        "owner": owner,
        "form": form,
        "reached": is_reached_by(viewer, connector),
    }
