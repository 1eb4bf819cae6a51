"""What a runner runs, and for which call it does so."""

import asyncio
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol
from uuid import UUID

from algoport.accounts.permissions import Principal, PrincipalKind, Run, Scopes
from algoport.http.tracing import Session, Trace
from algorithms.models import Build

if TYPE_CHECKING:
    from algorithms.running.runner import GatewayRunner

# The entry of a relayed request's scope with the call that makes it.
CALL = "algoport.call"

_NOBODY = UUID(int=0)
_READER = Scopes(data_read=True)


class Program(NamedTuple):
    """A build with the network that its runners have, and all that is needed to start one.

    `secrets` changes with the secrets of its algorithm, so that runners which have other ones are
    of another program; it is empty where there never were any. `machine` is a MachineType.
    """

    build_id: UUID
    algorithm_id: UUID
    name: str
    rootfs: str
    packages: str
    network_access: str
    secrets: str
    machine: str
    base_image: str

    def as_message(self) -> dict[str, str]:
        """What `program_from` makes a program of again."""
        return {**self._asdict(), "build_id": str(self.build_id), "algorithm_id": str(self[1])}


def program_from(message: Mapping[str, str]) -> Program:
    return Program(
        UUID(message["build_id"]),
        UUID(message["algorithm_id"]),
        message["name"],
        message["rootfs"],
        message["packages"],
        message["network_access"],
        message["secrets"],
        message["machine"],
        message["base_image"],
    )


def program_of(build: Build, network_access: str) -> Program:
    """The build's algorithm and environment have to be loaded."""
    return Program(
        build.pk,
        build.algorithm_id,
        build.algorithm.name,
        build.rootfs,
        build.packages,
        network_access,
        build.algorithm.secrets_mark,
        build.environment.machine_type,
        build.base_image,
    )


@dataclass(frozen=True, slots=True)
class Loader:
    """Who speaks while an algorithm loads: its caller, or nobody yet (`caller_id` None)."""

    principal: Principal
    caller_id: UUID | None


def loader_for(caller: Principal) -> Loader:
    assert caller.user_id is not None
    return Loader(caller, caller.user_id)


def loader_without_caller(algorithm_id: UUID, owner_id: UUID) -> Loader:
    """What a runner that belongs to no caller may do: read what every caller's run may read.

    It has no account, so no `.my`, and starts no calls: there is nobody who would pay for them.
    """
    run = Run(algorithm_id, owner_id, pipeline_enabled=False)
    return Loader(Principal(PrincipalKind.RUN, _NOBODY, "", False, _READER, None, run), None)


@dataclass(slots=True, eq=False)
class Lease:
    """How long an attempt may go on, in time.monotonic(); its runners end by themselves then.

    The clock is the machine's: the agents in the sandboxes read the same (design.md 7).
    """

    expires: float
    runners: "set[GatewayRunner]" = field(default_factory=set)

    @property
    def is_valid(self) -> bool:
        return time.monotonic() < self.expires

    def extend(self, expires: float) -> None:
        self.expires = expires
        for runner in self.runners:
            runner.tell_lease(expires)


@dataclass(slots=True, eq=False)
class Call:
    """A call in progress: the account it is made for, its place in the tree, its deadline.

    `identity` is the caller as the algorithm speaks for them; `deadline` is in the loop's time.
    A queued call, and those below it, have the lease of their attempt. After one that `is_only`
    no other by this caller is expected soon. One that `is_over` makes no calls any more.
    """

    trace: Trace
    identity: Principal
    deadline: float
    depth: int = 0
    lease: Lease | None = None
    is_only: bool = False
    is_over: bool = False
    tasks: "set[asyncio.Task[Any]]" = field(default_factory=set)

    @property
    def session(self) -> Session:
        return self.trace.session

    @contextmanager
    def child(self) -> Iterator[None]:
        """The current task makes a call for this one, and is cancelled when this one ends."""
        task = asyncio.current_task()
        assert task is not None
        self.tasks.add(task)
        try:
            yield
        finally:
            self.tasks.discard(task)


class Starter(Protocol):
    """Where runners come from."""

    async def start(self, program: Program, loader: Loader) -> "GatewayRunner":
        """A runner that has loaded. Raises LoadFailed, RunnersUnavailable."""
        ...

    async def stop(self, runner: "GatewayRunner") -> None: ...
