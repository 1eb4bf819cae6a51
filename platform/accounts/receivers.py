"""What Django's news of sign-ins means for accounts."""

from typing import Any

from django.contrib.auth.signals import user_logged_in
from django.dispatch import receiver
from django.http import HttpRequest

from algoport.accounts.models import User
from algoport.accounts.sessions import note_session
from algoport.accounts.web.requests import address_of, agent_of


@receiver(user_logged_in)
def note_sign_in(request: HttpRequest, user: User, **kwargs: Any) -> None:
    session_key = request.session.session_key
    if session_key is not None:
        note_session(
            session_key=session_key, user=user, address=address_of(request), agent=agent_of(request)
        )
