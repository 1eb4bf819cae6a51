"""Where an account's repositories can be; nobody authorizes the platform elsewhere yet."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse

from algoport.accounts.web.requests import viewer_of
from algoport.web.pages import render_page
from scm.selectors import list_scms_for


@login_required
def source_hosts(request: HttpRequest) -> HttpResponse:
    hosts = list_scms_for(viewer_of(request)).filter(enabled=True)
    return render_page(request, "scm/source_hosts.html", {"hosts": hosts})
