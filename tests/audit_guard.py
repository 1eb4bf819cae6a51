"""Middleware of the tests: what changes something leaves one entry in the audit trail."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from algoport.audit.recording import Tally, counting
from tests.api.audit.acts import NO_ACTS, TWO_ACTS
from tests.api.audit.routes import MUTATING

Handler = Callable[[HttpRequest], HttpResponse]
_SIGN_IN = "/admin/login/"
_FORMS = ("/add/", "/change/", "/delete/")


def guard(get_response: Handler) -> Handler:
    """Fail a request that has succeeded without its entry, or with more than one."""

    def answer(request: HttpRequest) -> HttpResponse:
        with counting() as tally:
            response = get_response(request)
        if request.method in MUTATING and response.status_code < 400:
            fault = _fault(request, response, tally)
            assert not fault, f"{request.method} {request.path}: {fault}"
        return response

    return answer


def _fault(request: HttpRequest, response: HttpResponse, tally: Tally) -> str:
    if request.path.startswith("/admin/"):
        return _fault_of_form(request, response, tally)
    match = request.resolver_match
    if not request.path.startswith("/v1/") or match is None:
        # A page may do several things at once: sign up, make the first key, join.
        return ""
    operation = f"{request.method} {match.route}"
    if tally.entries > (2 if operation in TWO_ACTS else 1):
        return f"{tally.entries} entries for one act; put an `act` around all of it"
    if operation not in NO_ACTS and tally == Tally():
        return "it changes something without an `act`; or add it to NO_ACTS, with the reason"
    return ""


def _fault_of_form(request: HttpRequest, response: HttpResponse, tally: Tally) -> str:
    is_form = request.path.endswith(_FORMS)
    is_answered = response.status_code == 302 and not response["Location"].startswith(_SIGN_IN)
    if is_form and is_answered and tally == Tally():
        return "the page changes something without a service that records it"
    # An action is done for each row, and an act may be refused by a message.
    is_single = is_form or "/act/" in request.path
    return f"{tally.entries} entries for one form" if is_single and tally.entries > 1 else ""
