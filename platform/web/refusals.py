"""What browsers are shown in place of a page that cannot be: with the reason, and a way on.

Pages raise the same errors as the API; paths below /v1 answer them in the API's envelope.
"""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme, urlencode

from algoport.api.exception_handler import is_api, plain_response
from algoport.errors import InvalidRequest, NotAuthenticated, NotAuthorized, UserError

_TEMPLATES = {403: "403.html", 404: "404.html", 429: "429.html"}
_NOT_DONE = "This could not be done"


class RefusalMiddleware:
    """Answers a UserError that a page lets rise; everything else goes on to Django."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exc: Exception) -> HttpResponse | None:
        if not isinstance(exc, UserError) or is_api(request):
            return None
        return refuse(request, exc)


def refuse(request: HttpRequest, error: UserError) -> HttpResponse:
    """The page that says why not; who has not signed in may do so."""
    if isinstance(error, NotAuthenticated):
        query = urlencode({"next": request.get_full_path()})
        return HttpResponseRedirect(f"{reverse('account_login')}?{query}")
    template = _TEMPLATES.get(error.status, "web/error.html")
    said = {"status": error.status, "heading": _NOT_DONE, "reason": error.text}
    page = render(request, template, said, status=error.status)
    for name, value in error.headers().items():
        page.headers[name] = value
    return page


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler400; of what cannot be read nothing is looked at again."""
    if is_api(request):
        return plain_response(request, InvalidRequest())
    said = {
        "status": 400,
        "heading": "This cannot be read",
        "reason": "Your browser has sent something that this site does not understand.",
    }
    return HttpResponse(render_to_string("500.html", said), status=400)


def form_from_elsewhere(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Django's CSRF_FAILURE_VIEW."""
    if is_api(request):
        return plain_response(request, NotAuthorized("The session's CSRF token is missing."))
    back = request.META.get("HTTP_REFERER", "")
    known = url_has_allowed_host_and_scheme(back, allowed_hosts={request.get_host()})
    return render(request, "403_csrf.html", {"back": back if known else ""}, status=403)
