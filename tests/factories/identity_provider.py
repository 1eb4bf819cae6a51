"""An identity provider's keys and tokens."""

import base64
import time
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

ISSUER = "https://idp.example.com/"
AUDIENCE = "algoport"


class SigningKey:
    """An RSA key with its id."""

    def __init__(self, kid: str, bits: int = 2048) -> None:
        self.kid = kid
        self.private = rsa.generate_private_key(public_exponent=65537, key_size=bits)

    def public_pem(self) -> bytes:
        return self.private.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    def jwk(self) -> dict[str, Any]:
        numbers = self.private.public_key().public_numbers()
        return {
            "kty": "RSA",
            "use": "sig",
            "kid": self.kid,
            "n": _encode(numbers.n),
            "e": _encode(numbers.e),
        }

    def token(self, headers: dict[str, Any] | None = None, **claims: Any) -> str:
        """A good token, but for what is said; a claim of None is left out."""
        payload = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": "guest",
            "exp": int(time.time()) + 300,
            "iat": int(time.time()),
        } | claims
        payload = {name: value for name, value in payload.items() if value is not None}
        named = {"kid": self.kid} | (headers or {})
        return jwt.encode(payload, self.private, algorithm="RS256", headers=named)


def _encode(number: int) -> str:
    raw = number.to_bytes((number.bit_length() + 7) // 8, "big")
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
