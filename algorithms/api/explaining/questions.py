"""What somebody asks about: a request that they could make."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from algoport.accounts.permissions import Principal


@dataclass(frozen=True, slots=True)
class Question:
    """A request: who makes it, its method, the parts of its path and its options."""

    principal: Principal
    method: str
    parts: Mapping[str, str]
    options: Mapping[str, str] = field(default_factory=dict)


# Asks what the request itself would be asked, by the same selectors; raises as they do.
Guard = Callable[[Question], object]
