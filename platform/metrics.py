"""The platform's metrics (docs/operations.md): counted in plain Python, flushed each second.

What counts on the way of a call touches Python numbers only: `calls.count("ok")`. A thread of each
process (`start_flushing`) moves what has come together into prometheus_client, whose files in
`settings.METRICS_FOLDER` the answer to /metrics sums up over all processes.

Every label has a closed set of values, given here; another one is a KeyError. So no text that a
user has chosen can become a label.
"""

import os
import threading
import time
from bisect import bisect_left
from collections.abc import Callable, Mapping
from pathlib import Path

import prometheus_client
from django.conf import settings
from prometheus_client import CollectorRegistry, Gauge, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from algoport.http.tracing import PHASES

CONTENT_TYPE = CONTENT_TYPE_LATEST
CALL_OUTCOMES = (
    "ok",
    "algorithm_error",
    "timeout",
    "refused",
    "overloaded",
    "disconnected",
    "platform_error",
)
CALL_BUCKETS = (
    *(0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5),
    *(1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 1000.0, 3000.0),
)
PLANES = ("calls", "data", "git", "django")
STATUS_CLASSES = ("other", "1xx", "2xx", "3xx", "4xx", "5xx")
FLUSH_SECONDS = 1.0

_registry = CollectorRegistry()
_flush_lock = threading.Lock()
_moves: list[Callable[[], None]] = []


class Counter:
    """Amounts that only grow, by one label of known values."""

    def __init__(self, name: str, text: str, label: str, values: tuple[str, ...]) -> None:
        family = prometheus_client.Counter(name, text, [label], registry=_registry)
        self._children = {value: family.labels(value) for value in values}
        self._amounts: dict[str, float] = dict.fromkeys(values, 0)
        self._moved = dict(self._amounts)
        _moves.append(self._move)

    def count(self, value: str) -> None:
        self._amounts[value] += 1

    def add(self, value: str, amount: float) -> None:
        self._amounts[value] += amount

    def _move(self) -> None:
        # Totals are compared, never reset: what is counted meanwhile comes with the next flush.
        for value, child in self._children.items():
            amount = self._amounts[value]
            if amount > self._moved[value]:
                child.inc(amount - self._moved[value])
                self._moved[value] = amount


class Total:
    """One amount that only grows."""

    def __init__(self, name: str, text: str) -> None:
        self._metric = prometheus_client.Counter(name, text, registry=_registry)
        self._amount = 0
        self._moved = 0
        _moves.append(self._move)

    def add(self, amount: int = 1) -> None:
        self._amount += amount

    def _move(self) -> None:
        amount = self._amount
        if amount > self._moved:
            self._metric.inc(amount - self._moved)
            self._moved = amount


class Level:
    """A number that goes up and down; /metrics has the sum over the living processes."""

    def __init__(self, name: str, text: str) -> None:
        self._metric = Gauge(name, text, registry=_registry, multiprocess_mode="livesum")
        self._value: float = 0
        _moves.append(self._move)

    def set(self, value: float) -> None:
        self._value = value

    def _move(self) -> None:
        self._metric.set(self._value)


class Levels:
    """Numbers that go up and down, by one label of known values."""

    def __init__(self, name: str, text: str, label: str, values: tuple[str, ...]) -> None:
        family = Gauge(name, text, [label], registry=_registry, multiprocess_mode="livesum")
        self._children = {value: family.labels(value) for value in values}
        self._values: dict[str, float] = dict.fromkeys(values, 0)
        _moves.append(self._move)

    def set(self, value: str, number: float) -> None:
        if value not in self._values:
            raise KeyError(value)
        self._values[value] = number

    def _move(self) -> None:
        for value, child in self._children.items():
            child.set(self._values[value])


class Histogram:
    """How often something took how many seconds."""

    def __init__(self, name: str, text: str, buckets: tuple[float, ...]) -> None:
        self._metric = prometheus_client.Histogram(name, text, registry=_registry, buckets=buckets)
        self._bounds = buckets
        self._counts = [0] * (len(buckets) + 1)
        self._seconds = 0.0
        self._moved_counts = list(self._counts)
        self._moved_seconds = 0.0
        _moves.append(self._move)

    def observe(self, seconds: float) -> None:
        self._counts[bisect_left(self._bounds, seconds)] += 1
        self._seconds += seconds

    def _move(self) -> None:
        # The library has no public way to observe many at once.
        for index, count in enumerate(self._counts):
            if count > self._moved_counts[index]:
                self._metric._buckets[index].inc(count - self._moved_counts[index])
                self._moved_counts[index] = count
        seconds = self._seconds
        self._metric._sum.inc(seconds - self._moved_seconds)
        self._moved_seconds = seconds


class HttpRequests:
    """Answers by plane and class of status."""

    def __init__(self, name: str, text: str) -> None:
        family = prometheus_client.Counter(
            name, text, ["plane", "status_class"], registry=_registry
        )
        self._children = {
            plane: [family.labels(plane, status) for status in STATUS_CLASSES] for plane in PLANES
        }
        self._counts = {plane: [0] * len(STATUS_CLASSES) for plane in PLANES}
        self._moved = {plane: [0] * len(STATUS_CLASSES) for plane in PLANES}
        _moves.append(self._move)

    def counter(self, plane: str) -> Callable[[int], None]:
        """What counts one answer of this plane by its status."""
        counts = self._counts[plane]

        def count(status: int) -> None:
            counts[status // 100 if 100 <= status < 600 else 0] += 1

        return count

    def _move(self) -> None:
        for plane, counts in self._counts.items():
            moved = self._moved[plane]
            for index, count in enumerate(counts):
                if count > moved[index]:
                    self._children[plane][index].inc(count - moved[index])
                    moved[index] = count


class ProcessUse:
    """What this process takes of the machine; read at each flush."""

    def __init__(self) -> None:
        labels = ["process"]
        self._memory = Gauge(
            "algoport_process_resident_bytes",
            "Memory of a process of the platform.",
            labels,
            registry=_registry,
            multiprocess_mode="liveall",
        )
        self._processor = prometheus_client.Counter(
            "algoport_process_cpu_seconds",
            "Processor time of the platform's processes.",
            labels,
            registry=_registry,
        )
        self._pid = 0
        self._moved = 0.0
        _moves.append(self._move)

    def _move(self) -> None:
        if self._pid != os.getpid():
            # A fork begins at nothing.
            self._pid, self._moved = os.getpid(), 0.0
        name = settings.ALGOPORT_PROCESS
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        self._memory.labels(name).set(pages * os.sysconf("SC_PAGE_SIZE"))
        used = time.process_time()
        self._processor.labels(name).inc(used - self._moved)
        self._moved = used


calls = Counter("algoport_calls", "Calls, by how they ended.", "outcome", CALL_OUTCOMES)
call_seconds = Histogram(
    "algoport_call_seconds", "Time of a call from its first byte to its answer.", CALL_BUCKETS
)
call_phases = Counter(
    "algoport_call_phase_seconds", "Time of calls, by what it was spent on.", "phase", PHASES
)
runners = Levels(
    "algoport_runners",
    "Runners, by what they do; unbound ones belong to no caller yet.",
    "state",
    ("starting", "idle", "busy", "unbound"),
)
calls_waiting = Level("algoport_calls_waiting", "Calls that wait for a runner.")
runner_starts = Counter(
    "algoport_runner_starts", "Starts of runners.", "outcome", ("started", "failed", "timeout")
)
async_calls = Counter(
    "algoport_async_calls", "Asynchronous calls, by how they ended.", "outcome", CALL_OUTCOMES
)
builds = Counter(
    "algoport_builds",
    "Builds, by how an attempt at them ended.",
    "outcome",
    ("succeeded", "failed", "platform_error", "lost"),
)
http_requests = HttpRequests("algoport_http_requests", "Answers to HTTP requests.")
call_records_written = Total("algoport_call_records_written", "Records of calls written.")
ProcessUse()


def count_call(outcome: str, seconds: float, phases: Mapping[str, float]) -> None:
    """Everything about one call that has ended, as its Trace knows it."""
    calls.count(outcome)
    call_seconds.observe(seconds)
    for phase, spent in phases.items():
        call_phases.add(phase, spent)


def flush() -> None:
    """Move what was counted since the last time into prometheus_client."""
    with _flush_lock:
        for move in _moves:
            move()


def exposition() -> bytes:
    """All metrics in Prometheus' text format, over all processes if they share a folder."""
    flush()
    if settings.METRICS_FOLDER is None:
        return generate_latest(_registry)
    _forget_the_dead(settings.METRICS_FOLDER)
    registry = CollectorRegistry()
    MultiProcessCollector(registry, str(settings.METRICS_FOLDER))
    return generate_latest(registry)


class Flusher:
    """Flushes from a thread each second, and a last time when it is stopped."""

    def __init__(self) -> None:
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="metrics", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join()
        flush()

    def _run(self) -> None:
        while not self._stopped.wait(FLUSH_SECONDS):
            flush()


def _forget_the_dead(folder: Path) -> None:
    """Levels of processes that have ended are nobody's; what they have counted stays."""
    for path in folder.glob("gauge_live*.db"):
        pid = path.stem.rpartition("_")[2]
        if not Path(f"/proc/{pid}").exists():
            mark_process_dead(pid, str(folder))
