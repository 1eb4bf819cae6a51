"""Second factors as the site's administrators deal with them; users do by allauth's pages."""

from allauth.mfa.models import Authenticator
from django.db import transaction

from algoport.accounts.models import User
from algoport.accounts.sessions import end_sessions
from algoport.audit.recording import act
from algoport.encryption import NotDecryptable, Reencryption, encrypt_again

_SECRET_FIELDS = ("secret", "seed")


@transaction.atomic
def remove_second_factors(*, user: User) -> None:
    """Let a user who has lost them sign in with the password alone, and not stay signed in."""
    with act("user.remove_second_factors", user) as done:
        count, _ = Authenticator.objects.filter(user=user).delete()
        if count:
            done.note(factors=count)
            end_sessions(user=user)
        else:
            done.nothing()


def encrypt_second_factors_again() -> Reencryption:
    """Encrypt their secrets with the first key; it can be repeated."""
    outcome = Reencryption()
    for row in Authenticator.objects.exclude(type=Authenticator.Type.WEBAUTHN).order_by("pk"):
        with transaction.atomic():
            _encrypt_again(Authenticator.objects.select_for_update().get(pk=row.pk), outcome)
    return outcome


def _encrypt_again(row: Authenticator, outcome: Reencryption) -> None:
    try:
        secrets = {
            name: encrypt_again(row.data[name]) for name in _SECRET_FIELDS if name in row.data
        }
    except NotDecryptable:
        outcome.unreadable.append(row)
        return
    row.data |= secrets
    row.save(update_fields=["data"])
    outcome.done += 1
