"""The use of an account's data, for its owner to search."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet

from algoport.accounts.permissions import AccountResource, Action, Principal, require
from algoport.errors import InputValidationError
from dataportal.models import DataAccess
from dataportal.selectors import get_account_for

OUTCOMES = ("ok", "refused", "failed")


@dataclass(frozen=True, slots=True)
class AccessFilter:
    """What to search for; "" and None are for whatever there is. `path` is a beginning."""

    since: datetime | None = None
    until: datetime | None = None
    connector: str = ""
    path: str = ""
    account: str = ""
    algorithm_id: UUID | None = None
    outcome: str = ""


def find_accesses_for(
    principal: Principal, owner: str, wanted: AccessFilter
) -> QuerySet[DataAccess]:
    """Uses of the account's data. Raises UserNotFound, NotAuthorized, InputValidationError."""
    account = get_account_for(principal, owner)
    require(principal, Action.SEE_DATA_ACCESSES, AccountResource(account.id))
    rows = DataAccess.objects.filter(owner=account.name.lower())
    if wanted.since is not None:
        rows = rows.filter(accessed_at__gte=wanted.since)
    if wanted.until is not None:
        rows = rows.filter(accessed_at__lt=wanted.until)
    if wanted.connector:
        rows = rows.filter(connector=wanted.connector.lower())
    if wanted.path:
        # Bytewise, as the column is sorted: from the beginning to what follows all that have it.
        rows = rows.filter(path__gte=wanted.path, path__lt=wanted.path + "\U0010ffff")
    if wanted.account:
        rows = rows.filter(account=wanted.account.lower())
    if wanted.algorithm_id is not None:
        rows = rows.filter(algorithm_id=wanted.algorithm_id)
    return _with_outcome(rows, wanted.outcome)


def _with_outcome(rows: QuerySet[DataAccess], outcome: str) -> QuerySet[DataAccess]:
    if not outcome:
        return rows
    if outcome == "ok":
        return rows.filter(status__lt=400)
    if outcome == "refused":
        return rows.filter(status__gte=400, status__lt=500)
    if outcome == "failed":
        return rows.filter(status__gte=500)
    raise InputValidationError(f"outcome is one of {', '.join(OUTCOMES)}.")
