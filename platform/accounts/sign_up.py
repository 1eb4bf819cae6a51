"""Making an account for oneself: by whom it may be done, and doing it."""

from dataclasses import dataclass

from django.db import transaction

from algoport.accounts.constants import SignUpMode
from algoport.accounts.errors import SignUpClosed
from algoport.accounts.invite_codes import use_code
from algoport.accounts.models import SignUpPolicy, User
from algoport.accounts.services import create_user
from algoport.audit.recording import act


@dataclass(frozen=True)
class Admission:
    """What lets a newcomer in where sign-up is not open to everybody.

    `vouched` says that an organization or an identity provider of the site's asked for them.
    """

    code: str = ""
    vouched: bool = False


NOBODY_ASKED = Admission()


def sign_up_mode() -> SignUpMode:
    row = SignUpPolicy.objects.first() or SignUpPolicy()
    return SignUpMode(row.mode)


@transaction.atomic
def set_sign_up_mode(mode: SignUpMode) -> None:
    """Say who may sign up from now on."""
    row, _ = SignUpPolicy.objects.get_or_create(pk=1)
    with act("sign_up_policy.update", row):
        row.mode = mode
        row.save()


@transaction.atomic
def sign_up(
    *,
    username: str,
    email: str,
    password: str | None,
    fullname: str = "",
    admission: Admission = NOBODY_ASKED,
) -> User:
    """An account that somebody makes for themselves; its address is yet to be verified.

    Raises SignUpClosed, InvalidInviteCode, and what create_user does.
    """
    mode = sign_up_mode()
    if mode == SignUpMode.CLOSED:
        raise SignUpClosed
    with act("user.sign_up") as done:
        if mode == SignUpMode.INVITE and not admission.vouched:
            done.note(invite_code=str(use_code(admission.code).pk))
        done.target = create_user(
            username=username,
            email=email,
            password=password,
            fullname=fullname,
            is_address_verified=False,
        )
    return done.target
