"""Where a call runs: on this host, or on another one."""

import asyncio
import time

from algorithms.errors import (
    NoSuitableHost,
    RunnersUnavailable,
    SecretsNotReadable,
    TooManyCallsWaiting,
)
from algorithms.running.gateway import Gateway
from algorithms.running.hosts import nobody_for
from algorithms.running.invocation import Outcome, Work, invoke
from algorithms.running.program import Call

# Hosts come and go: for so long a call that none takes waits for one that does.
PATIENCE_SECONDS = 10.0
_PAUSE_SECONDS = 0.25


async def run_somewhere(gateway: Gateway, work: Work, request: bytes, call: Call) -> Outcome:
    """As `invoke`, where there are several hosts: here if there is a worker with room."""
    until = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return await _run(gateway, work, request, call)
        except (NoSuitableHost, SecretsNotReadable):
            raise
        except RunnersUnavailable:
            # Nothing has run.
            if time.monotonic() > until:
                raise
        await asyncio.sleep(_PAUSE_SECONDS)
        await gateway.look_at_hosts()


async def _run(gateway: Gateway, work: Work, request: bytes, call: Call) -> Outcome:
    """What a run calls stays with it: it may have places that calls from outside have not."""
    hosts, pool, program = gateway.hosts, gateway.pool, work.program
    suits_here = hosts.suits_here(program)
    if not suits_here and not hosts.suits_elsewhere(program):
        raise nobody_for(program)
    if suits_here and (call.depth or pool.free or not hosts.have_room_for(program)):
        try:
            return await invoke(pool, gateway.starter, work, request, call)
        except (RunnersUnavailable, TooManyCallsWaiting):
            if not hosts.suits_elsewhere(program):
                raise
    return await gateway.forwarder.run(work, request, call)
