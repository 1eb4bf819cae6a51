"""Pages of lists that may be long, and what stands in them, at a price that does not grow."""

from typing import Any

from django.contrib.admin.views.main import ChangeList
from django.core.paginator import Paginator
from django.http import HttpRequest
from django.utils.functional import cached_property

# What is beyond is found by searching and filtering; nobody leafs through more.
MOST_ROWS = 10_000


class CappedPaginator(Paginator):
    """Counts rows up to MOST_ROWS and no further."""

    @cached_property
    def count(self) -> int:
        rows = self.object_list.order_by()
        return int(rows.values("pk")[:MOST_ROWS].count())

    @property
    def is_capped(self) -> bool:
        """Whether there may be more than what is counted."""
        return self.count == MOST_ROWS


class PortalChangeList(ChangeList):
    """A list whose page is prepared as a whole, so that no row asks the database by itself."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        rows: list[Any] = list(self.result_list)  # type: ignore[has-type]
        self.model_admin.prepare_rows(rows)
        self.result_list = rows
