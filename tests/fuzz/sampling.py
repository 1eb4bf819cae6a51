"""How much of what could be tried is tried."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from random import Random
from typing import Any


def _never(_: str) -> bool:
    return False


@dataclass(frozen=True)
class Extent:
    """What a run tries of each operation; the tests' is a part of what `make fuzz` tries."""

    # Random values, good ones and bad ones each.
    examples: int
    seed: int
    # Boundaries of one kind in one place of a request; without it all that there are.
    alike: int | None = None
    # Paths of which one good request is enough: another key tries them.
    briefly: Callable[[str], bool] = _never

    def of(self, operation: Any, cases: Iterable[Any]) -> Iterator[Any]:
        """Some of the cases that go through the boundaries of an operation."""
        if self.briefly(operation.path):
            return _first_good(cases)
        return iter(cases) if self.alike is None else self._sampled(operation, list(cases))

    def _sampled(self, operation: Any, cases: list[Any]) -> Iterator[Any]:
        kinds: defaultdict[Any, list[int]] = defaultdict(list)
        for place, case in enumerate(cases):
            told = case.meta.phase.data
            kinds[told.scenario, told.parameter_location].append(place)
        random = Random(f"{self.seed} {operation.label}")
        most = self.alike or 0
        chosen = [random.sample(places, min(most, len(places))) for places in kinds.values()]
        return (cases[place] for place in sorted(chain.from_iterable(chosen)))


def _first_good(cases: Iterable[Any]) -> Iterator[Any]:
    for case in cases:
        if case.meta.generation.mode.is_positive:
            yield case
            return
