"""Secrets that must be read again are kept encrypted.

The first of ALGOPORT_ENCRYPTION_KEYS encrypts and all of them decrypt. Behind them stands the
platform's own secret key, which encrypts when none is given: what it has encrypted stays readable
when the first key is set, and while it is among the former ones that are still taken.
"""

import base64
from dataclasses import dataclass, field
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.db import transaction
from django.db.models import Model, QuerySet

from algoport.secret_keys import secret_keys

BATCH_SIZE = 500
_PURPOSE = b"algoport encryption of stored secrets"


class NotDecryptable(Exception):
    """No key of this platform has encrypted this."""

    def __init__(self) -> None:
        super().__init__(
            "A stored secret cannot be decrypted. "
            "Add the key that it was encrypted with to ALGOPORT_ENCRYPTION_KEYS."
        )


def encrypt(text: str) -> str:
    return _keys().encrypt(text.encode()).decode()


def decrypt(token: str) -> str:
    """Raises NotDecryptable."""
    try:
        return _keys().decrypt(token.encode()).decode()
    except InvalidToken as exc:
        raise NotDecryptable from exc


def encrypt_again(token: str) -> str:
    """The same secret, encrypted with the first key. Raises NotDecryptable."""
    try:
        return _keys().rotate(token.encode()).decode()
    except InvalidToken as exc:
        raise NotDecryptable from exc


@dataclass
class Reencryption:
    """How many rows have their secrets under the first key, and those that no key reads."""

    done: int = 0
    unreadable: list[Model] = field(default_factory=list)


def encrypt_rows_again(rows: QuerySet[Any], *fields: str) -> Reencryption:
    """Encrypt these fields with the first key, some hundred rows at a time; empty ones stay so.

    Rows are locked for as long as their batch takes. It can be repeated.
    """
    outcome = Reencryption()
    last: object = None
    while True:
        with transaction.atomic():
            left = rows if last is None else rows.filter(pk__gt=last)
            batch = list(left.order_by("pk").select_for_update(of=("self",))[:BATCH_SIZE])
            for row in batch:
                _encrypt_row_again(row, fields, outcome)
        if not batch:
            return outcome
        last = batch[-1].pk


def _encrypt_row_again(row: Model, fields: tuple[str, ...], outcome: Reencryption) -> None:
    try:
        for name in fields:
            token = getattr(row, name)
            setattr(row, name, token and encrypt_again(token))
    except NotDecryptable:
        outcome.unreadable.append(row)
        return
    row.save(update_fields=fields)
    outcome.done += 1


def _keys() -> MultiFernet:
    return MultiFernet(
        [Fernet(_derive(key)) for key in (*settings.ENCRYPTION_KEYS, *secret_keys())]
    )


def _derive(key: str) -> bytes:
    derived = HKDF(SHA256(), length=32, salt=None, info=_PURPOSE).derive(key.encode())
    return base64.urlsafe_b64encode(derived)
