"""Pages of signing in and up that are not allauth's own."""

from typing import Any
from uuid import UUID

from allauth.account.views import SignupView
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.mixins import LoginRequiredMixin
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.generic import TemplateView

from algoport.accounts.errors import SessionNotFound
from algoport.accounts.sessions import end_session, end_sessions, list_sessions
from algoport.accounts.web.first_key import take_first_key
from algoport.accounts.web.requests import signed_in_user
from algoport.errors import UserError


class SignUpView(SignupView):
    def form_valid(self, form: Any) -> HttpResponseBase:
        """As allauth's; what the services refuse stands in the form."""
        try:
            response: HttpResponseBase = super().form_valid(form)
        except UserError as exc:
            form.add_error(None, exc.text)
            response = self.form_invalid(form)
        return response


def too_many_attempts(request: HttpRequest) -> HttpResponse:
    """What allauth answers behind its limits; they are counted by the minute."""
    page = render(request, "429.html", status=429)
    page.headers["Retry-After"] = "60"
    return page


class SessionsView(LoginRequiredMixin, TemplateView):
    """Where the user has signed in; each session, or all at once, can be ended."""

    template_name = "accounts/sessions.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        sessions = list_sessions(signed_in_user(self.request))
        current = self.request.session.session_key
        return super().get_context_data(sessions=sessions, current=current, **kwargs)

    def post(self, request: HttpRequest) -> HttpResponse:
        user = signed_in_user(request)
        if "everywhere" in request.POST:
            end_sessions(user=user)
            messages.success(request, "You are signed out everywhere.")
            return redirect("account_login")
        try:
            end_session(user=user, session_id=UUID(request.POST.get("session", "")))
        except (ValueError, SessionNotFound):
            messages.error(request, SessionNotFound.message)
        return redirect("sessions")


@never_cache
@login_required
def welcome(request: HttpRequest) -> HttpResponse:
    """The first key of an account, once."""
    key = take_first_key(request)
    if key is None:
        return redirect("home")
    return render(request, "accounts/welcome.html", {"key": key})
