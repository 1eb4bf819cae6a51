"""The docker runtime: containers of an engine, hardened, with a way out for those that may."""

import hashlib
import logging
import os
import shutil
import socket
import threading
import uuid
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path

import docker
from docker.constants import DEFAULT_UNIX_SOCKET
from docker.errors import DockerException, NotFound
from docker.types import DeviceRequest, Mount, Ulimit
from docker.utils import kwargs_from_env

from algoport.containers.agents import base_environ, install_agent, write_start
from algoport.containers.docker_container import Container, OutputPipe
from algoport.containers.docker_images import Images
from algoport.containers.docker_network import ContainerNetwork
from algoport.containers.egress import EgressProxy, EgressService
from algoport.containers.egress_policy import PublicInternet
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
    BaseImageMissing,
    HostLacks,
    ImageNotMade,
    RunnerStartFailed,
    RuntimeUnavailable,
)
from algoport.containers.handover import hand_over
from algoport.containers.leftovers import worker_mark
from algoport.containers.running import Running
from algoport.containers.seccomp import build_filter
from algoport.containers.steps import MOST_REFUSALS, follow
from algoport.containers.worker_folder import KernelUsers, WorkerFolder

logger = logging.getLogger(__name__)

WORKER_LABEL, RUNNER_LABEL = "algoport.worker", "algoport.runner"
_REQUEST_SECONDS = 120
_MOST_REQUESTS = 32
_SHM_BYTES = 64 * 1024**2
_RUN = "/run/algoport"
_ALL_GPUS = DeviceRequest(count=-1, capabilities=[["gpu"]])


class DockerRuntime(Runtime):
    """Runs algorithms in containers of the engine that the environment (DOCKER_HOST) names.

    `state_dir` and `run_dir` as the sandbox runtime has them; the engine must see them at the same
    paths. `registry` is the prefix of images that other hosts shall get, "" for none; `oci_runtime`
    the engine's name for what runs containers, "" for its default.
    """

    name = "docker"
    makes_images = True

    def __init__(
        self, state_dir: Path, run_dir: Path, *, registry: str = "", oci_runtime: str = ""
    ) -> None:
        super().__init__()
        self._client = connect()
        self._cpus = _count_cpus(self._client)
        self._oci_runtime = oci_runtime
        # Platforms are told apart by their folders, which all hosts of one have in common.
        platform = hashlib.sha256(str(state_dir).encode()).hexdigest()[:12]
        self._images = Images(self._client, platform, registry)
        self._network = ContainerNetwork(self._client)
        self._folder = WorkerFolder(run_dir)
        self._users = KernelUsers()
        self._egress = EgressService()
        self._running: Running[Container] = Running()
        self._lock = threading.Lock()
        state_dir.mkdir(parents=True, exist_ok=True)
        self._agent = install_agent(state_dir)
        # Of all that the engine's own filter allows, what ours refuses is taken away as well.
        self._filter = build_filter(counted=True)
        # The rules of its network are for IPv4.
        has_ipv6 = Path("/proc/sys/net/ipv6").exists()
        self._sysctls = {"net.ipv6.conf.all.disable_ipv6": "1"} if has_ipv6 else {}

    def check(self) -> str:
        try:
            told = self._client.info()
        except (DockerException, OSError) as exc:
            raise RuntimeUnavailable(f"the Docker engine does not answer: {exc}") from exc
        needed = ("MemoryLimit", "PidsLimit", "CpuCfsQuota")
        missing = [name for name in needed if not told.get(name)]
        if not any("seccomp" in each for each in told.get("SecurityOptions") or ()):
            missing.append("seccomp")
        if missing:
            raise RuntimeUnavailable(
                f"the Docker engine cannot isolate algorithms: it lacks {', '.join(missing)}"
            )
        oci_runtime = self._oci_runtime or told["DefaultRuntime"]
        if oci_runtime not in told["Runtimes"]:
            raise RuntimeUnavailable(
                f"the Docker engine has no runtime {oci_runtime!r}; it has "
                f"{', '.join(sorted(told['Runtimes']))}"
            )
        return (
            f"docker: engine {told['ServerVersion']}, runtime {oci_runtime}, seccomp, "
            f"{self._network.check()}"
        )

    def why_no_gpu(self) -> str:
        if not any(Path("/dev").glob("nvidia[0-9]*")):
            return "this host has no graphics card"
        return ""

    def why_no_base_image(self) -> str:
        return ""

    def expect(self, environment: Path, limits: Limits) -> None:
        """Its image is made now; containers cannot be given a source after their start."""
        try:
            self._image_of(environment)
        except RunnerStartFailed as exc:
            logger.warning("%s; the first start tries again", exc)

    def seal(self, image: Image, labels: Mapping[str, str]) -> None:
        try:
            self._images.make(image, labels)
        except (DockerException, OSError) as exc:
            raise ImageNotMade(f"the Docker engine does not answer: {exc}") from exc

    def prune(self, builds: frozenset[str], packages: frozenset[str]) -> int:
        try:
            return self._images.prune(builds, packages)
        except (DockerException, OSError) as exc:
            raise RuntimeUnavailable(f"the Docker engine does not answer: {exc}") from exc

    def start_runner(self, spec: RunnerSpec) -> Runner:
        if spec.needs_gpu and (reason := self.why_no_gpu()):
            raise HostLacks(reason)
        try:
            image = self._images.of(spec.image)
        except BaseImageMissing as exc:
            raise HostLacks(str(exc)) from exc
        except (ImageNotMade, DockerException, OSError) as exc:
            raise RunnerStartFailed(str(exc)) from exc
        uid = self._users.take()
        with ExitStack() as on_failure:
            folder = self._make_folder(spec.runner_id, on_failure)
            egress = None
            if spec.egress is not None:
                egress = self._egress.open(
                    folder / "egress.sock", spec.egress, f"runner {spec.runner_id}"
                )
                on_failure.callback(egress.close)
            write_start(folder, spec)
            container = Container(self._client, spec.runner_id, folder, spec.limits, egress)
            on_failure.callback(container.kill)
            has_network = isinstance(spec.egress, PublicInternet) and self._network.is_ready(
                spec.egress
            )
            self._create(
                container,
                image,
                (f"--listen={_RUN}/agent/agent.sock",),
                uid,
                environ={"PYTHONDONTWRITEBYTECODE": "1"},
                mounts=[_mount(folder / "agent", f"{_RUN}/agent", writable=True)],
                network=self._network.name if has_network else "none",
                has_gpu=spec.needs_gpu,
            )
            container.start()
            # Nothing of the algorithm's has run yet; what it writes there would be on our disk.
            (folder / "agent").chmod(0o711)
            on_failure.pop_all()
        return container

    def run_step(self, step: BuildStep, on_output: Callable[[bytes], None]) -> StepResult:
        refusals: deque[bytes] = deque(maxlen=MOST_REFUSALS)
        uid = self._users.take()
        name = f"s{uuid.uuid4().hex[:16]}"
        with ExitStack() as at_end:
            folder = self._make_folder(name, at_end)
            if step.egress is not None:
                proxy: EgressProxy = self._egress.open(
                    folder / "egress.sock",
                    step.egress,
                    f"step {name}",
                    lambda text: refusals.append(f"[{text}]\n".encode()),
                )
                at_end.callback(proxy.close)
            for path in step.writable.values():
                hand_over(path, uid)
                at_end.callback(hand_over, path, os.geteuid())
            container = Container(self._client, name, folder, step.limits, None)
            at_end.callback(container.kill)
            self._create(
                container,
                self._image_of(step.environment),
                step.argv,
                uid,
                environ={"PYTHONUNBUFFERED": "1", **step.environ},
                mounts=[
                    *(_mount(path, at, writable=True) for at, path in step.writable.items()),
                    *(_mount(path, at, writable=False) for at, path in step.read_only.items()),
                ],
                network="none",
                folder_at="/opt/algorithm" if "/opt/algorithm" in step.writable else "/tmp",
                is_step=True,
            )
            output = OutputPipe(self._client, container.container_id)
            at_end.callback(output.close)
            # Before the pipe is closed: its end is the container's.
            at_end.callback(container.kill)
            container.start()
            return follow(step, container, output.source, refusals, on_output)

    def _image_of(self, environment: Path) -> str:
        try:
            return self._images.of_environment(environment)
        except BaseImageMissing as exc:
            raise HostLacks(str(exc)) from exc
        except (ImageNotMade, DockerException, OSError) as exc:
            raise RunnerStartFailed(f"the environment has no image: {exc}") from exc

    def reap_leftovers(self) -> int:
        dead = {folder.name: folder for folder in self._folder.of_the_dead()}
        found = self._client.containers(all=True, filters={"label": WORKER_LABEL})
        count = 0
        for each in found:
            if each["Labels"][WORKER_LABEL] in dead:
                try:
                    self._client.remove_container(each["Id"], force=True)
                except NotFound:
                    continue
                count += 1
        for folder in dead.values():
            shutil.rmtree(folder)
        return count

    def watch(self) -> None:
        # The engine holds them to their limits.
        self._running.look_at_each(lambda container: None)

    def stop_watchdog(self) -> None:
        super().stop_watchdog()
        self._running.kill_all()
        self._egress.close()
        self._folder.close()
        self._client.close()

    def _make_folder(self, name: str, on_failure: ExitStack) -> Path:
        folder = self._folder.make(name)
        on_failure.callback(shutil.rmtree, folder, ignore_errors=True)
        (folder / "filter").write_bytes(self._filter)
        agent = folder / "agent"
        agent.mkdir()
        # For the moment in which the agent, of another user, makes its socket.
        agent.chmod(0o733)
        return folder

    def _create(
        self,
        container: Container,
        image: str,
        command: tuple[str, ...],
        uid: int,
        *,
        environ: Mapping[str, str],
        mounts: list[Mount],
        network: str,
        folder_at: str = "/opt/algorithm",
        is_step: bool = False,
        has_gpu: bool = False,
    ) -> None:
        """Create it, and remember it. Raises RunnerStartFailed."""
        limits = container.limits
        host = self._client.create_host_config(
            mounts=[
                _mount(container.folder, _RUN, writable=False),
                _mount(self._agent, "/opt/algoport", writable=False),
                *mounts,
            ],
            network_mode=network,
            read_only=True,
            # Packages may be compiled there while they are installed.
            tmpfs={
                "/tmp": f"rw,nosuid,nodev,{'' if is_step else 'no'}exec,"
                f"size={limits.tmp_bytes},mode=1777"
            },
            shm_size=_SHM_BYTES,
            ipc_mode="private",
            cap_drop=["ALL"],
            security_opt=["no-new-privileges"],
            mem_limit=limits.memory_bytes,
            memswap_limit=limits.memory_bytes,
            # Engines refuse more than there are.
            nano_cpus=int(min(limits.cpus, self._cpus) * 1e9),
            pids_limit=limits.pids + 2,
            ulimits=[
                Ulimit(name="nofile", soft=limits.open_files, hard=limits.open_files),
                Ulimit(name="core", soft=0, hard=0),
            ],
            init=True,
            log_config={"Type": "none"},
            sysctls=self._sysctls if network != "none" else {},
            runtime=self._oci_runtime or None,
            device_requests=[_ALL_GPUS] if has_gpu else None,
        )
        try:
            container.container_id = self._client.create_container(
                image,
                command=[
                    "/usr/local/bin/python3",
                    "/opt/algoport",
                    f"{worker_mark(self._folder.token)}{_RUN}/life.sock",
                    *command,
                ],
                user=f"{uid}:{uid}",
                hostname="algorithm",
                working_dir=folder_at,
                environment={
                    **base_environ(limits, processes=0, data=0),
                    "PWD": folder_at,
                    **environ,
                },
                labels={WORKER_LABEL: self._folder.token, RUNNER_LABEL: container.id},
                host_config=host,
                use_config_proxy=False,
            )["Id"]
        except (DockerException, OSError) as exc:
            raise RunnerStartFailed(f"the engine did not create it: {exc}") from exc
        self._running.add(container)


def connect() -> "docker.APIClient":
    """The engine's client. Raises RuntimeUnavailable when none answers."""
    try:
        _see_socket()
        return docker.from_env(
            version="auto", timeout=_REQUEST_SECONDS, max_pool_size=_MOST_REQUESTS
        ).api
    except (DockerException, OSError) as exc:
        raise RuntimeUnavailable(
            f"no Docker engine answers ({exc}). Start one, name it with DOCKER_HOST, or set "
            "ALGOPORT_RUNTIME=sandbox."
        ) from exc


def _count_cpus(client: "docker.APIClient") -> int:
    """Raises RuntimeUnavailable."""
    try:
        return int(client.info()["NCPU"])
    except (DockerException, OSError) as exc:
        raise RuntimeUnavailable(f"the Docker engine does not answer: {exc}") from exc


def _see_socket() -> None:
    """Raise OSError where the engine's socket is none, or one that a killed engine left.

    The SDK finds that too, but does not close what it tried with.
    """
    address = kwargs_from_env().get("base_url") or DEFAULT_UNIX_SOCKET
    kind, _, path = address.partition("://")
    if kind in ("unix", "http+unix"):
        with socket.socket(socket.AF_UNIX) as tried:
            tried.settimeout(_REQUEST_SECONDS)
            tried.connect(path)


def _mount(source: Path, target: str, *, writable: bool) -> Mount:
    return Mount(
        target=target,
        source=str(source),
        type="bind",
        read_only=not writable,
        propagation="rprivate",
    )
