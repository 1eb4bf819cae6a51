"""Columns for rows that name accounts and algorithms by their ids alone."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.urls import reverse
from django.utils.html import format_html

from algoport.accounts.models import User
from algorithms.models import Algorithm


class NameColumn:
    """What an id of a row stands for, with a link; in CSV the name alone."""

    def __init__(self, description: str, attribute: str, page: str) -> None:
        self.short_description = description
        self.__name__ = f"{attribute}_name"
        self._attribute = attribute
        self._page = page

    def __call__(self, row: Any) -> str:
        identifier = getattr(row, self._attribute)
        if identifier is None:
            return "-"
        name = row.names.get(identifier)
        if name is None:
            return str(identifier)
        return format_html('<a href="{}">{}</a>', page_url(self._page, identifier), name)

    def plain(self, row: Any) -> str:
        identifier = getattr(row, self._attribute)
        return "" if identifier is None else str(row.names.get(identifier, identifier))


class ShortColumn:
    """The beginning of a commit, where a version may be one; in CSV all of it."""

    def __init__(self, description: str, attribute: str) -> None:
        self.short_description = description
        self.admin_order_field = attribute
        self.__name__ = f"{attribute}_short"
        self._attribute = attribute

    def __call__(self, row: Any) -> str:
        text = self.plain(row)
        return text[:8] if len(text) == 40 else text

    def plain(self, row: Any) -> str:
        return str(getattr(row, self._attribute))


class RequestColumn:
    """The beginning of a request's id; in CSV all of it."""

    def __init__(self, attribute: str) -> None:
        self.short_description = "Request"
        self.__name__ = "request_short"
        self._attribute = attribute

    def __call__(self, row: Any) -> str:
        return format_html('<span title="{}">{}</span>', self.plain(row), self.plain(row)[:12])

    def plain(self, row: Any) -> str:
        return f"req-{getattr(row, self._attribute)}"


class SecondsColumn:
    """A duration to the millisecond; in CSV as it was measured."""

    def __init__(self, description: str, attribute: str) -> None:
        self.short_description = description
        self.admin_order_field = attribute
        self.__name__ = f"{attribute}_shown"
        self._attribute = attribute

    def __call__(self, row: Any) -> str:
        seconds = self.plain(row)
        return "-" if seconds is None else f"{seconds:.3f} s"

    def plain(self, row: Any) -> float | None:
        seconds: float | None = getattr(row, self._attribute)
        return seconds


def page_url(page: str, identifier: object) -> str:
    """Address of a row's page; `page` is like `algorithms_build`."""
    return reverse(f"admin:{page}_change", args=[identifier])


CALLER = NameColumn("Caller", "caller_id", "accounts_user")
VERSION = ShortColumn("Version", "version")
COMMIT = ShortColumn("Commit", "commit_sha")
ALGORITHM = NameColumn("Algorithm", "algorithm_id", "algorithms_algorithm")


def attach_names(rows: Iterable[Any]) -> None:
    """Give each row the names of its caller and its algorithm; two queries for all of them."""
    rows = list(rows)
    callers = {row.caller_id for row in rows}
    wanted = {row.algorithm_id for row in rows}
    names: dict[UUID, str] = {
        row.pk: row.username for row in User.objects.filter(pk__in=callers).only("username")
    }
    algorithms = Algorithm.objects.filter(pk__in=wanted).select_related("owner")
    names.update({row.pk: str(row) for row in algorithms})
    for row in rows:
        row.names = names
