"""Remembers where sessions are used."""

import time
from collections.abc import Callable

from django.contrib.auth import SESSION_KEY
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from algoport.accounts.constants import SEEN_EVERY_SECONDS
from algoport.accounts.models import User
from algoport.accounts.sessions import note_session
from algoport.accounts.web.requests import address_of, agent_of, unwrapped

_MOST_REMEMBERED = 10_000


class SessionUseMiddleware:
    """Notes the use of each session every few minutes; between them no row is asked for."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response
        self._noted_at: dict[str, float] = {}

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        key = request.session.session_key
        if key is not None and request.session.accessed and SESSION_KEY in request.session:
            self._note(request, key)
        return response

    def _note(self, request: HttpRequest, key: str) -> None:
        now = time.monotonic()
        if now - self._noted_at.get(key, float("-inf")) < SEEN_EVERY_SECONDS:
            return
        if not isinstance(request.user, User):
            return
        if len(self._noted_at) >= _MOST_REMEMBERED:
            self._noted_at.clear()
        self._noted_at[key] = now
        note_session(
            session_key=key,
            user=unwrapped(request.user),
            address=address_of(request),
            agent=agent_of(request),
        )
