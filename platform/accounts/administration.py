"""What administrators decide about accounts."""

from django.db import transaction

from algoport.accounts.constants import MOST_CALLS_OF_ACCOUNT, AccountKind
from algoport.accounts.models import User
from algoport.accounts.sessions import end_sessions
from algoport.audit.recording import act
from algoport.db.changes import announce_change
from algoport.errors import InputValidationError


@transaction.atomic
def set_call_limit(*, account: User, limit: int) -> None:
    """How many calls of the account run at the same time; in force within a second."""
    if not 1 <= limit <= MOST_CALLS_OF_ACCOUNT:
        raise InputValidationError(
            f"call_limit: a whole number greater than zero, at most {MOST_CALLS_OF_ACCOUNT}."
        )
    _change(account, "user.limit_work", call_limit=limit)


@transaction.atomic
def deactivate_account(*, account: User) -> None:
    """Let nobody sign in as the account or use its keys, until it is restored.

    Refuses the last administrator: nobody could restore it.
    """
    _check_not_last_administrator(account)
    with act("user.deactivate", account):
        end_sessions(user=account)
        _change(account, "user.deactivate", is_active=False)


@transaction.atomic
def restore_account(*, account: User) -> None:
    """Let a deactivated account sign in again; keys that were revoked stay revoked."""
    _change(account, "user.restore", is_active=True)


@transaction.atomic
def make_administrator(*, account: User) -> None:
    """Let a user administer the platform; an organization never does."""
    if account.kind != AccountKind.USER:
        raise InputValidationError(f"{account.username} is an organization.")
    if not account.is_active:
        raise InputValidationError(f"{account.username} is not active. Restore the account first.")
    _change(account, "user.make_administrator", is_staff=True, is_superuser=True)


@transaction.atomic
def remove_administrator(*, account: User) -> None:
    """Let a user administer the platform no more; their admin keys stop with it."""
    _check_not_last_administrator(account)
    _change(account, "user.remove_administrator", is_staff=False, is_superuser=False)


@transaction.atomic
def set_external_id(*, account: User, external_id: str) -> None:
    """Say whom of the identity provider's users the account is for; nobody, without a text."""
    if account.kind != AccountKind.USER:
        raise InputValidationError(f"{account.username} is an organization.")
    taken = User.objects.filter(external_id=external_id).exclude(pk=account.pk)
    if external_id and taken.exists():
        raise InputValidationError("Another account has this external id.")
    _change(account, "user.set_external_id", external_id=external_id or None)


def _change(account: User, action: str, **fields: object) -> None:
    with act(action, account):
        for name, value in fields.items():
            setattr(account, name, value)
        account.save(update_fields=list(fields))
        announce_change()


def _check_not_last_administrator(account: User) -> None:
    administrators = User.objects.filter(is_staff=True, is_active=True).select_for_update()
    if [each.pk for each in administrators] == [account.pk]:
        raise InputValidationError(f"{account.username} is the last administrator.")
