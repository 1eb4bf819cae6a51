"""git's Basic credentials: user and password, or the owner of a key and the key (spec.md 2.2)."""

import base64
import binascii

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.contrib.auth import authenticate

from algoport.accounts.authentication import authenticate_key, principal_of_user
from algoport.accounts.constants import KEY_PREFIX
from algoport.accounts.guesses import Attempt, check_attempt, count_failure
from algoport.accounts.models import User
from algoport.accounts.permissions import ANONYMOUS, Principal, PrincipalKind
from algoport.audit.actors import Actor, acting
from algoport.audit.constants import Via
from algoport.errors import NotAuthenticated, NotAuthorized
from algoport.http.clients import UNKNOWN


def authenticate_basic(header: str | None, address: str = UNKNOWN) -> Principal:
    """The principal of a header; ANONYMOUS without one.

    Raises NotAuthenticated, TooManyFailures, and NotAuthorized for a password that is not enough.
    """
    if header is None:
        return ANONYMOUS
    username, password = _parse(header)
    principal = _by_key(username, password)
    if principal is not None:
        return principal
    attempt = Attempt(address, username)
    check_attempt(attempt)
    try:
        return _by_password(username, password)
    except NotAuthenticated:
        count_failure(attempt)
        raise


def _parse(header: str) -> tuple[str, str]:
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        raise NotAuthenticated
    try:
        decoded = base64.b64decode(encoded.strip(), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as exc:
        raise NotAuthenticated from exc
    if "\x00" in decoded:
        raise NotAuthenticated
    username, _, password = decoded.partition(":")
    return username, password


def _by_key(username: str, password: str) -> Principal | None:
    """None for what is no good key of the user: a password may begin like one."""
    if not password.startswith(KEY_PREFIX):
        return None
    try:
        principal = authenticate_key(password)
    except NotAuthenticated:
        return None
    return principal if principal.username.lower() == username.lower() else None


def _by_password(username: str, password: str) -> Principal:
    with acting(Actor(PrincipalKind.ANONYMOUS.value, Via.GIT)):
        user = authenticate(username=username, password=password)
    if not isinstance(user, User):
        raise NotAuthenticated("Unknown user name or password.")
    if not EmailAddress.objects.filter(user=user, verified=True).exists():
        raise NotAuthorized("Follow the link in the mail that you got for signing up first.")
    if Authenticator.objects.filter(user=user).exists():
        raise NotAuthorized(
            "This account signs in with two factors: use an API key in place of the password."
        )
    return principal_of_user(user)
