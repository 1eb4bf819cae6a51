"""A forwarded call and what came of it, as bytes: a length, JSON about them, then what is large.

They come from hosts of this platform only; signatures are checked before anything is read here.
"""

import asyncio
import struct
from dataclasses import dataclass
from enum import Enum
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from django.conf import settings

from algoport.accounts.permissions import Principal, Run
from algoport.errors import ApiError
from algoport.http.tracing import Session, Trace
from algorithms.errors import (
    NoSuitableHost,
    RunFailed,
    RunnersUnavailable,
    SecretsNotReadable,
    TooManyCallsWaiting,
)
from algorithms.running.invocation import Outcome, Work
from algorithms.running.program import Call, loader_without_caller, program_from

PURPOSE = "forwarded calls"
# An answer begins with one of these for each heartbeat of its call; the rest follows a mark.
HEARTBEAT, MARK = b"\0", b"="
HEARTBEAT_SECONDS = 3.0
# Whoever has heard nothing for so long takes the other for lost.
SILENCE_SECONDS = 10.0
_HEAD = struct.Struct(">I")
_REFUSALS: dict[str, type[ApiError]] = {
    each.__name__: each
    for each in (NoSuitableHost, RunnersUnavailable, SecretsNotReadable, TooManyCallsWaiting)
}


class Kind(Enum):
    """What the last part of an answer is."""

    OUTCOME = b"o"
    # It was not run: what the platform said instead.
    REFUSED = b"r"


class ForwardedCall(NamedTuple):
    """A call as another host runs it."""

    work: Work
    request: bytes
    call: Call


@dataclass(frozen=True)
class Ended:
    """What another host has made of a call, and of its session."""

    outcome: Outcome
    phases: dict[str, float]
    children: int
    has_data: bool


def path_for(worker_id: str) -> str:
    """Where a worker takes calls."""
    return f"/calls/{worker_id}"


def longest_call() -> int:
    """The most bytes that `encode_call` makes: an input, its letter, and what is about it."""
    return settings.CALL_INPUT_BYTES + 256 * 1024


def encode_call(work: Work, request: bytes, call: Call) -> bytes:
    identity, run = work.identity, work.identity.run
    assert run is not None and identity.user_id is not None
    about = {
        "program": work.program.as_message(),
        "user_id": identity.user_id,
        "username": identity.username,
        "key_id": identity.key_id,
        "member_of": sorted(identity.member_of),
        "algorithm_owner_id": run.algorithm_owner_id,
        "pipeline_enabled": run.pipeline_enabled,
        "session_id": call.session.id,
        "children": call.session.children,
        "request_id": call.trace.id,
        "seconds": call.deadline - asyncio.get_running_loop().time(),
        "depth": call.depth,
    }
    return _join(about, request)


def decode_call(message: bytes) -> ForwardedCall:
    about, request = _split(message)
    program = program_from(about["program"])
    run = Run(
        program.algorithm_id, UUID(about["algorithm_owner_id"]), bool(about["pipeline_enabled"])
    )
    key_id = about["key_id"]
    caller = Principal(
        user_id=UUID(about["user_id"]),
        username=about["username"],
        key_id=None if key_id is None else UUID(key_id),
        member_of=frozenset(map(UUID, about["member_of"])),
    )
    identity = caller.for_run(run)
    spare = loader_without_caller(run.algorithm_id, run.algorithm_owner_id)
    session = Session(UUID(about["session_id"]), int(about["children"]))
    deadline = asyncio.get_running_loop().time() + float(about["seconds"])
    trace = Trace(session, UUID(about["request_id"]))
    call = Call(trace, identity, deadline, int(about["depth"]))
    return ForwardedCall(Work(program, identity, spare), bytes(request), call)


def encode_outcome(outcome: Outcome, call: Call) -> bytes:
    failure = outcome.failure
    about = {
        "content_type": outcome.content_type,
        "failure": failure and [failure.message, failure.error_type, failure.stacktrace],
        "duration": outcome.seconds,
        "stdout": len(outcome.stdout),
        "phases": call.trace.phases,
        "children": call.session.children,
        "has_data": call.session.has_data,
    }
    result = outcome.result
    data = result.encode() if isinstance(result, str) else result
    return Kind.OUTCOME.value + _join(about, outcome.stdout, data)


def encode_refusal(refusal: ApiError) -> bytes:
    return Kind.REFUSED.value + f"{type(refusal).__name__}\n{refusal.text}".encode()


def decode_answer(answer: bytes) -> Ended:
    """What came of a call; raises the ApiError that a host has refused it with."""
    if answer[:1] == Kind.REFUSED.value:
        name, _, text = answer[1:].decode().partition("\n")
        raise _REFUSALS[name](text)
    about, rest = _split(memoryview(answer)[1:])
    stdout, data = bytes(rest[: about["stdout"]]), rest[about["stdout"] :]
    kind = about["content_type"]
    failure = about["failure"] and RunFailed(*about["failure"])
    result = str(data, "utf-8") if kind == "text" else bytes(data)
    outcome = Outcome(result, kind, failure, about["duration"], stdout)
    return Ended(outcome, about["phases"], about["children"], about["has_data"])


def _join(about: dict[str, Any], *parts: bytes | memoryview) -> bytes:
    head = orjson.dumps(about)
    return b"".join((_HEAD.pack(len(head)), head, *parts))


def _split(message: bytes | memoryview) -> tuple[dict[str, Any], memoryview]:
    view = memoryview(message)
    (length,) = _HEAD.unpack_from(view)
    about = orjson.loads(view[_HEAD.size : _HEAD.size + length])
    return about, view[_HEAD.size + length :]
