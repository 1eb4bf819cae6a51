"""What every runtime offers: runners for algorithms, steps for builds."""

import logging
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from algoport.containers.egress_policy import EgressPolicy
from algoport.containers.errors import WatchIncomplete

logger = logging.getLogger(__name__)

MOST_STEP_OUTPUT = 4 * 1024 * 1024


@dataclass(frozen=True)
class Limits:
    """What one sandbox may use, all its processes together where the host can count so.

    `cpus` is processor time per time, of as many processors as there are at most.
    """

    memory_bytes: int = 1024**3
    cpus: float = 1.0
    pids: int = 128
    tmp_bytes: int = 256 * 1024**2
    open_files: int = 1024


@dataclass(frozen=True)
class Image:
    """What a runner starts from; everything is mounted read-only."""

    environment: Path
    source: Path
    packages: Path | None


@dataclass(frozen=True)
class RunnerSpec:
    """A runner to start; `environ` is added to what every algorithm finds in its environment.

    Without `egress` there is no network in it; with one, what the policy allows is reached through
    the proxy that its environment names. With `needs_gpu` it gets the host's graphics cards.
    """

    runner_id: str
    image: Image
    limits: Limits
    environ: Mapping[str, str] = field(default_factory=dict)
    egress: EgressPolicy | None = None
    needs_gpu: bool = False


class Runner(ABC):
    """A started sandbox whose agent listens on `agent_socket`.

    The host's gateway must listen on `platform_socket` before it connects to the agent, and then
    send one frame with what else belongs into the environment, such as secrets, which so are in no
    file: no code of the algorithm runs before that.
    """

    id: str
    agent_socket: Path
    platform_socket: Path

    @property
    @abstractmethod
    def exit_reason(self) -> str:
        """Why it ended: "oom", "killed", "exited"; "" while it lives."""

    @abstractmethod
    def is_alive(self) -> bool: ...

    @abstractmethod
    def kill(self) -> None:
        """End every process in it and remove what it left; may be called again."""


@dataclass(frozen=True)
class BuildStep:
    """A command of a build; folders in `writable` come back owned by the platform, read-only."""

    name: str
    argv: tuple[str, ...]
    environment: Path
    writable: Mapping[str, Path]
    read_only: Mapping[str, Path]
    environ: Mapping[str, str]
    limits: Limits
    seconds: float
    egress: EgressPolicy | None = None


@dataclass(frozen=True)
class StepResult:
    """How a step ended; `reason` is "timeout", "oom" or ""."""

    exit_code: int
    reason: str
    seconds: float


class Runtime(ABC):
    """A way to isolate algorithms on this host."""

    name: str
    # Whether `seal` makes something that has to be pruned.
    makes_images = False

    def __init__(self) -> None:
        self._watching: threading.Thread | None = None
        self._stop_watching = threading.Event()

    @abstractmethod
    def check(self) -> str:
        """One line that names the isolation in force. Raises RuntimeUnavailable."""

    @abstractmethod
    def why_no_gpu(self) -> str:
        """Why runners here get no graphics card, "" where they do."""

    @abstractmethod
    def why_no_base_image(self) -> str:
        """Why environments here have no base image of their own, "" where they do."""

    @abstractmethod
    def expect(self, environment: Path, limits: Limits) -> None:
        """Runners of this environment may be wanted; what can be done ahead for them is.

        What fails is told by the start that needs it.
        """

    @abstractmethod
    def seal(self, image: Image, labels: Mapping[str, str]) -> None:
        """The image has all its files: make what runners of it are started from.

        `labels` tell an administrator whose it is. Raises ImageNotMade.
        """

    @abstractmethod
    def prune(self, builds: frozenset[str], packages: frozenset[str]) -> int:
        """Remove what was made of other builds' images and packages; how many that were.

        Builds are named by the folders of their sources, packages by theirs. Raises
        RuntimeUnavailable.
        """

    @abstractmethod
    def start_runner(self, spec: RunnerSpec) -> Runner:
        """Start a sandbox; returns when its agent listens.

        Raises RunnerStartFailed; HostLacks where it cannot be started here at all.
        """

    @abstractmethod
    def run_step(self, step: BuildStep, on_output: Callable[[bytes], None]) -> StepResult:
        """Run a step to its end; its output comes while it runs. Raises as `start_runner`."""

    @abstractmethod
    def reap_leftovers(self) -> int:
        """Remove what a dead worker left behind; how many sandboxes that were."""

    @abstractmethod
    def watch(self) -> None:
        """One look at every sandbox: end those that use too much, note those that ended.

        Raises WatchIncomplete when some could not be looked at; all others were.
        """

    def start_watchdog(self, interval: float = 0.25) -> None:
        self._stop_watching.clear()
        self._watching = threading.Thread(
            target=self._watch_on, args=(interval,), name="watchdog", daemon=True
        )
        self._watching.start()

    def stop_watchdog(self) -> None:
        self._stop_watching.set()
        if self._watching is not None:
            self._watching.join()

    def _watch_on(self, interval: float) -> None:
        while not self._stop_watching.wait(interval):
            try:
                self.watch()
            except WatchIncomplete as exc:
                logger.error("the watchdog goes on without: %s", exc)
            except Exception:
                # Without a watchdog nothing would hold the sandboxes to their memory any more.
                logger.exception("a look at the sandboxes failed; the watchdog goes on")
