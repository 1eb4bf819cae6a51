"""Signed requests between hosts of one platform: who has its secret key, and nobody else.

A request names its time, a nonce and the digest of its body; the signature covers these, its method
and its path, in which stands whom it is for. The answer is signed for the nonce.
"""

import hashlib
import hmac
import secrets
import time
from collections.abc import Mapping

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from algoport.secret_keys import secret_keys

# How far the clocks of hosts may be apart.
TOLERANCE_SECONDS = 30.0
MAC_BYTES = 32
_NAMES = ("x-algoport-time", "x-algoport-nonce", "x-algoport-digest")
_SIGNATURE = "x-algoport-signature"


class SignatureRefused(Exception):
    """The request does not come from a host of this platform, or came before."""


class Signer:
    """Signs for one purpose."""

    def __init__(self, purpose: str) -> None:
        self._keys = [_derive(purpose, each) for each in secret_keys()]

    def headers(self, method: str, path: str, body: bytes) -> dict[str, str]:
        """What goes with a request that has this body."""
        values = (repr(time.time()), secrets.token_hex(16), hashlib.sha256(body).hexdigest())
        signature = _mac(self._keys[0], method, path, *values).hex()
        return {**dict(zip(_NAMES, values, strict=True)), _SIGNATURE: signature}

    def of_answer(self, headers: Mapping[str, str], answer: bytes) -> bytes:
        """The mac of an answer to the request with these headers."""
        return _mac(self._keys[0], *_told_of(headers, answer))

    def is_of_answer(self, mac: bytes, headers: Mapping[str, str], answer: bytes) -> bool:
        """Whether it is one, by a host that may have another of the keys for its first."""
        told = _told_of(headers, answer)
        return any(hmac.compare_digest(mac, _mac(key, *told)) for key in self._keys)


class Verifier(Signer):
    """Takes each request once."""

    def __init__(self, purpose: str) -> None:
        super().__init__(purpose)
        self._seen: dict[str, float] = {}

    def verify(self, method: str, path: str, headers: Mapping[str, str]) -> None:
        """Raises SignatureRefused; the body is to be compared with `check_body`."""
        values = [headers.get(name, "") for name in _NAMES]
        given = headers.get(_SIGNATURE, "").encode()
        expected = [_mac(key, method, path, *values).hex().encode() for key in self._keys]
        # SECURITY: nothing of the request is looked at before this.
        if not any(hmac.compare_digest(each, given) for each in expected):
            raise SignatureRefused("it is not signed with the key of this platform")
        now = time.time()
        apart = abs(now - float(values[0]))
        if apart > TOLERANCE_SECONDS:
            raise SignatureRefused(f"the clocks of the hosts are {apart:.0f} s apart")
        self._forget(now)
        if values[1] in self._seen:
            raise SignatureRefused("it came before")
        self._seen[values[1]] = now

    def check_body(self, headers: Mapping[str, str], body: bytes) -> None:
        """Raises SignatureRefused."""
        digest = hashlib.sha256(body).hexdigest()
        if not hmac.compare_digest(digest, headers[_NAMES[2]]):
            raise SignatureRefused("its body is not the one that was signed")

    def _forget(self, now: float) -> None:
        """A nonce is kept for as long as its request could be taken; the oldest stand in front."""
        while self._seen:
            nonce, at = next(iter(self._seen.items()))
            if now - at <= 2 * TOLERANCE_SECONDS:
                return
            del self._seen[nonce]


def _derive(purpose: str, secret_key: str) -> bytes:
    key = HKDF(SHA256(), length=32, salt=None, info=f"algoport {purpose}".encode())
    return key.derive(secret_key.encode())


def _told_of(headers: Mapping[str, str], answer: bytes) -> tuple[str, str, str]:
    return "answer", headers[_NAMES[1]], hashlib.sha256(answer).hexdigest()


def _mac(key: bytes, *fields: str) -> bytes:
    return hmac.digest(key, "\n".join(fields).encode(), "sha256")
