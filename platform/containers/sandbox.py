"""The sandbox runtime: bubblewrap, a seccomp filter, limits, and a watchdog."""

import os
import shutil
import socket
import subprocess
import threading
import uuid
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from algoport.containers import cgroups
from algoport.containers.agents import install_agent, write_start
from algoport.containers.base_image import base_image_of
from algoport.containers.blanks import LINKS, Blanks
from algoport.containers.bubblewrap import (
    environment_variables,
    file_system,
    install_bwrap,
    memory_file,
    namespaces,
    read_child_pid,
)
from algoport.containers.egress import EgressProxy, EgressService
from algoport.containers.egress_policy import EgressPolicy
from algoport.containers.engine import (
    BuildStep,
    Image,
    Limits,
    Runner,
    RunnerSpec,
    Runtime,
    StepResult,
)
from algoport.containers.errors import (
    HostLacks,
    RunnerStartFailed,
    RuntimeUnavailable,
)
from algoport.containers.handover import hand_over
from algoport.containers.leftovers import kill_processes_of, worker_mark
from algoport.containers.processes import Sandbox
from algoport.containers.running import Running
from algoport.containers.seccomp import build_filter
from algoport.containers.steps import MOST_REFUSALS, follow
from algoport.containers.worker_folder import KernelUsers, WorkerFolder


class SandboxRuntime(Runtime):
    """Runs algorithms in bubblewrap.

    `state_dir` holds copies of what is mounted, `run_dir` the sockets of runners. Both must be
    reachable by other users when this process is root, because sandboxes never run as root.
    """

    name = "sandbox"

    def __init__(self, state_dir: Path, run_dir: Path, *, use_cgroups: bool = True) -> None:
        super().__init__()
        self._use_cgroups = use_cgroups
        self._running: Running[Sandbox] = Running()
        self._lock = threading.Lock()
        self._users = KernelUsers()
        self._egress = EgressService()
        self._filters = {counted: build_filter(counted=counted) for counted in (True, False)}
        # --die-with-parent means the thread that started it: one that lives as long as we do.
        self._spawner = ThreadPoolExecutor(1, thread_name_prefix="sandbox-spawner")
        self._blanks = Blanks(self._start_blank)
        state_dir.mkdir(parents=True, exist_ok=True)
        self._bwrap = install_bwrap(state_dir)
        self._agent = install_agent(state_dir)
        self._folder = WorkerFolder(run_dir)
        self._token = self._folder.token

    def check(self) -> str:
        probe = [str(self._bwrap), "--unshare-all", "--unshare-user", "--ro-bind", "/", "/", "true"]
        uid = self._users.take()
        process = self._start(probe, uid, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        said = process.communicate()[1].decode("utf-8", "replace").strip()
        if process.returncode != 0:
            raise RuntimeUnavailable(
                "this machine does not let unprivileged users make user namespaces "
                f"({said}). Allow them (sysctl kernel.unprivileged_userns_clone=1 "
                "or user.max_user_namespaces > 0; in a container: without the default seccomp "
                "profile), or no algorithm can be run."
            )
        group = cgroups.make_group(self._token, "check") if self._use_cgroups else None
        if group is not None:
            group.remove()
        memory = "control groups" if group is not None else "limits and a watchdog"
        cpus = "" if group is not None and cgroups.limits_cpus() else ", no limit of processor time"
        return f"sandbox: bubblewrap with user namespaces, seccomp, {memory}{cpus}"

    def why_no_gpu(self) -> str:
        return "the sandbox runtime gives algorithms no graphics card: this needs Docker"

    def why_no_base_image(self) -> str:
        return "the sandbox runtime has only what is on this machine: this needs Docker"

    def expect(self, environment: Path, limits: Limits) -> None:
        self._blanks.expect(environment, limits)

    def seal(self, image: Image, labels: Mapping[str, str]) -> None:
        """Runners are started from its folders."""

    def prune(self, builds: frozenset[str], packages: frozenset[str]) -> int:
        return 0

    def blanks(self, environment: Path, limits: Limits) -> int:
        """How many sandboxes are ready to become runners."""
        return self._blanks.count(environment, limits)

    def start_runner(self, spec: RunnerSpec) -> Runner:
        if spec.needs_gpu:
            raise HostLacks(self.why_no_gpu())
        image = spec.image
        sandbox = self._blanks.take(spec)
        if sandbox is None:
            mounts = {"/opt/algorithm": image.source}
            if image.packages is not None:
                mounts["/opt/packages"] = image.packages
            sandbox = self._start_agent(
                spec.runner_id, image.environment, spec.limits, mounts, {}, spec.egress
            )
        # Read by the agent when the gateway connects.
        write_start(sandbox.folder, spec)
        self._running.rename(sandbox, spec.runner_id)
        return sandbox

    def _start_blank(self, environment: Path, limits: Limits) -> Sandbox:
        identifier = f"blank{uuid.uuid4().hex[:15]}"
        return self._start_agent(identifier, environment, limits, {}, LINKS, None)

    def _start_agent(
        self,
        identifier: str,
        environment: Path,
        limits: Limits,
        mounts: Mapping[str, Path],
        links: Mapping[str, str],
        egress: EgressPolicy | None,
    ) -> Sandbox:
        """A sandbox in which an agent waits for a connection. Raises RunnerStartFailed."""
        with socket.socket(socket.AF_UNIX) as listener, ExitStack() as on_failure:
            folder = self._folder.make(identifier)
            on_failure.callback(shutil.rmtree, folder, ignore_errors=True)
            proxy = None
            if egress is not None:
                proxy = self._egress.open(folder / "egress.sock", egress, f"runner {identifier}")
                on_failure.callback(proxy.close)
            listener.bind(str(folder / "agent.sock"))
            listener.listen(1)
            command = (f"--listen={listener.fileno()}",)
            sandbox, _ = self._spawn(
                identifier,
                folder,
                environment,
                read_only=mounts,
                writable={},
                environ={"PYTHONDONTWRITEBYTECODE": "1"},
                limits=limits,
                command=command,
                inherit=(listener.fileno(),),
                uid=self._users.take(),
                egress=proxy,
                links=links,
            )
            on_failure.pop_all()
        return sandbox

    def run_step(self, step: BuildStep, on_output: Callable[[bytes], None]) -> StepResult:
        folder = self._folder.make(f"s{uuid.uuid4().hex[:16]}")
        uid = self._users.take()
        refusals: deque[bytes] = deque(maxlen=MOST_REFUSALS)
        proxy = None
        sandbox = None
        try:
            if step.egress is not None:
                proxy = self._egress.open(
                    folder / "egress.sock",
                    step.egress,
                    f"step {folder.name}",
                    lambda text: refusals.append(f"[{text}]\n".encode()),
                )
            for path in step.writable.values():
                hand_over(path, uid)
            sandbox, output = self._spawn(
                folder.name,
                folder,
                step.environment,
                read_only=step.read_only,
                writable=step.writable,
                environ={"PYTHONUNBUFFERED": "1", **step.environ},
                limits=step.limits,
                command=step.argv,
                inherit=(),
                uid=uid,
                capture=True,
            )
            return follow(step, sandbox, output, refusals, on_output)
        finally:
            if sandbox is not None:
                sandbox.kill()
                self._running.forget(sandbox)
            if proxy is not None:
                proxy.close()
            for path in step.writable.values():
                hand_over(path, os.geteuid())
            shutil.rmtree(folder, ignore_errors=True)

    def reap_leftovers(self) -> int:
        count = 0
        for folder in self._folder.of_the_dead():
            count += sum(1 for each in folder.iterdir() if each.is_dir())
            kill_processes_of(folder.name)
            cgroups.remove_groups(folder.name)
            shutil.rmtree(folder)
        cgroups.remove_abandoned()
        return count

    def watch(self) -> None:
        self._running.look_at_each(self._look_at)

    def _look_at(self, sandbox: Sandbox) -> None:
        if not sandbox.has_group and sandbox.uses_more_memory_than(sandbox.limits.memory_bytes):
            sandbox.kill("oom")

    def stop_watchdog(self) -> None:
        super().stop_watchdog()
        self._blanks.close()
        self._running.kill_all()
        self._egress.close()
        cgroups.remove_groups(self._token)
        self._folder.close()

    def _start(self, argv: list[str], uid: int, **options: Any) -> "subprocess.Popen[bytes]":
        """Start a process that is never root, from the one thread that outlives it."""
        if os.geteuid() == 0:
            options |= {"user": uid, "group": uid, "extra_groups": []}

        def start() -> "subprocess.Popen[bytes]":
            return subprocess.Popen(argv, stdin=subprocess.DEVNULL, env={}, cwd="/", **options)

        return self._spawner.submit(start).result()

    def _spawn(
        self,
        identifier: str,
        folder: Path,
        environment: Path,
        *,
        read_only: Mapping[str, Path],
        writable: Mapping[str, Path],
        environ: Mapping[str, str],
        limits: Limits,
        command: tuple[str, ...],
        inherit: tuple[int, ...],
        uid: int,
        capture: bool = False,
        egress: EgressProxy | None = None,
        links: Mapping[str, str] | None = None,
    ) -> tuple[Sandbox, int]:
        """Start bubblewrap held back, put limits on it, let it go."""
        if base_image := base_image_of(environment):
            raise HostLacks(f"it is made of {base_image}, and {self.why_no_base_image()}")
        for path in (environment, *read_only.values(), *writable.values()):
            if not path.is_dir():
                raise RunnerStartFailed(f"there is no folder {path} to mount")
        group = cgroups.make_group(self._token, identifier) if self._use_cgroups else None
        info_read, info_write = os.pipe()
        block_read, block_write = os.pipe()
        lifeline_read, lifeline = os.pipe()
        seccomp = memory_file("seccomp", self._filters[group is not None])
        output = subprocess.PIPE if capture else subprocess.DEVNULL
        options = [
            *namespaces(info_write, block_read, seccomp),
            *file_system(
                environment, self._agent, folder, read_only, writable, limits, links or {}
            ),
            *environment_variables(environ, limits, counted=group is not None),
        ]
        # Not on the command line: that can be read inside, as the first process's.
        hidden = memory_file("options", "\0".join(options).encode() + b"\0")
        argv = [
            str(self._bwrap),
            "--args",
            str(hidden),
            "--",
            "/usr/local/bin/python3",
            "/opt/algoport",
            f"{worker_mark(self._token)}{lifeline_read}",
            *command,
        ]
        try:
            process = self._start(
                argv,
                uid,
                stdout=output,
                stderr=subprocess.STDOUT if capture else subprocess.PIPE,
                pass_fds=(info_write, block_read, lifeline_read, seccomp, hidden, *inherit),
            )
            for descriptor in (info_write, block_read, lifeline_read, seccomp, hidden):
                os.close(descriptor)
            sandbox = Sandbox(identifier, folder, process, group, limits, egress)
            self._running.add(sandbox)
            try:
                self._release(sandbox, group, info_read, block_write, lifeline)
            except BaseException:
                # Whatever it failed by: one without its limits goes on as soon as the pipe ends.
                sandbox.kill()
                self._running.forget(sandbox)
                raise
        finally:
            for descriptor in (info_read, block_write):
                os.close(descriptor)
        return sandbox, process.stdout.fileno() if process.stdout else -1

    def _release(
        self,
        sandbox: Sandbox,
        group: cgroups.ControlGroup | None,
        info: int,
        block: int,
        lifeline: int,
    ) -> None:
        if not self._put_limits(sandbox, group, read_child_pid(info), lifeline):
            stream = sandbox.process.stderr or sandbox.process.stdout
            sandbox.process.kill()
            said = stream.read().decode("utf-8", "replace").strip() if stream else ""
            raise RunnerStartFailed(said or "bubblewrap ended")
        if sandbox.process.stderr is not None:
            # Nobody would read it any more, and nothing inside may write to a file of ours.
            sandbox.process.stderr.close()
        # The end of this pipe lets bwrap go on as well, so the agent asks for a byte of its own.
        os.write(block, b"1")
        os.write(lifeline, b"1")

    def _put_limits(
        self,
        sandbox: Sandbox,
        group: cgroups.ControlGroup | None,
        child: int | None,
        lifeline: int,
    ) -> bool:
        """Whether the process that is held back was still there to be limited."""
        try:
            sandbox.hold(child, lifeline)
            if group is not None and child is not None:
                limits = sandbox.limits
                group.limit(limits.memory_bytes, limits.pids, limits.cpus)
                group.add(child)
        except ProcessLookupError:
            return False  # bwrap met a mount that it cannot make, for one.
        return child is not None
