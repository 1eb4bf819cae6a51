"""Invite codes: administrators make them, whoever knows one may sign up (spec.md 2.1)."""

import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from django.db import IntegrityError, transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from algoport.accounts.errors import InvalidInviteCode, InviteCodeExists, InviteCodeNotFound
from algoport.accounts.models import InviteCode, User
from algoport.audit.recording import act
from algoport.encryption import Reencryption, decrypt, encrypt, encrypt_rows_again
from algoport.errors import InputValidationError
from algoport.secret_keys import secret_keys

LONGEST_CODE = 100
# Its characters need no quoting in an address.
CODE_PATTERN = r"^[A-Za-z0-9._~-]+\Z"
_MOST_CODES = 1000


@dataclass(frozen=True)
class Listed:
    """A code as an administrator sees it."""

    row: InviteCode
    code: str


def list_codes() -> list[Listed]:
    """Those that were not deleted, newest first; the newest thousand."""
    rows = InviteCode.objects.select_related("created_by").order_by("-created_at", "-id")
    return [Listed(row, decrypt(row.sealed)) for row in rows[:_MOST_CODES]]


@transaction.atomic
def create_code(
    *,
    code: str,
    creator: User,
    comments: str = "",
    signup_credits: int = 0,
    expires_at: datetime | None = None,
    max_uses: int | None = None,
) -> InviteCode:
    """A new code. Raises an InputValidationError, InviteCodeExists."""
    check_new_code(code, expires_at)
    with act("invite_code.create") as done:
        row = InviteCode(
            digest=_digests(code)[0],
            sealed=encrypt(code),
            comments=comments,
            signup_credits=signup_credits,
            expires_at=expires_at,
            max_uses=max_uses,
            created_by=creator,
        )
        try:
            with transaction.atomic():
                row.save(force_insert=True)
        except IntegrityError as exc:
            raise InviteCodeExists from exc
        done.target = row
    return row


def check_new_code(code: str, expires_at: datetime | None) -> None:
    """Raises an InputValidationError, InviteCodeExists."""
    if not re.match(CODE_PATTERN, code) or len(code) > LONGEST_CODE:
        raise InputValidationError(
            "inviteCode: it has letters, digits, dots, dashes, underscores and tildes, "
            f"at most {LONGEST_CODE}."
        )
    if expires_at is not None and expires_at <= timezone.now():
        raise InputValidationError("expiresAt: this moment is past.")
    if InviteCode.objects.filter(digest__in=_digests(code)).exists():
        raise InviteCodeExists


def delete_code(*, code: str) -> None:
    """As `delete_row`, of the code itself. Raises InviteCodeNotFound."""
    row = InviteCode.objects.filter(digest__in=_digests(code)).first()
    if row is None:
        raise InviteCodeNotFound
    delete_row(row)


@transaction.atomic
def delete_row(row: InviteCode) -> None:
    """Let nobody sign up with it any more."""
    with act("invite_code.delete", row) as done:
        row.delete()
        done.removed()


def check_code(code: str) -> None:
    """Raise InvalidInviteCode for one that does not let anybody sign up now."""
    if not _good().filter(digest__in=_digests(code)).exists():
        raise InvalidInviteCode


def use_code(code: str) -> InviteCode:
    """Count one sign-up by the code, inside the transaction that makes the account.

    Raises InvalidInviteCode; of two that use the last place at once, one.
    """
    row = _good().filter(digest__in=_digests(code)).select_for_update().first()
    if row is None:
        raise InvalidInviteCode
    InviteCode.objects.filter(pk=row.pk).update(uses=F("uses") + 1)
    return row


def encrypt_codes_again() -> Reencryption:
    """And have them found by the present secret key."""
    outcome = encrypt_rows_again(InviteCode.objects.all(), "sealed")
    unreadable = {row.pk for row in outcome.unreadable}
    for row in InviteCode.objects.exclude(pk__in=unreadable).iterator():
        digest = _digests(decrypt(row.sealed))[0]
        InviteCode.objects.filter(pk=row.pk).exclude(digest=digest).update(digest=digest)
    return outcome


def _good() -> QuerySet[InviteCode]:
    lasting = Q(expires_at=None) | Q(expires_at__gt=timezone.now())
    left = Q(max_uses=None) | Q(uses__lt=F("max_uses"))
    return InviteCode.objects.filter(lasting, left)


def _digests(code: str) -> list[str]:
    """By the present secret key, and by former ones that are still taken."""
    # SECURITY: the index is searched by a keyed digest, so that the time it takes tells nothing
    # about the codes that there are.
    return [hmac.digest(_secret(each), code.encode(), "sha256").hex() for each in secret_keys()]


@lru_cache(maxsize=16)
def _secret(secret_key: str) -> bytes:
    return hashlib.sha256(b"invite-code-digest:" + secret_key.encode()).digest()
