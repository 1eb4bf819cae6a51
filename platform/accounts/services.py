"""Making accounts and keys."""

import re
import secrets
import string
from dataclasses import dataclass

from allauth.account.models import EmailAddress
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import IntegrityError, transaction
from django.utils import timezone

from algoport.accounts.authentication import digest_key, former_digests
from algoport.accounts.constants import (
    DEFAULT_KEY_LABEL,
    EMAIL_PATTERN,
    KEY_PATTERN,
    KEY_PREFIX,
    KEY_RANDOM_CHARACTERS,
    NAME_LENGTH,
    NAME_PATTERN,
    SCOPE_PATTERN,
    KeyType,
    OrganizationRole,
)
from algoport.accounts.errors import (
    EmailAddressHasBeenTaken,
    InvalidKeyScope,
    KeyAlreadyExists,
    KeyBeyondItsMaker,
    OrganizationRequiresOwner,
    UsernameHasBeenTaken,
)
from algoport.accounts.models import ApiKey, Membership, User
from algoport.accounts.permissions import EVERYTHING, Action, Principal, Scopes, can
from algoport.accounts.selectors import is_address_taken
from algoport.accounts.sessions import end_sessions
from algoport.accounts.signals import account_ended
from algoport.audit.recording import act
from algoport.db.changes import announce_change
from algoport.errors import InputValidationError, NotAuthorized

_ALPHABET = string.ascii_letters + string.digits + "+/"


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
    company_name: str = "",
    company_role: str = "",
    staff: bool = False,
    is_address_verified: bool = True,
) -> User:
    """A new account; whoever makes it for another vouches for the address.

    Raises an InputValidationError, or says that name or address is taken.
    """
    check_name(username)
    check_email(email)
    if User.objects.named(username).exists():
        raise UsernameHasBeenTaken
    if is_address_taken(email):
        raise EmailAddressHasBeenTaken
    user = User(
        username=username,
        email=email,
        fullname=fullname,
        company_name=company_name,
        company_role=company_role,
    )
    user.is_staff = user.is_superuser = staff
    user.set_password(password)
    try:
        with act("user.create") as done:
            user.save(force_insert=True)
            done.target = user
    except IntegrityError as exc:
        raise UsernameHasBeenTaken from exc
    if is_address_verified:
        EmailAddress.objects.create(user=user, email=email.lower(), verified=True, primary=True)
    return user


@transaction.atomic
def change_password(*, user: User, password: str) -> None:
    """A new password; sessions that were begun with the old one end."""
    with act("user.change_password", user):
        user.set_password(password)
        user.save(update_fields=["password"])
        end_sessions(user=user)


def create_default_key(*, owner: User) -> NewKey:
    """The broad key that every account starts with (spec.md 2.3)."""
    return create_key(owner=owner, label=DEFAULT_KEY_LABEL, scopes=EVERYTHING)


def issue_key(
    *,
    maker: Principal,
    owner: User,
    label: str,
    scopes: Scopes,
    key_type: str = KeyType.STANDARD,
    secret: str | None = None,
) -> NewKey:
    """A key that `maker`, who may manage the owner's, asks for.

    Raises KeyBeyondItsMaker; NotAuthorized for what only administrators make: admin keys, and
    keys that clients have already; and what create_key raises.
    """
    if not can(maker, Action.ADMINISTER):
        if not maker.scopes.cover(scopes):
            raise KeyBeyondItsMaker
        if secret is not None or key_type != KeyType.STANDARD:
            raise NotAuthorized("Administrators make admin keys, and take over keys that exist.")
    return create_key(owner=owner, label=label, scopes=scopes, key_type=key_type, secret=secret)


@transaction.atomic
def create_key(
    *,
    owner: User,
    label: str,
    scopes: Scopes,
    key_type: str = KeyType.STANDARD,
    secret: str | None = None,
) -> NewKey:
    """A new key, or one that its clients have already.

    Raises InvalidKeyScope, and for a known one KeyAlreadyExists; an admin key needs an
    administrator.
    """
    for pattern in scopes.algo_acl:
        if not re.match(SCOPE_PATTERN, pattern, re.ASCII):
            raise InvalidKeyScope(scope=pattern)
    if key_type == KeyType.ADMIN and not owner.is_staff:
        raise InputValidationError(f"{owner.username} is not an administrator.")
    if secret is None:
        letters = (secrets.choice(_ALPHABET) for _ in range(KEY_RANDOM_CHARACTERS))
        secret = KEY_PREFIX + "".join(letters)
    elif not re.match(KEY_PATTERN, secret, re.ASCII):
        raise InputValidationError(
            f"api_key: it begins with {KEY_PREFIX} and has 20 letters, digits, + or / at least."
        )
    if ApiKey.objects.filter(digest__in=[digest_key(secret), *former_digests(secret)]).exists():
        raise KeyAlreadyExists
    with act("key.create") as done:
        row = done.target = ApiKey.objects.create(
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
    with act("key.revoke", key) as done:
        rows = ApiKey.objects.filter(pk=key.pk, revoked_at=None)
        if not rows.update(revoked_at=timezone.now()):
            done.nothing()
        announce_change()


@transaction.atomic
def update_user(
    *,
    user: User,
    fullname: str,
    company_name: str,
    company_role: str,
    mails_notifications: bool | None = None,
) -> User:
    """Change what an account says of its user; None leaves their wish for mail as it is."""
    with act("user.update", user):
        user.fullname, user.company_name, user.company_role = fullname, company_name, company_role
        if mails_notifications is not None:
            user.mails_notifications = mails_notifications
        user.save(update_fields=["fullname", "company_name", "company_role", "mails_notifications"])
    return user


@transaction.atomic
def delete_user(*, user: User) -> None:
    """End an account; its name and address are never given again (spec.md 2.1).

    Raises OrganizationRequiresOwner for the only owner of an organization, and refuses the last
    administrator: nobody could make another.
    """
    administrators = User.objects.filter(is_staff=True, is_active=True).select_for_update()
    if user.is_staff and len(administrators) == 1:
        raise InputValidationError("The last administrator cannot be deleted.")
    for membership in Membership.objects.filter(user=user, organization__is_active=True):
        check_not_last_owner(membership)
    with act("user.delete", user) as done:
        left, _ = Membership.objects.filter(user=user).delete()
        done.note(organizations_left=left)
        end_account(account=user)


@transaction.atomic
def end_account(*, account: User) -> None:
    """Let nobody find the account any more, nor use its keys."""
    with act("account.end", account) as done:
        keys = ApiKey.objects.filter(owner=account, revoked_at=None)
        done.note(keys_revoked=keys.update(revoked_at=timezone.now()))
        end_sessions(user=account)
        account.is_active = False
        account.save(update_fields=["is_active"])
        account_ended.send(sender=User, account=account)
        announce_change()


def check_not_last_owner(membership: Membership) -> None:
    """Raise OrganizationRequiresOwner for one without whom nobody would own the organization.

    The organization stays locked until the transaction ends: two owners must not go at once.
    """
    User.objects.select_for_update().get(pk=membership.organization_id)
    owners = Membership.objects.filter(
        organization=membership.organization_id, role=OrganizationRole.OWNER
    )
    if membership.role == OrganizationRole.OWNER and owners.count() == 1:
        raise OrganizationRequiresOwner


def check_name(name: str) -> None:
    if not re.match(NAME_PATTERN, name, re.ASCII) or len(name) > NAME_LENGTH:
        raise InputValidationError(
            "A name starts with a letter and has letters, digits and underscores, "
            f"at most {NAME_LENGTH}."
        )


def check_email(email: str) -> None:
    try:
        RegexValidator(EMAIL_PATTERN)(email)
    except ValidationError as exc:
        raise InputValidationError(f"{email!r} is not an e-mail address.") from exc
    if len(email) > 100:
        raise InputValidationError("An e-mail address has at most 100 characters.")
