"""Whether this machine is short of memory, so that idle runners have to go."""

import time
from pathlib import Path

import psutil

# The share of all memory that is left for what is not a runner.
KEPT_SHARE = 0.1
_GROUP = Path("/sys/fs/cgroup")
_FRESH_SECONDS = 0.2


class MemoryGauge:
    """Looks at the machine, and at the control group around this process, a few times a second."""

    def __init__(self, group: Path = _GROUP) -> None:
        self._group = group
        self._looked_at = float("-inf")
        self._short = False

    def is_short(self) -> bool:
        now = time.monotonic()
        if now - self._looked_at > _FRESH_SECONDS:
            self._looked_at = now
            self._short = self._look()
        return self._short

    def _look(self) -> bool:
        memory = psutil.virtual_memory()
        if memory.available < memory.total * KEPT_SHARE:
            return True
        limit, used = self._group_figures()
        return limit is not None and limit < memory.total and limit - used < limit * KEPT_SHARE

    def _group_figures(self) -> tuple[int | None, int]:
        """Limit and use of the group; what the kernel can drop at once is not used."""
        v2 = ("memory.max", "memory.current", "memory.stat", "inactive_file")
        v1 = (
            "memory/memory.limit_in_bytes",
            "memory/memory.usage_in_bytes",
            "memory/memory.stat",
            "total_inactive_file",
        )
        for limit_name, used_name, stat_name, dropped in (v2, v1):
            try:
                limit = (self._group / limit_name).read_text().strip()
                used = int((self._group / used_name).read_text())
                lines = (self._group / stat_name).read_text().splitlines()
            except FileNotFoundError:
                continue
            if limit == "max":
                return None, 0
            statistics = dict(line.split() for line in lines)
            return int(limit), used - int(statistics.get(dropped, 0))
        return None, 0
