"""The secrets that webhooks are signed with, and the signatures (the Standard Webhooks form)."""

import base64
import hashlib
import hmac
import secrets
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from algoport.audit.recording import act
from algoport.encryption import (
    NotDecryptable,
    Reencryption,
    decrypt,
    encrypt,
    encrypt_rows_again,
)
from algorithms.constants import SECRET_OVERLAP
from algorithms.models import WebhookSecret

PREFIX = "whsec_"
_SECRET_BYTES = 32


def find_secret(account_id: UUID) -> WebhookSecret | None:
    return WebhookSecret.objects.filter(account_id=account_id).first()


@transaction.atomic
def replace_secret(account_id: UUID) -> str:
    """Make the account's secret anew and tell it, once; the last one signs along for a day."""
    secret, now = _new_secret(), timezone.now()
    values = {"current": encrypt(secret), "made_at": now}
    WebhookSecret.objects.get_or_create(account_id=account_id, defaults=values)
    row = WebhookSecret.objects.select_for_update().get(account_id=account_id)
    if row.current != values["current"]:
        # One that cannot be read any more can sign nothing either.
        row.previous = row.current if _is_readable(row.current) else ""
        row.previous_until = now + SECRET_OVERLAP
        row.current, row.made_at = values["current"], now
        row.save()
    with act("webhook_secret.replace") as done:
        done.target = row
    return secret


def signing_secrets(account_id: UUID, now: datetime) -> list[str]:
    """The account's secrets, the current one first; made if there is none. Raises NotDecryptable"""
    made = {"current": encrypt(_new_secret()), "made_at": now}
    row, _ = WebhookSecret.objects.get_or_create(account_id=account_id, defaults=made)
    found = [row.current]
    if row.previous and row.previous_until is not None and row.previous_until > now:
        found.append(row.previous)
    return [decrypt(token) for token in found]


def sign(secret: str, webhook_id: str, timestamp: int, body: bytes) -> str:
    """`v1,SIGNATURE`: HMAC-SHA256 of id, time and body with the bytes behind the prefix."""
    key = base64.b64decode(secret.removeprefix(PREFIX))
    signed = f"{webhook_id}.{timestamp}.".encode() + body
    digest = hmac.new(key, signed, hashlib.sha256).digest()
    return "v1," + base64.b64encode(digest).decode()


def signed_headers(
    webhook_id: str, timestamp: int, body: bytes, signing: list[str]
) -> list[tuple[str, str]]:
    """One signature for each secret, separated by a space."""
    signatures = [sign(secret, webhook_id, timestamp, body) for secret in signing]
    return [
        ("webhook-id", webhook_id),
        ("webhook-timestamp", str(timestamp)),
        ("webhook-signature", " ".join(signatures)),
    ]


def encrypt_secrets_again() -> Reencryption:
    """Encrypt every secret with the first encryption key."""
    rows = WebhookSecret.objects.select_related("account")
    return encrypt_rows_again(rows, "current", "previous")


def _is_readable(token: str) -> bool:
    try:
        decrypt(token)
    except NotDecryptable:
        return False
    return True


def _new_secret() -> str:
    return PREFIX + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()
