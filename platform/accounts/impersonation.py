"""An administrator acting as a user: who may be whom."""

from django.db import transaction

from algoport.accounts.authentication import principal_of_user
from algoport.accounts.constants import AccountKind
from algoport.accounts.models import User
from algoport.accounts.permissions import Action, Decision, UserResource, can, refusal
from algoport.audit.recording import act


def may_impersonate(administrator: User, account: User) -> Decision:
    """Whether the one may be the other now; asked for every request, as both may change."""
    is_person = account.kind == AccountKind.USER
    target = UserResource(is_person, account.is_staff, account.is_active)
    return can(principal_of_user(administrator), Action.IMPERSONATE, target)


@transaction.atomic
def begin_impersonation(*, administrator: User, account: User) -> None:
    """Record that the administrator is the account from now on. Raises NotAuthorized."""
    decision = may_impersonate(administrator, account)
    if not decision:
        raise refusal(principal_of_user(administrator), decision)
    with act("user.impersonate", account):
        pass


@transaction.atomic
def end_impersonation(*, account: User) -> None:
    """Record that the administrator is themselves again."""
    with act("user.end_impersonation", account):
        pass
