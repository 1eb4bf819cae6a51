"""One call of an algorithm: from the caller's bytes to the protocol's answer (wire.md 3)."""

import asyncio
import base64
import binascii
import time
from dataclasses import dataclass
from typing import Any

import orjson
from django.conf import settings

from algoport.accounts.permissions import Principal, Run
from algoport.errors import InputValidationError, MalformedJson
from algoport.http.asgi import Response, json_response
from algoport.http.tracing import Session
from algorithms.errors import RunFailed
from algorithms.running.pool import LoadFailed, RunnerPool
from algorithms.running.runner import GatewayRunner, Reply, RunnerEnded
from algorithms.selectors import Target

# Compared by clients to the letter (wire.md 3).
CUT_OFF = "Failed to run algorithm - may have timed-out or hit out-of-memory error"


@dataclass(frozen=True, slots=True)
class CallOptions:
    """The query of a call."""

    timeout: int
    stdout: bool
    raw: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """A call that reached its algorithm: a result or a failure, with what it cost."""

    result: Any
    content_type: str
    failure: RunFailed | None
    seconds: float
    stdout: bytes

    def result_bytes(self) -> bytes:
        """A binary result as bytes; it was checked to be base64."""
        return base64.b64decode(self.result)


class UnsupportedContentType(InputValidationError):
    status = 415
    message = (
        "Content-Type {given!r} is not supported. "
        "Send application/json, text/plain or application/octet-stream."
    )


def encode_input(body: bytes, content_type: str | None) -> bytes:
    """The langpack request line. Raises MalformedJson, UnsupportedContentType."""
    media = (content_type or "application/json").partition(";")[0].strip().lower()
    if media == "application/json":
        try:
            orjson.loads(body)
        except orjson.JSONDecodeError as exc:
            raise MalformedJson from exc
        # Outside strings a line break is white space, and inside one it cannot stand.
        flat = body.replace(b"\n", b" ").replace(b"\r", b" ")
        return b'{"content_type":"json","data":' + flat + b"}"
    if media in ("text/plain", "application/text"):
        try:
            text = body.decode()
        except UnicodeDecodeError as exc:
            raise InputValidationError("The text is not UTF-8.") from exc
        return b'{"content_type":"text","data":' + orjson.dumps(text) + b"}"
    if media == "application/octet-stream":
        return b'{"content_type":"binary","data":"' + base64.b64encode(body) + b'"}'
    raise UnsupportedContentType(given=content_type)


def decode_reply(reply: Reply) -> tuple[Any, str]:
    """Result and content type of an algorithm's line. Raises RunFailed for everything else.

    The line was written by the algorithm's process and can be anything.
    """
    if reply.line is None or len(reply.line) > settings.CALL_OUTPUT_BYTES + 1024:
        megabytes = settings.CALL_OUTPUT_BYTES // 1_000_000
        raise RunFailed(f"The result is larger than {megabytes} MB.", "TooLargeError")
    try:
        message = orjson.loads(reply.line)
    except orjson.JSONDecodeError as exc:
        raise RunFailed("The algorithm answered with invalid JSON.", "ParsingError") from exc
    if isinstance(message, dict) and isinstance(message.get("error"), dict):
        error = message["error"]
        raise RunFailed(
            _text(error.get("message"), "The algorithm failed without a message."),
            _text(error.get("error_type"), "AlgorithmError"),
            _text(error.get("stacktrace"), "") or None,
        )
    metadata = message.get("metadata") if isinstance(message, dict) else None
    kind = metadata.get("content_type") if isinstance(metadata, dict) else None
    if kind not in ("text", "json", "binary", "void"):
        raise RunFailed("The algorithm answered outside the protocol.", "ParsingError")
    result = message.get("result")
    if kind in ("text", "binary") and not isinstance(result, str):
        raise RunFailed("The algorithm answered outside the protocol.", "ParsingError")
    if kind == "binary" and not _is_base64(result):
        raise RunFailed("The algorithm's binary result is not base64.", "ParsingError")
    return result, kind


def _is_base64(text: str) -> bool:
    try:
        binascii.a2b_base64(text, strict_mode=True)
    except (binascii.Error, ValueError):
        return text == ""
    return True


def _text(value: object, default: str) -> str:
    return value if isinstance(value, str) and value else default


async def invoke(
    pool: RunnerPool,
    principal: Principal,
    target: Target,
    request: bytes,
    timeout: float,
    session: Session,
) -> Outcome:
    """Run the call; a failure of the algorithm is part of the outcome.

    Raises RunnersUnavailable when the platform has no runner for it.
    """
    run = Run(target.algorithm_id, target.owner_id, target.pipeline_enabled)
    identity = principal.for_run(run)
    began = time.perf_counter()
    try:
        async with asyncio.timeout(timeout):
            runner = await pool.acquire(target.build_id, identity)
            reply = await _call(pool, target, identity, runner, request, session)
    except TimeoutError:
        seconds = time.perf_counter() - began
        return Outcome(None, "void", RunFailed(CUT_OFF, "TimeoutError"), seconds, b"")
    except LoadFailed as exc:
        seconds = time.perf_counter() - began
        return Outcome(None, "void", _load_failure(exc), seconds, b"")
    except RunFailed as exc:
        return Outcome(None, "void", exc, time.perf_counter() - began, b"")
    try:
        result, kind = decode_reply(reply)
    except RunFailed as exc:
        return Outcome(None, "void", exc, reply.seconds, reply.stdout)
    return Outcome(result, kind, None, reply.seconds, reply.stdout)


async def _call(
    pool: RunnerPool,
    target: Target,
    identity: Principal,
    runner: GatewayRunner,
    request: bytes,
    session: Session,
) -> Reply:
    try:
        reply = await runner.call(request, session)
    except RunnerEnded as exc:
        pool.discard(target.build_id, identity, runner)
        raise await _end_failure(pool, runner, exc) from exc
    except BaseException:
        # Timed out or cancelled: its process may still be at work.
        pool.discard(target.build_id, identity, runner)
        raise
    pool.release(target.build_id, identity, runner)
    return reply


async def _end_failure(pool: RunnerPool, runner: GatewayRunner, exc: RunnerEnded) -> RunFailed:
    if exc.exit_code is not None and exc.exit_code >= 0:
        return RunFailed(f"exited with code {exc.exit_code}", "SystemExit")
    if await pool.reason_of_end(runner) == "oom":
        return RunFailed(CUT_OFF, "OutOfMemoryError")
    return RunFailed("The algorithm's process ended during the call.", "SystemError")


def _load_failure(exc: LoadFailed) -> RunFailed:
    if exc.reason == "oom":
        return RunFailed(CUT_OFF, "OutOfMemoryError")
    if exc.reason == "timeout":
        return RunFailed(CUT_OFF, "TimeoutError")
    code = "" if exc.exit_code is None else f" (exit code {exc.exit_code})"
    return RunFailed(f"The algorithm could not be loaded{code}.", "LoadingError")


def render(outcome: Outcome, target: Target, options: CallOptions) -> Response:
    """The answer, with exactly the keys that clients compare (wire.md 3)."""
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
        return json_response({"result": outcome.result, "metadata": metadata})
    error = {"message": failure.message}
    if failure.stacktrace and target.may_read_source:
        error["stacktrace"] = error["stack_trace"] = failure.stacktrace
    error["error_type"] = failure.error_type
    return json_response({"error": error, "metadata": metadata})


def _render_raw(outcome: Outcome) -> Response:
    if outcome.failure is not None:
        text = outcome.failure.message
        headers = {"X-Error-Message": text}
        return Response(400, text.encode(), "text/plain; charset=utf-8", headers)
    if outcome.content_type == "text":
        return Response(200, outcome.result.encode(), "text/plain; charset=utf-8")
    if outcome.content_type == "binary":
        return Response(200, outcome.result_bytes(), "application/octet-stream")
    return Response(200, orjson.dumps(outcome.result), "application/json")
