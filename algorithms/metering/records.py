"""What is recorded of each call: who called what with which key, how long it took, how it ended."""

import socket
import time
import uuid
from dataclasses import dataclass
from functools import cache

from algoport.accounts.permissions import Principal
from algoport.http.tracing import Trace
from algoport.journals.records import NO_VALUE, RecordKind, moment_field, text_field
from algorithms.constants import (
    ERROR_INPUT_CHARACTERS,
    ERROR_MESSAGE_CHARACTERS,
    ERROR_STACKTRACE_CHARACTERS,
)
from algorithms.errors import RunFailed
from algorithms.running.payloads import beginning_of_input
from algorithms.selectors import Target

CALLS = RecordKind(
    "algorithms_callrecord",
    (
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
    ),
)
ERRORS = RecordKind(
    "algorithms_algorithmerror",
    (
        "id",
        "request_id",
        "algorithm_id",
        "version",
        "caller_id",
        "created_at",
        "input",
        "message",
        "stacktrace",
        "error_type",
        "worker",
    ),
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
        error_type = text_field(error_type, 60)
        total = time.perf_counter() - trace.began
        return (
            f"{trace.id}\t{trace.session.id}\t{self.caller.user_id}\t"
            f"{self.caller.key_id or NO_VALUE}\t{target.algorithm_id}\t{target.build_id}\t"
            f"{target.version}\t{self.kind}\t{moment_field(trace.began_at)}\t{total:.6f}\t"
            f"{phases.get('queue', 0.0):.6f}\t{phases.get('start', 0.0):.6f}\t"
            f"{phases.get('load', 0.0):.6f}\t{phases.get('run', 0.0):.6f}\t"
            f"{status}\t{error_type}\t{self.bytes_in}\t{bytes_out}\n"
        ).encode("utf-8", "replace")


def error_line(record: CallRecord, request: bytes, failure: RunFailed) -> bytes:
    """An entry of the error log, in the same format.

    It has an id of its own: a queued call can fail more than once.
    """
    trace, target = record.trace, record.target
    excerpt = beginning_of_input(request, ERROR_INPUT_CHARACTERS)
    return (
        f"{uuid.uuid4()}\t{trace.id}\t{target.algorithm_id}\t{target.version}\t"
        f"{record.caller.user_id}\t{moment_field(time.time())}\t"
        f"{text_field(excerpt, ERROR_INPUT_CHARACTERS)}\t"
        f"{text_field(failure.message, ERROR_MESSAGE_CHARACTERS)}\t"
        f"{text_field(failure.stacktrace or '', ERROR_STACKTRACE_CHARACTERS)}\t"
        f"{text_field(failure.error_type, 60)}\t{text_field(_host(), 255)}\n"
    ).encode("utf-8", "replace")


@cache
def _host() -> str:
    return socket.gethostname()
