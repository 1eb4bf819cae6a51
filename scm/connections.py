"""People's authorizations of the platform at hosts: begun, ended, renewed, taken back."""

import base64
import hashlib
import hmac
import secrets
from datetime import timedelta
from urllib.parse import urlencode
from uuid import UUID

from django.conf import settings
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
from scm.errors import (
    AuthorizationNotReadable,
    ScmConnectionNotFound,
    ScmNotAuthenticated,
    ScmNotAuthorized,
    ScmOAuthInvalidAuthorizationCode,
    ScmOAuthUnsupported,
)
from scm.hosts.base import HostAccount, Tokens
from scm.hosts.known import host_of
from scm.models import PendingAuthorization, ScmAuthorization, ScmConfiguration
from scm.revocations import end_tokens
from scm.signals import host_authorized

_FLOW_LASTS = timedelta(minutes=10)
# A token that ends so soon is renewed before it is used.
_MARGIN = timedelta(minutes=5)


def begin_authorization(*, user_id: UUID, scm: ScmConfiguration) -> str:
    """The host's page on which the account agrees. Raises ScmOAuthUnsupported."""
    if scm.is_internal:
        raise ScmOAuthUnsupported(reason="The internal SCM needs no authorization.")
    host = host_of(scm)
    state, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(48)
    PendingAuthorization.objects.update_or_create(
        user_id=user_id,
        scm=scm,
        defaults={
            "begun_at": timezone.now(),
            "state_digest": _digest(state),
            "verifier": encrypt(verifier),
        },
    )
    hashed = hashlib.sha256(verifier.encode()).digest()
    query = host.authorize_query() | {
        "redirect_uri": callback_url(scm),
        "state": state,
        "code_challenge": base64.urlsafe_b64encode(hashed).rstrip(b"=").decode(),
        "code_challenge_method": "S256",
    }
    return f"{scm.web_url}{host.authorize_path}?{urlencode(query)}"


def finish_authorization(
    *, user_id: UUID, scm: ScmConfiguration, code: str, state: str
) -> ScmAuthorization:
    """Exchange the code that the host gave the same account for the flow that it has begun.

    Raises ScmOAuthInvalidAuthorizationCode, HostUnreachable; what was authorized before stays then.
    """
    verifier = _take_flow(user_id, scm, state)
    host = host_of(scm)
    tokens = host.exchange(code, verifier, callback_url(scm))
    account = host.account(tokens.access)
    with transaction.atomic():
        return _keep(user_id, scm, tokens, account)


def revoke_authorization(*, user_id: UUID, scm: ScmConfiguration) -> None:
    """Forget the tokens, which a worker takes back at the host. Raises ScmConnectionNotFound."""
    with transaction.atomic():
        rows = ScmAuthorization.objects.select_for_update(of=("self",))
        row = rows.filter(user_id=user_id, scm=scm).first()
        if row is None:
            raise ScmConnectionNotFound
        _revoke(row)


@transaction.atomic
def forget_account(*, user_id: UUID) -> None:
    """Revoke what an account that ends has authorized, and forget the flows that it has begun."""
    for row in ScmAuthorization.objects.select_for_update().filter(user_id=user_id):
        _revoke(row)
    PendingAuthorization.objects.filter(user_id=user_id).delete()


def find_authorization(*, user_id: UUID | None, scm: ScmConfiguration) -> ScmAuthorization | None:
    return ScmAuthorization.objects.filter(user_id=user_id, scm=scm).first()


def authorizations_of(user_id: UUID) -> dict[str, ScmAuthorization]:
    """What the account has authorized, by the host's id."""
    return {row.scm_id: row for row in ScmAuthorization.objects.filter(user_id=user_id)}


def usable_token(*, user_id: UUID | None, scm: ScmConfiguration) -> tuple[str, str]:
    """A token of the account at the host that lasts for what is to be done, and its login there.

    Not to be called in a transaction that may be undone: a token that is renewed is the only one.
    Raises ScmNotAuthorized, ScmNotAuthenticated, HostUnreachable.
    """
    with transaction.atomic():
        rows = ScmAuthorization.objects.select_for_update(of=("self",))
        row = rows.filter(user_id=user_id, user__is_active=True, scm=scm).first()
        if row is None:
            raise ScmNotAuthorized(scm=scm, address=f"{settings.ALGOPORT_URL}/user/source-hosts")
        if row.expires_at is not None and row.expires_at < timezone.now() + _MARGIN:
            _renew(row, scm)
        return _read_token(row.access_token, scm), row.login


def callback_url(scm: ScmConfiguration) -> str:
    """Where the host sends people back to; administrators register it there."""
    return f"{settings.ALGOPORT_URL}/v1/scms/{scm.pk}/oauth/finish"


def encrypt_tokens_again() -> Reencryption:
    """Encrypt all tokens with the first encryption key."""
    return encrypt_rows_again(ScmAuthorization.objects.all(), "access_token", "refresh_token")


@transaction.atomic
def _take_flow(user_id: UUID, scm: ScmConfiguration, state: str) -> str:
    """The verifier of the flow, which is none any more."""
    rows = PendingAuthorization.objects.select_for_update(of=("self",))
    # SECURITY: only the account that began the flow ends it, so that nobody is led to connect
    # somebody else's account with their own.
    row = rows.filter(user_id=user_id, scm=scm).first()
    if row is None or not hmac.compare_digest(row.state_digest, _digest(state)):
        raise ScmOAuthInvalidAuthorizationCode
    if timezone.now() - row.begun_at > _FLOW_LASTS:
        raise ScmOAuthInvalidAuthorizationCode
    try:
        verifier = decrypt(row.verifier)
    except NotDecryptable as exc:
        raise ScmOAuthInvalidAuthorizationCode from exc
    row.delete()
    return verifier


def _revoke(row: ScmAuthorization) -> None:
    with act("scm.revoke", row) as done:
        end_tokens(row)
        row.delete()
        done.removed()


def _keep(
    user_id: UUID, scm: ScmConfiguration, tokens: Tokens, account: HostAccount
) -> ScmAuthorization:
    rows = ScmAuthorization.objects.select_for_update(of=("self",))
    row = rows.filter(user_id=user_id, scm=scm).first()
    with act("scm.authorize", row) as done:
        if row is not None and not _is_of(row, tokens):
            end_tokens(row)
        row = row or ScmAuthorization(user_id=user_id, scm=scm)
        row.login, row.organizations = account.login, account.organizations
        _set_tokens(row, tokens)
        row.save()
        done.target = row
    transaction.on_commit(
        lambda: host_authorized.send(ScmAuthorization, user_id=user_id, scm_id=scm.pk)
    )
    return row


def _is_of(row: ScmAuthorization, tokens: Tokens) -> bool:
    """Whether the host has given the same token once more."""
    try:
        return decrypt(row.access_token) == tokens.access
    except NotDecryptable:
        return False


def _renew(row: ScmAuthorization, scm: ScmConfiguration) -> None:
    if not row.refresh_token:
        raise ScmNotAuthenticated(scm=scm)
    tokens = host_of(scm).refresh(_read_token(row.refresh_token, scm), callback_url(scm))
    _set_tokens(row, tokens)
    row.save(update_fields=["access_token", "refresh_token", "expires_at"])


def _read_token(token: str, scm: ScmConfiguration) -> str:
    """Raises AuthorizationNotReadable."""
    try:
        return decrypt(token)
    except NotDecryptable as exc:
        raise AuthorizationNotReadable(scm=scm) from exc


def _set_tokens(row: ScmAuthorization, tokens: Tokens) -> None:
    row.access_token = encrypt(tokens.access)
    row.refresh_token = encrypt(tokens.refresh) if tokens.refresh else ""
    lasts = tokens.seconds
    row.expires_at = None if lasts is None else timezone.now() + timedelta(seconds=lasts)


def _digest(state: str) -> str:
    return hashlib.sha256(state.encode()).hexdigest()
