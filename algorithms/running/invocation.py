"""One call of an algorithm: a runner for it, its run, and what came out."""

import asyncio
import time
from dataclasses import dataclass
from typing import Protocol

import orjson

from algoport.accounts.permissions import Principal, Run
from algorithms.errors import RunFailed
from algorithms.running.payloads import Result, decode_reply, in_json
from algorithms.running.pool import RunnerPool
from algorithms.running.program import Call, Loader, Program, loader_without_caller
from algorithms.running.runner import GatewayRunner, LoadFailed, Reply, RunnerEnded
from algorithms.selectors import Target

# Compared by clients to the letter (wire.md 3).
CUT_OFF = "Failed to run algorithm - may have timed-out or hit out-of-memory error"
LOST = "The algorithm's process ended during the call."


@dataclass(frozen=True, slots=True)
class Work:
    """What is to be run, and on whose behalf."""

    program: Program
    identity: Principal
    spare_loader: Loader


@dataclass(frozen=True, slots=True)
class Route(Work):
    """A resolved call with what follows from it, made once for many calls."""

    target: Target


@dataclass(frozen=True, slots=True)
class Outcome:
    """A call that reached its algorithm: a result or a failure, with what it cost.

    `result` is as `payloads.decode_reply` tells.
    """

    result: Result
    content_type: str
    failure: RunFailed | None
    seconds: float
    stdout: bytes

    def in_json(self) -> str | orjson.Fragment | None:
        """The result as a part of what is to be written as JSON."""
        return in_json(self.result, self.content_type)


class EndReasons(Protocol):
    """Who knows why a runner ended."""

    async def reason_of_end(self, runner: GatewayRunner) -> str: ...


def route_of(target: Target, principal: Principal) -> Route:
    run = Run(target.algorithm_id, target.owner_id, target.pipeline_enabled)
    return Route(
        Program(
            target.build_id,
            target.algorithm_id,
            target.name,
            target.rootfs,
            target.packages,
            target.network_access,
            target.secrets,
            target.machine,
            target.base_image,
        ),
        principal.for_run(run),
        loader_without_caller(target.algorithm_id, target.owner_id),
        target,
    )


def outcome_of(failure: RunFailed | None) -> str:
    """The metric's word for how a call of an algorithm ended."""
    if failure is None:
        return "ok"
    return "timeout" if failure.error_type == "TimeoutError" else "algorithm_error"


async def invoke(
    pool: RunnerPool, reasons: EndReasons, work: Work, request: bytes, call: Call
) -> Outcome:
    """Run the call; a failure of the algorithm is part of the outcome.

    Raises RunnersUnavailable or TooManyCallsWaiting when the platform has no runner for it.
    """
    began = time.perf_counter()
    try:
        async with asyncio.timeout_at(call.deadline):
            runner = await pool.acquire(work.program, call, work.spare_loader)
            reply = await _run(pool, reasons, work.program, runner, request, call)
    except TimeoutError:
        call.trace.spent("run")
        return failed(RunFailed(CUT_OFF, "TimeoutError"), began)
    except LoadFailed as exc:
        call.trace.spent("load")
        return failed(_load_failure(exc), began)
    except RunFailed as exc:
        call.trace.spent("run")
        return failed(exc, began)
    finally:
        # Whatever it has started and not waited for ends with it.
        for task in list(call.tasks):
            task.cancel()
    call.trace.spent("run")
    try:
        result, kind = decode_reply(reply)
    except RunFailed as exc:
        return Outcome(b"", "void", exc, reply.seconds, reply.stdout)
    return Outcome(result, kind, None, reply.seconds, reply.stdout)


def failed(failure: RunFailed, began: float) -> Outcome:
    """What a call came to that began then, by `perf_counter`, and has no result."""
    return Outcome(b"", "void", failure, time.perf_counter() - began, b"")


async def _run(
    pool: RunnerPool,
    reasons: EndReasons,
    program: Program,
    runner: GatewayRunner,
    request: bytes,
    call: Call,
) -> Reply:
    try:
        reply = await runner.call(request, call)
    except RunnerEnded as exc:
        pool.discard(runner, program)
        raise await _end_failure(reasons, runner, exc) from exc
    except BaseException:
        # Timed out or cancelled: its process may still be at work.
        call.trace.spent("run")
        pool.discard(runner, program)
        raise
    if call.is_only:
        pool.discard(runner, program)
    else:
        pool.release(runner, program)
    return reply


async def _end_failure(reasons: EndReasons, runner: GatewayRunner, exc: RunnerEnded) -> RunFailed:
    if exc.exit_code is not None and exc.exit_code >= 0:
        return RunFailed(f"exited with code {exc.exit_code}", "SystemExit")
    if await reasons.reason_of_end(runner) == "oom":
        return RunFailed(CUT_OFF, "OutOfMemoryError")
    return RunFailed(LOST, "SystemError")


def _load_failure(exc: LoadFailed) -> RunFailed:
    if exc.reason == "oom":
        return RunFailed(CUT_OFF, "OutOfMemoryError")
    if exc.reason == "timeout":
        return RunFailed(CUT_OFF, "TimeoutError")
    code = "" if exc.exit_code is None else f" (exit code {exc.exit_code})"
    return RunFailed(f"The algorithm could not be loaded{code}.", "LoadingError")
