"""What the audit trail tells of people who come, fail to and go, and of what they sign in with."""

from allauth.account.models import EmailAddress
from django.db import transaction

from algoport.accounts.guesses import WINDOW_SECONDS, count_in_window
from algoport.accounts.models import User
from algoport.accounts.sessions import LONGEST_AGENT
from algoport.audit.recording import act

# Failures come from whoever likes to: of each window no more get an entry, so that nobody fills
# the trail. The first that is left out says so.
MOST_TOLD_OF_ACCOUNT = 5
MOST_TOLD_OF_UNKNOWN = 10
MOST_TOLD_IN_ALL = 50


@transaction.atomic
def record_sign_in(*, user: User, methods: list[str], address: str, agent: str) -> None:
    """Tell that the user has signed in, and by what."""
    with act("user.sign_in", user) as done:
        done.note(by=methods, address=address, agent=agent[:LONGEST_AGENT])


@transaction.atomic
def record_sign_out(*, user: User) -> None:
    """Tell that the user has ended a session."""
    with act("user.sign_out", user):
        pass


@transaction.atomic
def record_failed_sign_in(*, user: User | None, by: str, address: str) -> None:
    """Tell of some of the attempts that fail; None is an account that there is not.

    What was typed as a name is not told: it may be a password.
    """
    which = f"told:{user.pk}" if user is not None else "told:unknown"
    most = {
        which: MOST_TOLD_OF_ACCOUNT if user is not None else MOST_TOLD_OF_UNKNOWN,
        "told": MOST_TOLD_IN_ALL,
    }
    counts = count_in_window(most)
    beyond = max(count - limit for count, limit in zip(counts, most.values(), strict=True))
    if beyond > 1:
        return
    with act("user.fail_sign_in", user) as done:
        done.note(by=by, address=address)
        if beyond == 1:
            done.note(further_ones_are_not_told_for_seconds=WINDOW_SECONDS)


@transaction.atomic
def record_second_factor(*, user: User, change: str, kind: str) -> None:
    """Tell that a second factor was added, removed or, for recovery codes, replaced."""
    with act(f"user.{change}_second_factor", user) as done:
        done.note(factor=kind)


@transaction.atomic
def record_provider(*, user: User, change: str, provider: str) -> None:
    """Tell that the user can sign in by a provider, or not any more."""
    with act(f"user.{change}_provider", user) as done:
        done.note(provider=provider)


def find_claimed(*, username: str = "", email: str = "") -> User | None:
    """The account that somebody says is theirs, by its name or a verified address."""
    if "\x00" in username + email:
        return None
    named = User.objects.named(username).first() if username else None
    if named is not None or not email:
        return named
    rows = EmailAddress.objects.filter(verified=True, email=email.lower())
    row = rows.select_related("user").first()
    return None if row is None else row.user
