"""Pages and probes that belong to no app."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from rest_framework.request import Request
from rest_framework.views import APIView

from algoport import metrics


def health(request: HttpRequest) -> HttpResponse:
    """This process answers."""
    return HttpResponse("ok\n", content_type="text/plain")


def home(request: HttpRequest) -> HttpResponse:
    """Where a newcomer's browser arrives: the way to a first call."""
    return render(request, "web/home.html", {"address": settings.ALGOPORT_URL})


class MetricsView(APIView):
    """All metrics for Prometheus; who may read them is said where the route is."""

    def get(self, request: Request) -> HttpResponse:
        return HttpResponse(metrics.exposition(), content_type=metrics.CONTENT_TYPE)
