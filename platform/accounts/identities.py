"""Accounts of people whom the site's identity provider knows (spec.md 2.4)."""

import hashlib
import logging
import re

from django.conf import settings
from django.db import IntegrityError, transaction

from algoport.accounts.administration import make_administrator, remove_administrator
from algoport.accounts.authentication import principal_of_user
from algoport.accounts.bearer import Claims
from algoport.accounts.constants import NAME_LENGTH
from algoport.accounts.errors import InvalidToken
from algoport.accounts.models import User
from algoport.accounts.permissions import Principal, PrincipalKind
from algoport.accounts.selectors import is_address_taken
from algoport.accounts.services import create_user
from algoport.accounts.signals import groups_told
from algoport.audit.recording import act
from algoport.errors import InputValidationError

logger = logging.getLogger(__name__)

# An address that no mail goes to, for whom the provider tells none of.
_NO_ADDRESS = "{digest}@users.local"


def principal_of_claims(claims: Claims) -> Principal:
    """The principal of a good token; an account is made for one who is new.

    Raises InvalidToken for one whose account was deleted, or cannot be made.
    """
    user = User.objects.filter(external_id=claims.external_id).first()
    if user is None:
        user = _provision(claims)
    if not user.is_active:
        raise InvalidToken(reason="the account that it is for was deleted")
    if claims.groups is not None:
        _take_groups(user, claims.groups)
    return principal_of_user(user, PrincipalKind.TOKEN)


@transaction.atomic
def _provision(claims: Claims) -> User:
    with act("user.provision") as done:
        try:
            with transaction.atomic():
                user = create_user(username=_free_name(claims.external_id), email=_address(claims))
                user.external_id = claims.external_id
                user.save(update_fields=["external_id"])
        except IntegrityError:
            # Of two first requests at once, the other has made it.
            done.nothing()
            return User.objects.get(external_id=claims.external_id)
        done.target = user
    return user


def _free_name(external_id: str) -> str:
    """The provider's name for the user where it may be one here, else one like it.

    SECURITY: an account of that name which is not the provider's is somebody else's.
    """
    wanted = re.sub(r"[^a-zA-Z0-9_]", "_", external_id.partition("@")[0], flags=re.ASCII)
    if not re.match(r"[a-zA-Z]", wanted):
        wanted = f"u_{wanted}"
    name = wanted[:NAME_LENGTH]
    if not User.objects.named(name).exists():
        return name
    return f"{name[: NAME_LENGTH - 9]}_{_digest(external_id)[:8]}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _address(claims: Claims) -> str:
    if not claims.email:
        return _NO_ADDRESS.format(
            digest=hashlib.sha256(claims.external_id.encode()).hexdigest()[:32]
        )
    if is_address_taken(claims.email):
        raise InvalidToken(
            reason="its address belongs to an account here that is not the identity provider's; "
            "an administrator can say that it is, by its external id"
        )
    return claims.email


@transaction.atomic
def _take_groups(user: User, groups: tuple[str, ...]) -> None:
    if settings.JWT_ADMIN_GROUP:
        _follow_administration(user, settings.JWT_ADMIN_GROUP in groups)
    groups_told.send(sender=User, user=user, groups=groups)


def _follow_administration(user: User, is_administrator: bool) -> None:
    if is_administrator == user.is_staff:
        return
    try:
        (make_administrator if is_administrator else remove_administrator)(account=user)
    except InputValidationError as exc:
        # Who else would administer the platform is not for the provider's groups to say.
        logger.warning("%s stays an administrator: %s", user.username, exc)
