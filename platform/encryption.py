"""Secrets that must be read again are kept encrypted.

The first of ALGOPORT_ENCRYPTION_KEYS encrypts and all of them decrypt. Behind them stands the
platform's own secret key, which encrypts when none is given: what it has encrypted stays readable
when the first key is set.
"""

import base64

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

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


def _keys() -> MultiFernet:
    return MultiFernet(
        [Fernet(_derive(key)) for key in (*settings.ENCRYPTION_KEYS, settings.SECRET_KEY)]
    )


def _derive(key: str) -> bytes:
    derived = HKDF(SHA256(), length=32, salt=None, info=_PURPOSE).derive(key.encode())
    return base64.urlsafe_b64encode(derived)
