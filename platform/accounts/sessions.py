"""The browsers in which users have signed in."""

from datetime import timedelta
from uuid import UUID

from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from algoport.accounts.constants import SEEN_EVERY_SECONDS
from algoport.accounts.errors import SessionNotFound
from algoport.accounts.models import SignedInSession, User
from algoport.audit.recording import act

LONGEST_AGENT = 200
_MOST_SESSIONS = 1000


def list_sessions(user: User) -> list[SignedInSession]:
    """Those that go on, the last used first."""
    rows = _going_on(user).select_related("session").order_by("-last_seen_at", "-id")
    return list(rows[:_MOST_SESSIONS])


def note_session(*, session_key: str, user: User, address: str, agent: str) -> None:
    """Keep where a session is used; it does not write more often than it has to."""
    now = timezone.now()
    seen = {"address": address[:45], "agent": agent[:LONGEST_AGENT], "last_seen_at": now}
    rows = SignedInSession.objects.filter(session_id=session_key)
    row = rows.first()
    if row is None:
        if Session.objects.filter(pk=session_key).exists():
            SignedInSession.objects.get_or_create(
                session_id=session_key, defaults=seen | {"user": user}
            )
    elif row.last_seen_at < now - timedelta(seconds=SEEN_EVERY_SECONDS):
        rows.update(**seen)


@transaction.atomic
def end_session(*, user: User, session_id: UUID) -> None:
    """Sign the user out there. Raises SessionNotFound."""
    row = _going_on(user).filter(pk=session_id).first()
    if row is None:
        raise SessionNotFound
    with act("user.end_session", user) as done:
        done.note(address=row.address, agent=row.agent)
        Session.objects.filter(pk=row.session_id).delete()


@transaction.atomic
def end_sessions(*, user: User) -> int:
    """Sign the user out everywhere; in how many places they are known to have been."""
    rows = Session.objects.filter(pk__in=user.signed_in_sessions.values("session_id"))
    with act("user.end_sessions", user) as done:
        user.session_epoch += 1
        user.save(update_fields=["session_epoch"])
        count = rows.count()
        done.note(sessions=count)
        rows.delete()
    return count


def remove_expired_sessions() -> None:
    """Take away what nobody is signed in by any more."""
    Session.objects.filter(expire_date__lt=timezone.now()).delete()


def _going_on(user: User) -> QuerySet[SignedInSession]:
    return SignedInSession.objects.filter(user=user, session__expire_date__gt=timezone.now())
