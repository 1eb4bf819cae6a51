"""What hosted data asks of the app of the algorithms that keep files.

`dataportal` lies below `algorithms`, so the latter registers itself here in `AppConfig.ready()`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from algoport.accounts.permissions import Principal


@dataclass(frozen=True, slots=True)
class FoundAlgorithm:
    """An algorithm that may be seen, with its names as they are spelled."""

    id: UUID
    author: str
    name: str


class AlgorithmFinder(Protocol):
    def find(self, principal: Principal, author: str, name: str) -> FoundAlgorithm:
        """The algorithm. Raises a 404 for what the principal may not see."""

    def list_seen(self, principal: Principal, ids: Iterable[UUID]) -> list[FoundAlgorithm]:
        """Those of the algorithms that the principal may see."""

    def hold(self, algorithm_id: UUID) -> None:
        """Keep the algorithm from being deleted until the transaction ends.

        Raises a 404 when it has been deleted.
        """


_finder: AlgorithmFinder | None = None


def register_finder(finder: AlgorithmFinder) -> None:
    """Make `finder` the one that is asked."""
    global _finder
    _finder = finder


def current_finder() -> AlgorithmFinder:
    """The registered finder."""
    if _finder is None:
        raise RuntimeError("no algorithm finder is registered: see dataportal/algorithm_finder.py")
    return _finder
