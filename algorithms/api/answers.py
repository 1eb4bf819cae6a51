"""The protocol's answer to a call, with exactly the keys that clients compare (wire.md 3)."""

from dataclasses import dataclass
from typing import Any

from algoport.http.asgi import Response, error_header, json_response
from algorithms.queueing.accepting import QueueOptions
from algorithms.running.invocation import Outcome
from algorithms.selectors import Target


@dataclass(frozen=True, slots=True)
class CallOptions:
    """What the query of a call asks for; `queue` when it is to be run later."""

    timeout: int
    stdout: bool
    raw: bool
    queue: QueueOptions | None = None


def render(outcome: Outcome, target: Target, options: CallOptions) -> Response:
    """The answer to a call that reached its algorithm."""
    if options.raw:
        return _render_raw(outcome)
    failure = outcome.failure
    # Clients assert that a duration is more than nothing.
    metadata: dict[str, Any] = {"duration": max(round(outcome.seconds, 7), 1e-7)}
    if failure is None:
        metadata = {"content_type": outcome.content_type, **metadata}
    if options.stdout and target.is_owner:
        metadata["stdout"] = outcome.stdout.decode("utf-8", "replace")
    if failure is None:
        return json_response({"result": outcome.in_json(), "metadata": metadata})
    error = {"message": failure.message}
    if failure.stacktrace and target.may_read_source:
        error["stacktrace"] = error["stack_trace"] = failure.stacktrace
    error["error_type"] = failure.error_type
    return json_response({"error": error, "metadata": metadata})


def _render_raw(outcome: Outcome) -> Response:
    if outcome.failure is not None:
        text = outcome.failure.message
        return Response(400, text.encode(), "text/plain; charset=utf-8", error_header(text))
    if isinstance(outcome.result, str):
        return Response(200, outcome.result.encode(), "text/plain; charset=utf-8")
    if outcome.content_type == "binary":
        return Response(200, bytes(outcome.result), "application/octet-stream")
    return json_response(outcome.in_json())
