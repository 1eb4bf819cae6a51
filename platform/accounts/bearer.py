"""JWT bearer tokens of the site's identity provider (spec.md 2.4): checked here, without a query.

SECURITY: RS256 and nothing else, whatever a token says of itself; its key is one of the JWKS's,
chosen by `kid`. A token is checked for issuer, audience and time before anything of it is believed.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import jwt
import orjson
import requests
from django.conf import settings
from urllib3.exceptions import HTTPError

from algoport.accounts.errors import IdentityProviderUnavailable, InvalidToken
from algoport.http.addresses import OutgoingPolicy
from algoport.http.checked import checked_session

logger = logging.getLogger(__name__)

LONGEST_TOKEN = 16 * 1024
# A provider may withdraw a key; within this time its tokens are refused.
KEYS_LAST_SECONDS = 300.0
# However many tokens name keys that nobody knows.
SECONDS_BETWEEN_FETCHES = 30.0
_LEEWAY_SECONDS = 10
_SMALLEST_KEY_BITS = 2048
_MOST_BYTES = 256 * 1024
_MOST_KEYS = 100
_TIMEOUT = (3.0, 5.0)


@dataclass(frozen=True)
class Claims:
    """What a good token says; `groups` of None where no claim for them is configured."""

    external_id: str
    email: str
    groups: tuple[str, ...] | None
    # Seconds since the epoch.
    expires_at: float


class KeySet:
    """The provider's public keys by their ids, fetched when they are needed."""

    def __init__(
        self, fetch: Callable[[], dict[str, Any]], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._fetch = fetch
        self._clock = clock
        self._lock = threading.Lock()
        self._keys: dict[str, Any] = {}
        self._fetched_at = float("-inf")
        self._tried_at = float("-inf")

    def find(self, kid: str) -> Any:
        """The key of this id. Raises InvalidToken, IdentityProviderUnavailable."""
        if self._is_due(kid):
            with self._lock:
                if self._is_due(kid):
                    self._refresh()
        if self._clock() - self._fetched_at > KEYS_LAST_SECONDS + SECONDS_BETWEEN_FETCHES:
            raise IdentityProviderUnavailable
        if kid not in self._keys:
            raise InvalidToken(reason="its key is not one of the identity provider's")
        return self._keys[kid]

    def _is_due(self, kid: str) -> bool:
        now = self._clock()
        if now - self._tried_at < SECONDS_BETWEEN_FETCHES:
            return False
        return kid not in self._keys or now - self._fetched_at > KEYS_LAST_SECONDS

    def _refresh(self) -> None:
        self._tried_at = self._clock()
        try:
            self._keys = _public_keys(self._fetch())
        except (requests.RequestException, HTTPError, ValueError) as exc:
            logger.error("the identity provider's keys cannot be fetched: %s", exc)
            return
        self._fetched_at = self._clock()


def is_configured() -> bool:
    return bool(settings.JWT_JWKS_URL)


def token_from_header(header: str | None) -> str | None:
    """The token of a Bearer header; None for all others, and where tokens are not configured."""
    if header is None or not is_configured():
        return None
    scheme, _, token = header.strip().partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def verify_token(token: str, keys: KeySet | None = None) -> Claims:
    """What a token says. Raises InvalidToken, IdentityProviderUnavailable."""
    if len(token) > LONGEST_TOKEN:
        raise InvalidToken(reason=f"it has more than {LONGEST_TOKEN} characters")
    key = (keys or _site_keys()).find(_key_id(token))
    try:
        payload = jwt.decode(
            token,
            key,
            algorithms=["RS256"],
            issuer=settings.JWT_ISSUER,
            audience=settings.JWT_AUDIENCE,
            leeway=_LEEWAY_SECONDS,
            options={"require": ["exp", "iss", "aud"], "verify_sub": False},
        )
    except jwt.PyJWTError as exc:
        raise InvalidToken(reason=str(exc).rstrip(".")) from exc
    return _claims_of(payload)


def _key_id(token: str) -> str:
    try:
        header = jwt.get_unverified_header(token)
    except (jwt.PyJWTError, ValueError) as exc:
        raise InvalidToken(reason="it is not a JWT") from exc
    if header.get("alg") != "RS256":
        raise InvalidToken(reason="it is not signed with RS256")
    kid = header.get("kid") or header.get("x5t")
    if not isinstance(kid, str) or not kid:
        raise InvalidToken(reason="it does not say by `kid` which key has signed it")
    return kid


def _claims_of(payload: dict[str, Any]) -> Claims:
    name = settings.JWT_USERNAME_CLAIM or "sub"
    external_id = payload.get(name)
    if not isinstance(external_id, str) or not 0 < len(external_id) <= 255:
        raise InvalidToken(reason=f"its claim {name} is not a text of 1 to 255 characters")
    email = payload.get(settings.JWT_EMAIL_CLAIM) or ""
    if not isinstance(email, str) or "\x00" in external_id + email:
        raise InvalidToken(reason=f"its claim {settings.JWT_EMAIL_CLAIM} is not a text")
    return Claims(external_id, email, _groups_of(payload), float(payload["exp"]))


def _groups_of(payload: dict[str, Any]) -> tuple[str, ...] | None:
    name = settings.JWT_GROUPS_CLAIM
    if not name:
        return None
    value = payload.get(name)
    tags = [value] if isinstance(value, str) else value
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        raise InvalidToken(reason=f"its claim {name} is not a text or a list of texts")
    if any("\x00" in tag for tag in tags):
        raise InvalidToken(reason=f"its claim {name} is not valid")
    return tuple(tags)


def _public_keys(document: dict[str, Any]) -> dict[str, Any]:
    """Raises ValueError for what is no JWKS; single keys that are of no use are left out."""
    listed = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(listed, list):
        raise ValueError("the answer is not a JWKS")
    keys: dict[str, Any] = {}
    for entry in listed[:_MOST_KEYS]:
        if not isinstance(entry, dict) or entry.get("use", "sig") != "sig":
            continue
        if entry.get("kty") != "RSA" or entry.get("alg", "RS256") != "RS256":
            continue
        try:
            key = jwt.PyJWK(entry, algorithm="RS256").key
        except jwt.PyJWTError as exc:
            logger.warning("a key of the identity provider is left out: %s", exc)
            continue
        if key.key_size >= _SMALLEST_KEY_BITS:
            names = (entry.get("kid"), entry.get("x5t"))
            keys |= {name: key for name in names if isinstance(name, str) and name}
    return keys


@cache
def _site_keys() -> KeySet:
    return KeySet(_fetch_jwks)


def _fetch_jwks() -> dict[str, Any]:
    policy = OutgoingPolicy(settings.IDENTITY_HOSTS, "ALGOPORT_IDENTITY_HOSTS")
    with (
        checked_session(policy, requests.Session()) as session,
        session.get(
            settings.JWT_JWKS_URL, timeout=_TIMEOUT, allow_redirects=False, stream=True
        ) as answer,
    ):
        if answer.status_code != 200:
            raise ValueError(f"the answer's status is {answer.status_code}")
        body = answer.raw.read(_MOST_BYTES + 1, decode_content=True)
    if len(body) > _MOST_BYTES:
        raise ValueError("the answer is too large")
    document: dict[str, Any] = orjson.loads(body)
    return document
