"""Finding rows that name accounts and algorithms by id, from what an administrator types."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from algoport.accounts.models import User
from algoport.web.portal.pages import PortalAdmin
from algorithms.models import Algorithm

HELP = "Request id, name of the caller, or OWNER/ALGORITHM"
_PERIODS = {"hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(days=7)}


def find_by_names(queryset: QuerySet, term: str, *id_fields: str) -> QuerySet:
    """The rows of one caller or algorithm, or the one with this id; each has its index."""
    term = term.strip()
    if not term:
        return queryset
    identifier = _identifier(term)
    if identifier is not None:
        wanted = Q()
        for field in (*id_fields, "caller_id", "algorithm_id"):
            wanted |= Q(**{field: identifier})
        return queryset.filter(wanted)
    owner, _, name = term.partition("/")
    if name:
        algorithms = Algorithm.objects.named(owner, name.partition("/")[0])
        return queryset.filter(algorithm_id__in=list(algorithms.values_list("pk", flat=True)))
    accounts = User.objects.named(owner)
    return queryset.filter(caller_id__in=list(accounts.values_list("pk", flat=True)))


class SearchedByNames(PortalAdmin):
    """Rows with `caller_id` and `algorithm_id`, and the ids of `search_fields`."""

    search_help_text = HELP

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet, term: str
    ) -> tuple[QuerySet, bool]:
        return find_by_names(queryset, term, *self.search_fields), False


def _identifier(term: str) -> UUID | None:
    """The id in `ID` or `req-ID`."""
    try:
        return UUID(term.removeprefix("req-").removeprefix("hook-"))
    except ValueError:
        return None


class PeriodFilter(admin.SimpleListFilter):
    """By time, the last day at first: tables of calls are long, and their index is by time."""

    title = "time"
    parameter_name = "period"
    time_field = "started_at"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("hour", "Last hour"), ("week", "Last 7 days"), ("all", "Any time")]

    def choices(self, changelist: Any) -> Any:
        chosen = list(super().choices(changelist))
        chosen[0]["display"] = "Last day"
        return chosen

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        # Who searches for one thing wants it whenever it was.
        default = "all" if request.GET.get("q") else "day"
        age = _PERIODS.get(self.value() or default)
        if age is None:
            return queryset
        return queryset.filter(**{f"{self.time_field}__gte": timezone.now() - age})


class OutcomeFilter(admin.SimpleListFilter):
    title = "outcome"
    parameter_name = "outcome"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("succeeded", "Succeeded"), ("failed", "Failed")]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        if self.value() == "failed":
            return queryset.filter(FAILED)
        if self.value() == "succeeded":
            return queryset.exclude(FAILED)
        return queryset


# An algorithm's own failure is answered with 200 and an error type.
FAILED = Q(status__gte=400) | ~Q(error_type="")
