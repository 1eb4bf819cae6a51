"""The last step of a build: the algorithm must start and load."""

import asyncio
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import orjson

from algoport.accounts.authentication import principal_of_user
from algoport.accounts.permissions import Principal, Run
from algoport.containers.engine import Runner, Runtime
from algoport.containers.errors import RunnerStartFailed
from algoport.http.relay import PRINCIPAL, RelayServer
from algorithms.building.log import BuildLog
from algorithms.constants import LOAD_SECONDS
from algorithms.errors import SecretsNotReadable
from algorithms.models import Build
from algorithms.running import frames
from algorithms.running.program import program_of
from algorithms.running.runtime import runner_spec
from algorithms.secrets.delivery import hide_secrets, secret_environ


def verify_start(build: Build, runtime: Runtime, log: BuildLog) -> str:
    """Start the image once, as its owner; the reason it does not load, or an empty text."""
    program = program_of(build, build.algorithm.network_access)
    # With this variable a failure of load() ends the process instead of waiting for a call.
    environ = {"ALGOPORT_VERIFY_LOAD": "1"}
    spec = runner_spec(f"b{uuid.uuid4().hex[:16]}", program, environ)
    try:
        runner = runtime.start_runner(spec)
    except RunnerStartFailed as exc:
        return f"the algorithm's sandbox did not start: {exc}"
    try:
        with _relay(runner.platform_socket, _owner_of(build)):
            return _wait_until_ready(runner, log, secret_environ(build.algorithm_id))
    except SecretsNotReadable as exc:
        return exc.text
    finally:
        runner.kill()


def _owner_of(build: Build) -> Principal:
    algorithm = build.algorithm
    # Loading may read data, but starts no calls: there is no caller yet who would pay for them.
    run = Run(algorithm.id, algorithm.owner_id, pipeline_enabled=False)
    return principal_of_user(algorithm.owner).for_run(run)


def _wait_until_ready(runner: Runner, log: BuildLog, secrets: dict[str, str]) -> str:
    """With the algorithm's secrets, of which none gets into the log."""
    deadline = time.monotonic() + LOAD_SECONDS
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(LOAD_SECONDS)
        connection.connect(str(runner.agent_socket))
        connection.sendall(frames.encode(frames.FrameType.BEGIN, orjson.dumps(secrets)))
        stream = connection.makefile("rb")
        while time.monotonic() < deadline:
            try:
                kind, payload = _read_frame(stream)
            except TimeoutError:
                break
            except (EOFError, ConnectionError, frames.ProtocolViolation):
                reason = runner.exit_reason
                return (
                    "the algorithm needed more memory than it may use while it was loading"
                    if reason == "oom"
                    else "the algorithm ended while it was loading"
                )
            if kind is frames.FrameType.OUTPUT:
                # The agent sends what was printed while loading as a whole.
                log.output(hide_secrets(payload, secrets))
            elif kind is frames.FrameType.READY:
                return ""
            elif kind is frames.FrameType.ENDED:
                code = frames.exit_code_of(payload)
                return f"the algorithm could not be loaded (exit code {code})"
    return f"the algorithm was still loading after {LOAD_SECONDS} seconds"


def _read_frame(stream: BinaryIO) -> tuple[frames.FrameType, bytes]:
    head = stream.read(frames.HEAD.size)
    if len(head) < frames.HEAD.size:
        raise EOFError
    kind, length = frames.decode_head(head)
    payload = stream.read(length)
    if len(payload) < length:
        raise EOFError
    return kind, payload


@contextmanager
def _relay(path: Path, principal: Principal) -> Iterator[None]:
    """The platform's API for code that loads a model from it, while the body runs."""
    loop = asyncio.new_event_loop()
    server = RelayServer(path, lambda: {PRINCIPAL: principal})
    loop.run_until_complete(server.start())
    thread = threading.Thread(target=loop.run_forever, name="build-relay", daemon=True)
    thread.start()
    try:
        yield
    finally:
        asyncio.run_coroutine_threadsafe(server.close(), loop).result(5)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
