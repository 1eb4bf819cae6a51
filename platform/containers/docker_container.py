"""One running container: a runner, or a step of a build."""

import os
import select
import shutil
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import docker
from docker.errors import APIError, DockerException, NotFound
from requests import RequestException

from algoport.containers.egress import EgressProxy
from algoport.containers.engine import Limits, Runner
from algoport.containers.errors import RunnerStartFailed, SandboxNotEnded

START_SECONDS = 30
_LOOK_SECONDS = 0.5
_END_SECONDS = 2
_HEAD = 8


class Container(Runner):
    """A container that has been created; its agent holds a connection to us while it lives."""

    def __init__(
        self,
        client: "docker.APIClient",
        identifier: str,
        folder: Path,
        limits: Limits,
        egress: EgressProxy | None,
    ) -> None:
        self.id = identifier
        self.folder = folder
        self.limits = limits
        self.agent_socket = folder / "agent" / "agent.sock"
        self.platform_socket = folder / "platform.sock"
        self._client = client
        self._egress = egress
        self.container_id = ""
        self._lifeline: socket.socket | None = None
        self._reason = ""
        self._exit_code: int | None = None
        self._lock = threading.Lock()
        self._cleaned = False
        self._listener = socket.socket(socket.AF_UNIX)
        path = folder / "life.sock"
        self._listener.bind(str(path))
        path.chmod(0o666)
        self._listener.listen(1)

    def start(self) -> None:
        """Start it, and wait until its agent is there. Raises RunnerStartFailed."""
        try:
            self._client.start(self.container_id)
        except (DockerException, OSError) as exc:
            raise RunnerStartFailed(f"the engine did not start it: {exc}") from exc
        self._listener.settimeout(_LOOK_SECONDS)
        waited = 0.0
        while self._lifeline is None:
            try:
                self._lifeline, _ = self._listener.accept()
            except TimeoutError as exc:
                waited += _LOOK_SECONDS
                if waited > START_SECONDS or not self._state()["Running"]:
                    raise RunnerStartFailed("its agent did not come up") from exc

    @property
    def exit_reason(self) -> str:
        if not self.is_alive():
            self._note_end()
        return self._reason

    def is_alive(self) -> bool:
        """Whether it is being started, or its agent holds its connection; asks no engine."""
        with self._lock:
            if self._lifeline is None or self._cleaned:
                return not self._cleaned
            poll = select.poll()
            poll.register(self._lifeline, select.POLLIN)
            return not poll.poll(0)

    def wait(self) -> int:
        """The exit code of its first process, when it has ended."""
        if self._exit_code is None:
            self._exit_code = int(self._client.wait(self.container_id)["StatusCode"])
        return self._exit_code

    def kill(self, reason: str = "killed") -> None:
        if self.is_alive() and not self._reason:
            self._reason = reason
        with self._lock:
            if self._cleaned:
                return
            if self.container_id:
                with self._asking():
                    self._end(at_once=True)
                    self._client.remove_container(self.container_id, force=True)
            self._clean()

    def _note_end(self) -> None:
        with self._lock:
            if not self._cleaned and self.container_id:
                with self._asking():
                    self._end(at_once=False)

    @contextmanager
    def _asking(self) -> Iterator[None]:
        """What is gone needs nothing more. Raises SandboxNotEnded when the engine fails."""
        try:
            with suppress(NotFound):
                yield
        except (DockerException, OSError) as exc:
            raise SandboxNotEnded(f"the engine does not end container {self.id}: {exc}") from exc

    def _end(self, *, at_once: bool) -> None:
        """Whatever is left in it is killed, and why it ended is read."""
        # Its agent ends a moment before it does, with the exit code.
        if at_once or not self._ends_by_itself():
            with suppress(APIError):  # It has ended already.
                self._client.kill(self.container_id)
        self.wait()
        if self._state()["OOMKilled"]:
            self._reason = "oom"
        self._reason = self._reason or "exited"

    def _ends_by_itself(self) -> bool:
        try:
            self._exit_code = int(
                self._client.wait(self.container_id, timeout=_END_SECONDS)["StatusCode"]
            )
        except RequestException:
            return False
        return True

    def _state(self) -> dict[str, Any]:
        state: dict[str, Any] = self._client.inspect_container(self.container_id)["State"]
        return state

    def _clean(self) -> None:
        self._cleaned = True
        self._listener.close()
        if self._lifeline is not None:
            self._lifeline.close()
        if self._egress is not None:
            self._egress.close()
        shutil.rmtree(self.folder, ignore_errors=True)


class OutputPipe:
    """What a container prints, as the bytes of a pipe; ends when the container does."""

    def __init__(self, client: "docker.APIClient", container: str) -> None:
        params = {"stdout": 1, "stderr": 1, "stream": 1}
        # The SDK gives the file of a socket, and keeps the answer that it came with.
        self._attached = client.attach_socket(container, params)
        self._stream = getattr(self._attached, "_sock", self._attached).makefile("rb")
        self.source, self._target = os.pipe()
        self._thread = threading.Thread(target=self._pass_on, name="step-output", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """To be called when the container has ended."""
        os.close(self.source)
        self._thread.join()
        self._stream.close()
        self._attached._response.close()
        self._attached.close()

    def _pass_on(self) -> None:
        """The engine puts a head before each piece: which stream it is of, and its length."""
        try:
            while len(head := self._stream.read(_HEAD)) == _HEAD:
                left = int.from_bytes(head[4:], "big")
                while left and (piece := self._stream.read1(min(left, 65536))):
                    os.write(self._target, piece)
                    left -= len(piece)
        except (BrokenPipeError, ConnectionError):
            return  # Nobody reads it any more, or the engine has gone.
        finally:
            os.close(self._target)
