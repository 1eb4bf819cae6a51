"""A build as pages follow it while it goes on."""

from typing import Any

from algorithms.constants import BuildState
from algorithms.models import Build
from algorithms.selectors import log_after

_SHOWN = 200_000


def build_context(build: Build, after: int = 0) -> dict[str, Any]:
    """A build with what its log says after a piece."""
    pieces = log_after(build, after)
    return {
        "build": build,
        "log": "".join(text for _, text in pieces)[-_SHOWN:],
        "after": pieces[-1][0] if pieces else after,
        "is_building": build.state == BuildState.IN_PROGRESS,
    }
