"""Following a step of a build to its end."""

import os
import selectors
import time
from collections import deque
from collections.abc import Callable
from typing import Protocol

from algoport.containers.engine import MOST_STEP_OUTPUT, BuildStep, StepResult
from algoport.containers.handover import is_larger

MOST_REFUSALS = 100
_STEP_DISK_BYTES = 6 * 1024**3


class StepRunner(Protocol):
    """What a step runs in."""

    @property
    def exit_reason(self) -> str: ...

    def kill(self, reason: str = "killed") -> None: ...

    def wait(self) -> int:
        """The exit code of its command, when it has ended."""
        ...


def follow(
    step: BuildStep,
    sandbox: StepRunner,
    output: int,
    refusals: deque[bytes],
    on_output: Callable[[bytes], None],
) -> StepResult:
    """Pass on what a step prints until it ends, or end it when it takes too much."""
    # One of our own: the watchdog closes the other when it ends the sandbox.
    output = os.dup(output)
    began = time.monotonic()
    reason = ""
    ended = False
    passed = 0
    look_at = began + 1
    with selectors.DefaultSelector() as selector:
        selector.register(output, selectors.EVENT_READ)
        while True:
            if selector.select(0.5):
                data = os.read(output, 65536)
                if not data:
                    ended = True
                    break
                passed = _pass_on(data, passed, on_output)
            while refusals:
                passed = _pass_on(refusals.popleft(), passed, on_output)
            now = time.monotonic()
            if now - began > step.seconds:
                reason = "timeout"
                break
            if now > look_at:
                look_at = now + 2
                if any(is_larger(path, _STEP_DISK_BYTES) for path in step.writable.values()):
                    on_output(b"\n[stopped: the step wrote more than a build may]\n")
                    break
    os.close(output)
    while refusals:
        passed = _pass_on(refusals.popleft(), passed, on_output)
    if reason or not ended:
        sandbox.kill(reason or "killed")
    code = sandbox.wait()
    if sandbox.exit_reason == "oom":
        reason = "oom"
    return StepResult(code, reason, time.monotonic() - began)


def _pass_on(data: bytes, passed: int, on_output: Callable[[bytes], None]) -> int:
    room = MOST_STEP_OUTPUT - passed
    if room > 0:
        on_output(data[:room])
        if len(data) > room:
            on_output(b"\n[the rest of the output is not kept]\n")
    return passed + len(data)
