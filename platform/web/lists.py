"""A list on a page: what its URL says of searching, filtering, sorting and paging."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, QueryDict
from django.utils.functional import cached_property

PAGE_SIZE = 25
# What is beyond is found by searching and filtering; nobody leafs through more.
LAST_PAGE = 400
_LONGEST_SEARCH = 100


@dataclass(frozen=True, slots=True)
class Sort:
    """An order that a column offers; `fields` as `order_by` takes them, unique together."""

    label: str
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Filter:
    """A choice of a list's rows: the values that a URL may say, and what readers see."""

    name: str
    label: str
    choices: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class ChosenFilter:
    """A filter with what was chosen of it; nothing for all."""

    filter: Filter
    value: str


def page_number(request: HttpRequest) -> int:
    """Which page `?page=` says, from 1 to LAST_PAGE; the first, if it says anything else."""
    said = request.GET.get("page", "")
    is_short = said.isascii() and said.isdigit() and len(said) < 6
    return int(said) if is_short and 1 <= int(said) <= LAST_PAGE else 1


@dataclass
class Listing:
    """One request's view of a list. What the URL says and the list has not, is left out.

    `?q=` searches, a filter has its name, `?sort=` names an order of `sorts` (after a `-`
    backwards; the first is the one without), `?page=` counts from 1.
    """

    request: HttpRequest
    sorts: Mapping[str, Sort]
    filters: Sequence[Filter] = ()
    searches: str = ""
    # Whether the order is chosen beside the filters: for lists without columns.
    has_sort_menu: bool = False
    size: int = PAGE_SIZE
    rows: list[Any] = field(default_factory=list, init=False)
    has_more: bool = field(default=False, init=False)

    @cached_property
    def q(self) -> str:
        return self._said("q").strip()[:_LONGEST_SEARCH]

    @cached_property
    def chosen(self) -> dict[str, str]:
        """The filters' values by their names, without those that show all."""
        said = {each.name: self._said(each.name) for each in self.filters}
        allowed = {each.name: {value for value, _ in each.choices} for each in self.filters}
        return {name: value for name, value in said.items() if value in allowed[name]}

    @property
    def chosen_filters(self) -> list[ChosenFilter]:
        return [ChosenFilter(each, self.chosen.get(each.name, "")) for each in self.filters]

    @cached_property
    def sort(self) -> str:
        said = self._said("sort")
        return said if said.removeprefix("-") in self.sorts else self.default_sort

    @property
    def default_sort(self) -> str:
        return next(iter(self.sorts))

    @cached_property
    def page(self) -> int:
        return page_number(self.request)

    @property
    def is_narrowed(self) -> bool:
        """Whether rows may be missing because of what was searched or filtered."""
        return bool(self.q or self.chosen)

    def ordered(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        fields = self.sorts[self.sort.removeprefix("-")].fields
        queryset = rows.order_by(*fields)
        return queryset.reverse() if self.sort.startswith("-") else queryset

    def take(self, rows: QuerySet[Any]) -> "Listing":
        """Read this page's rows: one query, however many there are."""
        start = (self.page - 1) * self.size
        found = list(self.ordered(rows)[start : start + self.size + 1])
        self.rows, self.has_more = found[: self.size], len(found) > self.size
        self.has_more = self.has_more and self.page < LAST_PAGE
        return self

    def take_from(self, rows: Sequence[Any]) -> "Listing":
        """The same of rows that have been read, by their attributes; all up or all down."""
        fields = self.sorts[self.sort.removeprefix("-")].fields
        key = attrgetter(*(field.removeprefix("-") for field in fields))
        ordered = sorted(rows, key=key, reverse=self._descends)
        start = (self.page - 1) * self.size
        self.rows = ordered[start : start + self.size]
        self.has_more = len(ordered) > start + self.size and self.page < LAST_PAGE
        return self

    @property
    def first_number(self) -> int:
        return (self.page - 1) * self.size + 1

    @property
    def last_number(self) -> int:
        return self.first_number + len(self.rows) - 1

    @property
    def previous_url(self) -> str:
        return self.url(page=self.page - 1) if self.page > 1 else ""

    @property
    def next_url(self) -> str:
        return self.url(page=self.page + 1) if self.has_more else ""

    def url(self, **changes: Any) -> str:
        """The URL of this list with other values; None leaves one out."""
        query = QueryDict(mutable=True)
        said = {"q": self.q, **self.chosen, "sort": self._told_sort, "page": self._told_page}
        for name, value in (said | changes).items():
            if value:
                query[name] = str(value)
        return f"{self.request.path}?{query.urlencode()}" if query else self.request.path

    def sort_url(self, name: str) -> str:
        """Where the head of a column leads to: its order, or if it has that, backwards."""
        is_default = name == self.default_sort
        turned = f"-{name}" if self.sort == name else None if is_default else name
        return self.url(sort=turned, page=None)

    def direction(self, name: str) -> str:
        """As `aria-sort` says it; nothing for a column that the list is not ordered by."""
        if self.sort.removeprefix("-") != name:
            return ""
        return "descending" if self._descends else "ascending"

    @property
    def _descends(self) -> bool:
        fields = self.sorts[self.sort.removeprefix("-")].fields
        return fields[0].startswith("-") is not self.sort.startswith("-")

    @property
    def _told_sort(self) -> str:
        return "" if self.sort == self.default_sort else self.sort

    @property
    def _told_page(self) -> str:
        return "" if self.page == 1 else str(self.page)

    def _said(self, name: str) -> str:
        # No text of the database has a NUL, so nothing is found by one.
        return self.request.GET.get(name, "").replace("\x00", "")
