"""Reading an algorithm through the management API, as every page about it does."""

from bench.load import Request, run_load
from bench.measure import Measure
from tests.acceptance.platform import Account

SECONDS = 2.0


def algorithm_read(demo: Account, path: str) -> Measure:
    """GET of OWNER/NAME, which is published, on one connection."""
    port = int(demo.platform.url.rpartition(":")[2])
    headers = {"Authorization": f"Simple {demo.key}"}
    request = Request(port, f"/v1/algorithms/{path}", b"", headers, "GET")
    run_load(request, connections=1, seconds=0.5)
    load = run_load(request, connections=1, seconds=SECONDS)
    return Measure("read of an algorithm p50, 1 connection", load.p50_ms, "ms", 10.0)
