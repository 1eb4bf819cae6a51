"""A worker's runner serves queued calls, which have a lease, and calls of other hosts."""

import asyncio
import time
import uuid
from pathlib import Path

from algoport.accounts.permissions import Principal, PrincipalKind, Run
from algoport.http.tracing import Session, Trace
from algorithms.running.program import Call, Lease, loader_for
from tests.factories.algorithms import make_program
from tests.factories.runners import local_starter


def test_a_call_without_a_lease_outlives_that_of_the_call_before(run_folder: Path) -> None:
    run = Run(uuid.uuid4(), uuid.uuid4(), pipeline_enabled=True)
    identity = Principal(PrincipalKind.RUN, uuid.uuid4(), "demo", run=run)
    program = make_program("A", algorithm_id=run.algorithm_id)

    async def main() -> bytes:
        runner = await starter.start(program, loader_for(identity))
        lease = Lease(time.monotonic() + 0.5)
        await runner.call(b"j0", Call(Trace(Session()), identity, 0.0, lease=lease))
        reply = await runner.call(b"j1", Call(Trace(Session()), identity, 0.0))
        await starter.stop(runner)
        assert reply.payload is not None
        return bytes(reply.payload)

    source = "import time\ndef apply(input):\n    time.sleep(input)\n    return 'done'\n"
    with local_starter(run_folder, source) as starter:
        assert asyncio.run(main()) == b"tdone"
