"""What identifies a request and where its time goes, from its first byte to its answer.

Every request has an id; a request from outside begins a session, and what an algorithm asks for
during the call belongs to the session of its call (spec.md 3.7, 3.9).
"""

import uuid
from collections.abc import Callable, MutableMapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from time import perf_counter, time
from typing import Any

from algoport.http.asgi import Scope, Send

SESSION = "algoport.session"
TRACE = "algoport.trace"

# The phases of a call, in the order in which they are told.
PHASES = ("auth", "resolve", "queue", "start", "load", "run", "relay")


@dataclass(slots=True, eq=False)
class Session:
    """A request from outside with the tree of calls below it.

    `has_data` once something was put into its `data://.session`.
    """

    id: uuid.UUID = field(default_factory=uuid.uuid4)
    children: int = 0
    has_data: bool = False

    @property
    def text(self) -> str:
        return f"rses-{self.id}"


@dataclass(slots=True, eq=False)
class Trace:
    """One request: its ids, when it began (`began_at` since 1970), the seconds of its phases."""

    session: Session
    id: uuid.UUID = field(default_factory=uuid.uuid4)
    began: float = field(default_factory=perf_counter)
    began_at: float = field(default_factory=time)
    phases: dict[str, float] = field(default_factory=dict)
    _last: float = 0.0

    def __post_init__(self) -> None:
        self._last = self.began

    @property
    def text(self) -> str:
        return f"req-{self.id}"

    @property
    def seconds(self) -> float:
        """Since it began."""
        return perf_counter() - self.began

    def spent(self, phase: str) -> None:
        """The time since the last phase ended was spent in this one."""
        now = perf_counter()
        self.phases[phase] = self.phases.get(phase, 0.0) + now - self._last
        self._last = now

    def move(self, source: str, target: str, seconds: float) -> None:
        """Tell a part of a phase as part of another."""
        self.phases[source] = self.phases.get(source, 0.0) - seconds
        self.phases[target] = self.phases.get(target, 0.0) + seconds

    def headers(self) -> tuple[tuple[str, str], ...]:
        """What every answer has of it."""
        return (
            ("X-Request-Id", self.text),
            ("X-Session-Id", self.session.text),
            ("Server-Timing", self.server_timing()),
        )

    def server_timing(self) -> str:
        """The header's value, in milliseconds; what no phase names was spent passing on."""
        if not self.phases:
            return f"total;dur={(perf_counter() - self.began) * 1000:.3f}"
        self.spent("relay")
        told = [f"{name};dur={self.phases.get(name, 0.0) * 1000:.3f}" for name in PHASES]
        return ", ".join((*told, f"total;dur={(self._last - self.began) * 1000:.3f}"))


current_trace: ContextVar[Trace | None] = ContextVar("current_trace", default=None)


def begin(scope: Scope) -> Trace:
    """The trace of a request that has just come; it is kept in the scope and in the context."""
    session = scope.get(SESSION)
    if session is None:
        session = scope[SESSION] = Session()
    trace = Trace(session)
    scope[TRACE] = trace
    current_trace.set(trace)
    return trace


def traced(send: Send, trace: Trace, count: Callable[[int], None]) -> Send:
    """Name request and session, and tell the times, in the head of the answer; count it."""

    async def send_traced(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            count(message["status"])
            message["headers"] = [
                *message["headers"],
                *((name.encode(), value.encode()) for name, value in trace.headers()),
            ]
        await send(message)

    return send_traced
