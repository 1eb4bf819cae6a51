"""Where a call runs: on this host, or on another one."""

from algorithms.errors import RunnersUnavailable, TooManyCallsWaiting
from algorithms.running.gateway import Gateway
from algorithms.running.invocation import Outcome, Work, invoke
from algorithms.running.program import Call


async def run_somewhere(gateway: Gateway, work: Work, request: bytes, call: Call) -> Outcome:
    """As `invoke`, where there are several hosts: here if there is a worker with room.

    What a run calls stays with it as long as there is a worker here: it may have places that calls
    from outside have not.
    """
    hosts, pool = gateway.hosts, gateway.pool
    if hosts.has_worker_here and (call.depth or pool.free or not hosts.have_room):
        try:
            return await invoke(pool, gateway.starter, work, request, call)
        except (RunnersUnavailable, TooManyCallsWaiting):
            if not hosts.are_several:
                raise
    return await gateway.forwarder.run(work, request, call)
