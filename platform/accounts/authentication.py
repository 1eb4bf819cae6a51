"""From an Authorization header to a principal (spec.md 2.2)."""

import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache
from uuid import UUID

from django.conf import settings
from django.db.models import Field
from django.db.models.expressions import RawSQL

from algoport.accounts.constants import KEY_PREFIX, KeyType, OrganizationRole
from algoport.accounts.models import ApiKey, Membership, User
from algoport.accounts.permissions import (
    EVERYTHING,
    Principal,
    PrincipalKind,
    Scopes,
)
from algoport.errors import CallIsOver, NotAuthenticated

# The roles of a key's owner. By the ORM's own subquery it takes as long again as all the rest.
_ROLES = RawSQL(
    "ARRAY(SELECT m.organization_id::text || ' ' || m.role FROM accounts_membership AS m"
    " JOIN accounts_user AS o ON o.id = m.organization_id AND o.is_active"
    " WHERE m.user_id = accounts_apikey.owner_id)",
    (),
    output_field=Field(),
)

# Where the relay of a run leaves the principal, in place of a header (design.md 5).
SCOPE_KEY = "algoport.principal"


def digest_key(key: str) -> str:
    """Keyed digest under which a key is stored: useless without the platform's secret."""
    return _digest_under(settings.SECRET_KEY, key)


def former_digests(key: str) -> list[str]:
    """What a key that was not used since is stored under, by former secrets still taken."""
    return [_digest_under(secret, key) for secret in settings.SECRET_KEY_FALLBACKS]


def _digest_under(secret_key: str, key: str) -> str:
    return hmac.digest(_digest_secret(secret_key), key.encode(), "sha256").hex()


@lru_cache(maxsize=16)
def _digest_secret(secret_key: str) -> bytes:
    return hashlib.sha256(b"api-key-digest:" + secret_key.encode()).digest()


def key_from_header(header: str | None) -> str | None:
    """The key in `Simple KEY` or `KEY`; None without a header."""
    if header is None or not header.strip():
        return None
    scheme, _, rest = header.strip().partition(" ")
    if not rest:
        return scheme
    if scheme.lower() != "simple":
        raise NotAuthenticated(
            f"Authorization scheme {scheme[:20]!r} is not supported. Send `Simple API_KEY`."
        )
    return rest.strip()


def authenticate_key(key: str) -> Principal:
    """The principal of a key. Raises NotAuthenticated for one that is unknown or revoked."""
    if not key.startswith(KEY_PREFIX):
        raise NotAuthenticated
    digest = digest_key(key)
    principal = find_principal(digest=digest)
    for former in former_digests(key) if principal is None else ():
        principal = find_principal(digest=former)
        if principal is not None:
            # From now on it is known by the present secret alone.
            ApiKey.objects.filter(digest=former).update(digest=digest)
            break
    if principal is None:
        raise NotAuthenticated
    return principal


def find_principal(**which: object) -> Principal | None:
    """The principal of the one key that `which` describes; None when it is not good any more.

    Raises NotAuthenticated for an administrator's key whose owner is none any more.
    """
    key = (
        ApiKey.objects.select_related("owner")
        .filter(revoked_at=None, owner__is_active=True, **which)
        .annotate(roles=_ROLES)
        .first()
    )
    if key is None:
        return None
    roles = dict(entry.split() for entry in key.roles)
    member_of = frozenset(map(UUID, roles))
    owner_of = frozenset(UUID(each) for each in roles if roles[each] == OrganizationRole.OWNER)
    return _principal_of(key, member_of, owner_of)


def _principal_of(key: ApiKey, member_of: frozenset[UUID], owner_of: frozenset[UUID]) -> Principal:
    admin = key.key_type == KeyType.ADMIN
    if admin and not key.owner.is_staff:
        raise NotAuthenticated
    scopes = Scopes(
        algo_acl=tuple(key.algo_acl),
        management=key.allow_algo_management,
        native_calls=key.allow_algo,
        web_calls=key.allow_web_algo,
        referer_host=key.referer_host,
        data_read=key.allow_data,
        data_write=key.allow_data and key.allow_data_write,
    )
    return Principal(
        kind=PrincipalKind.ADMIN_KEY if admin else PrincipalKind.KEY,
        user_id=key.owner_id,
        username=key.owner.username,
        is_staff=key.owner.is_staff,
        scopes=scopes,
        key_id=key.id,
        call_limit=key.owner.call_limit,
        member_of=member_of,
        owner_of=owner_of,
    )


def principal_of_user(user: User, kind: PrincipalKind = PrincipalKind.PASSWORD) -> Principal:
    return replace(principals_of_users([user])[user.id], kind=kind)


def principals_of_users(users: Iterable[User]) -> dict[UUID, Principal]:
    """Principals of users that have signed in, by their ids; one query for all of them."""
    by_id = {user.id: user for user in users}
    roles: dict[UUID, dict[UUID, str]] = {user_id: {} for user_id in by_id}
    rows = Membership.objects.filter(user__in=by_id, organization__is_active=True)
    for user_id, organization_id, role in rows.values_list("user_id", "organization_id", "role"):
        roles[user_id][organization_id] = role
    return {
        user.id: Principal(
            PrincipalKind.PASSWORD,
            user.id,
            user.username,
            user.is_staff,
            EVERYTHING,
            call_limit=user.call_limit,
            member_of=frozenset(roles[user.id]),
            owner_of=frozenset(
                each for each, role in roles[user.id].items() if role == OrganizationRole.OWNER
            ),
        )
        for user in by_id.values()
    }


def principal_of_relay(principal: Principal | None) -> Principal:
    """The run that a sandbox speaks for; between its calls it speaks for nobody."""
    if principal is None:
        raise CallIsOver
    return principal
