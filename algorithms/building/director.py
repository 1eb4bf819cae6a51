"""The steps of a build, in order; knows nothing of Celery (design.md 6)."""

import hashlib
import os
import shutil
import uuid
from pathlib import Path

from algoport.containers.engine import BuildStep, Limits, Runtime
from algoport.containers.errors import (
    HostLacks,
    ImageNotMade,
    IndexNotUsable,
    RunnerStartFailed,
    RuntimeUnavailable,
)
from algoport.containers.package_index import index_environ, index_policy
from algorithms.building.images import image_folder, packages_folder
from algorithms.building.log import BuildLog
from algorithms.building.verification import verify_start
from algorithms.constants import BUILD_SECONDS, SOURCE_BYTES, SOURCE_FILES, MachineType
from algorithms.models import Build
from algorithms.running.program import program_of
from algorithms.running.runtime import environment_folder, image_of
from scm.errors import CommitNotUsable
from scm.repositories import export_commit

DEPENDENCY_FILE = "requirements.txt"
STEP_LIMITS = Limits(
    memory_bytes=2 * 1024**3, cpus=2.0, pids=256, tmp_bytes=1024**3, open_files=4096
)


class BuildStepFailed(Exception):
    """The build ends here; the text tells its owner why."""


class BuildDirector:
    """Builds one commit into an image that a runner can start."""

    def __init__(self, build: Build, runtime: Runtime, log: BuildLog) -> None:
        self._build = build
        self._runtime = runtime
        self._log = log
        self._environment = environment_folder(build.environment)

    def run(self) -> None:
        """Build; on return the row has `rootfs` and `packages` set. Raises BuildStepFailed."""
        build = self._build
        try:
            self._runtime.check()
        except RuntimeUnavailable as exc:
            raise BuildStepFailed("the platform's machine cannot isolate algorithms") from exc
        self._check_host()
        self._log.line("Beginning container customization")
        self._log.line(f"Commit {build.commit_sha}, environment {build.environment.name}")
        build.rootfs = self._environment.name
        build.base_image = build.environment.base_image
        source = image_folder(build.algorithm_id, build.id)
        draft = source.with_name(f".{source.name}-{uuid.uuid4().hex[:8]}")
        try:
            self._export(draft)
            build.packages = self._install_dependencies(draft)
            self._compile(draft)
            if source.exists():
                shutil.rmtree(source)  # Left by an attempt whose worker was lost.
            draft.rename(source)
        finally:
            if draft.exists():
                shutil.rmtree(draft)
        self._seal()
        self._start_once()

    def _check_host(self) -> None:
        """Raise BuildStepFailed where this host has not what the environment needs."""
        environment = self._build.environment
        named = f"the environment {environment.name}"
        if environment.machine_type == MachineType.GPU and (reason := self._runtime.why_no_gpu()):
            raise BuildStepFailed(f"{named} needs a graphics card, and {reason}")
        if environment.base_image and (reason := self._runtime.why_no_base_image()):
            raise BuildStepFailed(f"{named} is made of {environment.base_image}, and {reason}")

    def _export(self, draft: Path) -> None:
        self._log.line("Step 1/4: exporting the commit")
        draft.mkdir(parents=True)
        try:
            export_commit(
                self._build.algorithm_id,
                self._build.commit_sha,
                draft,
                most_bytes=SOURCE_BYTES,
                most_files=SOURCE_FILES,
            )
        except CommitNotUsable as exc:
            raise BuildStepFailed(str(exc)) from exc

    def _install_dependencies(self, source: Path) -> str:
        """Digest of the dependency layer, installed once per environment and requirements."""
        requirements = read_requirements(source / DEPENDENCY_FILE)
        if not requirements:
            self._log.line(f"Step 2/4: {DEPENDENCY_FILE} asks for nothing")
            return ""
        text = "\n".join(requirements) + "\n"
        digest = hashlib.sha256(f"{self._environment.name}\n{text}".encode()).hexdigest()[:40]
        layer = packages_folder(digest)
        if layer.exists():
            self._log.line(f"Step 2/4: dependencies are installed already ({digest[:12]})")
            return digest
        self._log.line("Step 2/4: installing dependencies")
        work = layer.with_name(f".{digest}-{uuid.uuid4().hex[:8]}")
        try:
            self._install(text, work)
            publish_folder(work / "packages", layer)
        finally:
            if work.exists():
                shutil.rmtree(work)
        return digest

    def _install(self, requirements: str, work: Path) -> None:
        # pip sees the requirements and nothing else of the repository, so that the layer depends
        # on their text alone and may be shared between owners.
        inputs, packages = work / "inputs", work / "packages"
        for folder in (inputs, packages):
            folder.mkdir(parents=True)
        (inputs / DEPENDENCY_FILE).write_text(requirements)
        pip = ("python3", "-m", "pip", "install", "--no-input", "--no-cache-dir")
        self._step(
            "installing dependencies",
            (*pip, "--target", "/packages", "-r", f"/inputs/{DEPENDENCY_FILE}"),
            writable={"/packages": packages},
            read_only={"/inputs": inputs},
            network=True,
        )

    def _compile(self, source: Path) -> None:
        self._log.line("Step 3/4: compiling")
        command = ("python3", "-m", "compileall", "-q", "-j", "1", "/opt/algorithm")
        self._step("compiling", command, writable={"/opt/algorithm": source})

    def _seal(self) -> None:
        """Make what runners are started from; labels tell whose it is."""
        build = self._build
        labels = {
            "algoport.owner": build.algorithm.owner.username,
            "algoport.algorithm": build.algorithm.name,
            "algoport.commit": build.commit_sha,
        }
        image = image_of(program_of(build, build.algorithm.network_access))
        try:
            self._runtime.seal(image, labels)
        except ImageNotMade as exc:
            raise BuildStepFailed(f"its image was not made: {exc}") from exc

    def _start_once(self) -> None:
        self._log.line("Step 4/4: starting the algorithm once")
        failure = verify_start(self._build, self._runtime, self._log)
        if failure:
            raise BuildStepFailed(failure)

    def _step(
        self,
        name: str,
        argv: tuple[str, ...],
        *,
        writable: dict[str, Path],
        read_only: dict[str, Path] | None = None,
        network: bool = False,
    ) -> None:
        try:
            index = (index_environ(), index_policy()) if network else ({}, None)
        except IndexNotUsable as exc:
            raise BuildStepFailed(f"dependencies cannot be installed: {exc}") from exc
        step = BuildStep(
            name=name,
            argv=argv,
            environment=self._environment,
            writable=writable,
            read_only=read_only or {},
            environ=index[0],
            limits=STEP_LIMITS,
            seconds=BUILD_SECONDS,
            egress=index[1],
        )
        try:
            result = self._runtime.run_step(step, self._log.output)
        except HostLacks as exc:
            environment = self._build.environment.name
            raise BuildStepFailed(f"the environment {environment} cannot be had: {exc}") from exc
        except RunnerStartFailed as exc:
            raise BuildStepFailed(f"the sandbox of the step {name!r} did not start") from exc
        self._log.flush()
        if result.reason == "timeout":
            raise BuildStepFailed(f"{name} took longer than {BUILD_SECONDS} seconds")
        if result.reason == "oom":
            raise BuildStepFailed(f"{name} needed more memory than a build may use")
        if result.exit_code != 0:
            raise BuildStepFailed(f"{name} ended with exit code {result.exit_code}")


def read_requirements(path: Path) -> list[str]:
    """The file's lines without comments and blank lines; [] when there is no such file."""
    if not path.is_file() or path.is_symlink():
        return []
    lines = (
        line.split(" #")[0].strip() for line in path.read_text("utf-8", "replace").splitlines()
    )
    return [line for line in lines if line and not line.startswith("#")]


def publish_folder(made: Path, final: Path) -> None:
    """Give a finished folder its name; of two that were made at once the first one stays."""
    final.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.rename(made, final)
    except OSError:
        if not final.exists():
            raise
