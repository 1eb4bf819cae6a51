"""The keyed hash that ties an entry to the one before it.

The key is derived from the platform's secret key and not from ALGOPORT_ENCRYPTION_KEYS: those are
changed and taken away, and what they had signed could not be verified any more. An entry names its
key by a mark, so that one signed with a former secret key is told from a forged one.
"""

import hmac
import json
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

from algoport.audit.models import AuditEntry
from algoport.secret_keys import secret_keys

_PURPOSE = b"algoport audit trail"
_FORM = "algoport audit entry 1"
# Every column but the hash itself.
SIGNED_FIELDS = tuple(
    field.attname for field in AuditEntry._meta.concrete_fields if field.attname != "hash"
)


@lru_cache(maxsize=64)
def derive_key(secret_key: str) -> tuple[str, bytes]:
    """The mark and the key that follow from one secret key."""
    derived = HKDF(SHA256(), length=40, salt=None, info=_PURPOSE).derive(secret_key.encode())
    return derived[:8].hex(), derived[8:]


def signing_key() -> tuple[str, bytes]:
    return derive_key(settings.SECRET_KEY)


def known_keys(former: Iterable[str] = ()) -> dict[str, bytes]:
    """Keys by their marks: the present one, and those of former secret keys."""
    return dict(derive_key(secret) for secret in (*secret_keys(), *former))


def digest(key: bytes, values: Iterable[Any]) -> str:
    """The hash of an entry with these values of SIGNED_FIELDS, in their order."""
    return sign(key, [_FORM, *map(_canonical, values)])


def sign(key: bytes, parts: list[Any]) -> str:
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"))
    return hmac.digest(key, text.encode(), "sha256").hex()


def _canonical(value: Any) -> Any:
    if value is None or isinstance(value, str | int | dict):
        return value
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return str(value)
