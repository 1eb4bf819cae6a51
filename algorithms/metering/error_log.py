"""Reading and limiting the error log: who may see which failures (spec.md 3.12)."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connection
from django.db.models import QuerySet
from django.utils import timezone

from algoport.accounts.errors import UserNotFound
from algoport.accounts.models import User
from algoport.accounts.permissions import AccountResource, Action, Principal, can, require
from algorithms.constants import ERRORS_KEPT, MOST_ERRORS
from algorithms.models import Algorithm, AlgorithmError
from algorithms.selectors import algorithms_by_id, resource_of

# Beyond what is shown of one algorithm, and what belongs to none any more.
_TOO_MANY = """
DELETE FROM algorithms_algorithmerror WHERE id IN (
    SELECT id FROM (
        SELECT id, row_number() OVER (PARTITION BY algorithm_id ORDER BY created_at DESC, id)
            AS place
        FROM algorithms_algorithmerror
    ) places WHERE place > %s
) OR NOT EXISTS (
    SELECT FROM algorithms_algorithm WHERE algorithms_algorithm.id = algorithm_id
)
"""


@dataclass(frozen=True)
class LoggedError:
    """An entry with the names that its ids stand for; `stacktrace` is None for who may not see it.

    `caller` is the name of the account that made the call.
    """

    entry: AlgorithmError
    algorithm: Algorithm
    caller: str
    stacktrace: str | None


def errors_of_algorithm(principal: Principal, algorithm: Algorithm) -> list[LoggedError]:
    """The failures of an algorithm whose log `principal` was found to be allowed to see."""
    return _logged(principal, AlgorithmError.objects.filter(algorithm_id=algorithm.pk))


def errors_of_account(principal: Principal, user_id: str) -> list[LoggedError]:
    """The failures of an account's calls. Raises UserNotFound, NotAuthorized."""
    try:
        account = UUID(user_id)
    except ValueError as exc:
        raise UserNotFound from exc
    if principal.user_id != account:
        raise UserNotFound
    require(principal, Action.SEE_ACCOUNT_ERRORS, AccountResource(account))
    return _logged(principal, AlgorithmError.objects.filter(caller_id=account))


def errors_of_organization(principal: Principal, organization: UUID) -> list[LoggedError]:
    """The failures of an organization's algorithms, for who may see it. Raises NotAuthorized."""
    require(principal, Action.SEE_ORGANIZATION_ERRORS, AccountResource(organization))
    own = Algorithm.objects.filter(owner=organization).values("id")
    return _logged(principal, AlgorithmError.objects.filter(algorithm_id__in=own))


def remove_old_errors(now: datetime | None = None) -> None:
    """Forget entries that are a week old, and those beyond what is shown of each algorithm."""
    limit = (now or timezone.now()) - ERRORS_KEPT
    AlgorithmError.objects.filter(created_at__lt=limit).delete()
    with connection.cursor() as cursor:
        cursor.execute(_TOO_MANY, [MOST_ERRORS])


def _logged(principal: Principal, rows: QuerySet[AlgorithmError]) -> list[LoggedError]:
    """The newest of the rows, in three queries."""
    since = timezone.now() - ERRORS_KEPT
    existing = Algorithm.objects.values("id")
    recent = rows.filter(created_at__gte=since, algorithm_id__in=existing)
    entries = list(recent.order_by("-created_at", "-id")[:MOST_ERRORS])
    algorithms = algorithms_by_id({entry.algorithm_id for entry in entries})
    callers = User.objects.in_bulk({entry.caller_id for entry in entries})
    return [
        _entry(principal, entry, algorithms[entry.algorithm_id], callers.get(entry.caller_id))
        for entry in entries
        # Deleted since the first query.
        if entry.algorithm_id in algorithms
    ]


def _entry(
    principal: Principal, entry: AlgorithmError, algorithm: Algorithm, caller: User | None
) -> LoggedError:
    resource = resource_of(algorithm, public=algorithm.has_public_version)
    shown = bool(entry.stacktrace) and bool(can(principal, Action.READ_SOURCE, resource))
    name = "" if caller is None else caller.username
    return LoggedError(entry, algorithm, name, entry.stacktrace if shown else None)
