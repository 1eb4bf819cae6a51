"""Where an account's repositories can be, and the authorization of the platform there."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET, require_POST

from algoport.accounts.web.requests import signed_in_user, viewer_of
from algoport.errors import ApiError
from algoport.web.pages import go_to, render_page
from scm.connections import authorizations_of, revoke_authorization
from scm.selectors import get_connection_for, list_connections_for


@login_required
@require_GET
def source_hosts(request: HttpRequest) -> HttpResponse:
    """Each host in use, and whether the account is connected with one there."""
    rows = list_connections_for(viewer_of(request))
    connected = authorizations_of(signed_in_user(request).pk)
    hosts = [(host, connected.get(host.pk)) for host in rows]
    return render_page(request, "scm/source_hosts.html", {"hosts": hosts})


@login_required
@require_POST
def disconnect(request: HttpRequest, scm_id: str) -> HttpResponse:
    """Take back what was authorized."""
    scm = get_connection_for(viewer_of(request), scm_id)
    try:
        revoke_authorization(user_id=signed_in_user(request).pk, scm=scm)
        messages.success(request, f"The authorization at {scm} is taken back.")
    except ApiError as exc:
        messages.error(request, exc.text)
    return go_to(request, "source-hosts")
