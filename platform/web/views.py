"""Pages and probes that belong to no app."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.views import View
from django.views.decorators.http import require_POST
from rest_framework.request import Request
from rest_framework.views import APIView

from algoport import metrics, readiness
from algoport.web.constants import THEME_COOKIE, THEMES

_YEAR = 365 * 24 * 3600


def health(request: HttpRequest) -> HttpResponse:
    """This process answers."""
    return HttpResponse("ok\n", content_type="text/plain")


class ReadinessView(View):
    """Whether the platform can do its work: 200 or 503, and each part by name."""

    # With the threads of all others it would be late exactly when the database is.
    waits_for_others = True

    def get(self, request: HttpRequest) -> HttpResponse:
        parts = readiness.read_parts()
        is_ready = all(state == readiness.OK for state in parts.values())
        answer = JsonResponse({"ready": is_ready, **parts}, status=200 if is_ready else 503)
        answer["Cache-Control"] = "no-store"
        return answer


@require_POST
def choose_theme(request: HttpRequest) -> HttpResponse:
    """Keep a reader's colours in a cookie of a year; `auto` forgets them."""
    back = request.POST.get("next", "")
    allowed = url_has_allowed_host_and_scheme(back, allowed_hosts=None)
    answer = redirect(back if allowed else "home")
    theme = request.POST.get("theme")
    if theme in THEMES:
        secure = request.is_secure()
        answer.set_cookie(
            THEME_COOKIE, theme, max_age=_YEAR, secure=secure, httponly=True, samesite="Lax"
        )
    else:
        answer.delete_cookie(THEME_COOKIE, samesite="Lax")
    return answer


class MetricsView(APIView):
    """All metrics for Prometheus; who may read them is said where the route is."""

    def get(self, request: Request) -> HttpResponse:
        return HttpResponse(metrics.exposition(), content_type=metrics.CONTENT_TYPE)
