"""What is recorded of each call: who called what with which key, how long it took, how it ended."""

import time
from dataclasses import dataclass

from algoport.accounts.permissions import Principal
from algoport.http.tracing import Trace
from algorithms.selectors import Target

# The columns of a line of the journal, in its order.
COLUMNS = (
    "request_id",
    "session_id",
    "caller_id",
    "key_id",
    "algorithm_id",
    "build_id",
    "version",
    "kind",
    "started_at",
    "total_seconds",
    "queue_seconds",
    "start_seconds",
    "load_seconds",
    "run_seconds",
    "status",
    "error_type",
    "bytes_in",
    "bytes_out",
)


@dataclass(slots=True)
class CallRecord:
    """A call whose algorithm was found."""

    trace: Trace
    caller: Principal
    target: Target
    bytes_in: int
    kind: str

    def line(self, status: int, error_type: str, bytes_out: int) -> bytes:
        """One line in PostgreSQL's text format of COPY; `\\N` is no value."""
        trace, target, phases = self.trace, self.target, self.trace.phases
        # Of these only the error's type was chosen by an algorithm.
        error_type = error_type[:60].translate(_ESCAPED)
        total = time.perf_counter() - trace.began
        return (
            f"{trace.id}\t{trace.session.id}\t{self.caller.user_id}\t"
            f"{self.caller.key_id or _NONE}\t{target.algorithm_id}\t{target.build_id}\t"
            f"{target.version}\t{self.kind}\t{trace.began_at:.6f}\t{total:.6f}\t"
            f"{phases.get('queue', 0.0):.6f}\t{phases.get('start', 0.0):.6f}\t"
            f"{phases.get('load', 0.0):.6f}\t{phases.get('run', 0.0):.6f}\t"
            f"{status}\t{error_type}\t{self.bytes_in}\t{bytes_out}\n"
        ).encode("utf-8", "replace")


_NONE = "\\N"
_ESCAPED = {ord("\\"): "\\\\", ord("\t"): "\\t", ord("\n"): "\\n", ord("\r"): "\\r", 0: None}
