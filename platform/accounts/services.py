"""Making accounts and keys."""

import re
import secrets
import string
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import IntegrityError, transaction
from django.utils import timezone

from algoport.accounts.authentication import digest_key
from algoport.accounts.constants import (
    DEFAULT_KEY_LABEL,
    EMAIL_PATTERN,
    KEY_PREFIX,
    KEY_RANDOM_CHARACTERS,
    NAME_LENGTH,
    NAME_PATTERN,
    KeyType,
)
from algoport.accounts.errors import (
    EmailAddressHasBeenTaken,
    InvalidKeyScope,
    UsernameHasBeenTaken,
)
from algoport.accounts.models import ApiKey, User
from algoport.accounts.permissions import EVERYTHING, Scopes
from algoport.db.changes import announce_change
from algoport.errors import InputValidationError

_ALPHABET = string.ascii_letters + string.digits + "+/"
_SCOPE_PATTERN = re.compile(r"^algo://(\*|[a-zA-Z]\w*/(\*|[a-zA-Z]\w*(/\*)?))\Z", re.ASCII)


@dataclass(frozen=True)
class NewKey:
    """A key just made; `secret` is shown this once."""

    row: ApiKey
    secret: str


@transaction.atomic
def create_user(
    *,
    username: str,
    email: str,
    password: str | None = None,
    fullname: str = "",
    staff: bool = False,
) -> User:
    """A new account. Raises an InputValidationError, or says that name or address is taken."""
    _check_name(username)
    _check_email(email)
    if User.objects.named(username).exists():
        raise UsernameHasBeenTaken
    if User.objects.filter(email__iexact=email).exists():
        raise EmailAddressHasBeenTaken
    user = User(username=username, email=email, fullname=fullname)
    user.is_staff = user.is_superuser = staff
    user.set_password(password)
    try:
        with transaction.atomic():
            user.save(force_insert=True)
    except IntegrityError as exc:
        raise UsernameHasBeenTaken from exc
    return user


def create_default_key(*, owner: User) -> NewKey:
    """The broad key that every account starts with (spec.md 2.3)."""
    return create_key(owner=owner, label=DEFAULT_KEY_LABEL, scopes=EVERYTHING)


@transaction.atomic
def create_key(
    *, owner: User, label: str, scopes: Scopes, key_type: str = KeyType.STANDARD
) -> NewKey:
    """A new key. Raises InvalidKeyScope; an admin key needs an administrator."""
    for pattern in scopes.algo_acl:
        if not _SCOPE_PATTERN.match(pattern):
            raise InvalidKeyScope(scope=pattern)
    if key_type == KeyType.ADMIN and not owner.is_staff:
        raise InputValidationError(f"{owner.username} is not an administrator.")
    secret = KEY_PREFIX + "".join(secrets.choice(_ALPHABET) for _ in range(KEY_RANDOM_CHARACTERS))
    row = ApiKey.objects.create(
        owner=owner,
        label=label,
        key_type=key_type,
        digest=digest_key(secret),
        mask=f"{secret[:5]}...{secret[-2:]}",
        algo_acl=list(scopes.algo_acl),
        allow_algo_management=scopes.management,
        allow_algo=scopes.native_calls,
        allow_web_algo=scopes.web_calls,
        referer_host=scopes.referer_host,
        allow_data=scopes.data_read,
        allow_data_write=scopes.data_write,
    )
    return NewKey(row, secret)


@transaction.atomic
def revoke_key(*, key: ApiKey) -> None:
    """Stop a key everywhere, within a second of the commit."""
    ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=timezone.now())
    announce_change()


@transaction.atomic
def change_account(*, account: User) -> None:
    """Keep what an administrator has changed of an account; in force within a second."""
    account.save()
    announce_change()


def _check_name(name: str) -> None:
    if not re.match(NAME_PATTERN, name, re.ASCII) or len(name) > NAME_LENGTH:
        raise InputValidationError(
            "A name starts with a letter and has letters, digits and underscores, "
            f"at most {NAME_LENGTH}."
        )


def _check_email(email: str) -> None:
    try:
        RegexValidator(EMAIL_PATTERN)(email)
    except ValidationError as exc:
        raise InputValidationError(f"{email!r} is not an e-mail address.") from exc
    if len(email) > 100:
        raise InputValidationError("An e-mail address has at most 100 characters.")
