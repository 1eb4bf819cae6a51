"""Pages and probes that belong to no app."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def health(request: HttpRequest) -> HttpResponse:
    """This process answers."""
    return HttpResponse("ok\n", content_type="text/plain")


def home(request: HttpRequest) -> HttpResponse:
    """Where a newcomer's browser arrives: the way to a first call."""
    return render(request, "web/home.html", {"address": settings.ALGOPORT_URL})
