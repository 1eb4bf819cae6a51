"""What hosted data asks of the algorithms: who they are, and that they stay while it writes."""

from collections.abc import Iterable
from uuid import UUID

from algoport.accounts.permissions import Principal
from algorithms.errors import AlgorithmNotFound
from algorithms.models import Algorithm
from algorithms.selectors import get_algorithm_for, list_algorithms_for
from dataportal.algorithm_finder import FoundAlgorithm


class KeptAlgorithms:
    """The algorithms whose files are kept (implements `dataportal.AlgorithmFinder`)."""

    def find(self, principal: Principal, author: str, name: str) -> FoundAlgorithm:
        return _found(get_algorithm_for(principal, author, name))

    def list_seen(self, principal: Principal, ids: Iterable[UUID]) -> list[FoundAlgorithm]:
        return [_found(algorithm) for algorithm in list_algorithms_for(principal, ids)]

    def hold(self, algorithm_id: UUID) -> None:
        # Deleting takes the stronger lock.
        rows = Algorithm.objects.select_for_update(no_key=True).filter(pk=algorithm_id)
        if not rows.values_list("pk").first():
            raise AlgorithmNotFound


def _found(algorithm: Algorithm) -> FoundAlgorithm:
    return FoundAlgorithm(algorithm.id, algorithm.owner.username, algorithm.name)
