"""The same calls on an empty platform and on one whose database is full."""

import statistics

from bench.fill import fill_platform
from bench.load import Connection, Request, call, run_load
from bench.measure import Measure
from tests.acceptance.platform import Platform, deploy, running_platform

ALGORITHMS, KEYS = 10_000, 10_000
CALLS = 1100
ROUNDS = 5
_BLOCK = 100


def full_database(empty: Platform, hello: Request, source: str) -> list[Measure]:
    """Warm calls and first ones, in turn on `empty`, where `hello` is deployed, and a full one.

    A first call is one with a key that the process has not seen: it is authenticated and resolved
    by the database, and then refused for its time-out, before any runner is asked for.
    """
    with running_platform() as full:
        account = full.account("bench")
        path = deploy(account, "Hello", source, publish="public").rsplit("/", 1)[0]
        calls = {
            # Keys are what is asked with, so there must be some.
            "empty": _first_calls(empty, 1, CALLS),
            "full": _first_calls(full, ALGORITHMS, KEYS),
        }
        warm = {"empty": hello, "full": call(_port(full), path, account.key, b"you")}
        for request in warm.values():
            run_load(request, connections=4, seconds=1)
        p50: dict[str, list[float]] = {"empty": [], "full": []}
        for _ in range(ROUNDS):
            for name, request in warm.items():
                p50[name].append(run_load(request, connections=1, seconds=1).p50_ms)
        first = _in_turn(calls)
    return [
        Measure(
            "warm call p50, database full / empty",
            statistics.median(p50["full"]),
            "ms",
            statistics.median(p50["empty"]),
            1.2,
        ),
        Measure(
            "first resolution p50, full / empty",
            statistics.median(first["full"]) * 1000,
            "ms",
            statistics.median(first["empty"]) * 1000,
            1.2,
        ),
    ]


def _port(platform: Platform) -> int:
    return int(platform.url.rsplit(":", 1)[1])


def _first_calls(platform: Platform, algorithms: int, keys: int) -> list[Request]:
    calls = fill_platform(platform, algorithms=algorithms, keys=keys, calls=CALLS)
    return [call(_port(platform), f"{path}?timeout=0", key, b"") for key, path in calls]


def _in_turn(calls: dict[str, list[Request]]) -> dict[str, list[float]]:
    """Seconds of each first call but the first block, which warms the database's connections."""
    connections = {name: Connection(requests[0].port) for name, requests in calls.items()}
    took: dict[str, list[float]] = {name: [] for name in calls}
    for start in range(0, CALLS, _BLOCK):
        for name, requests in calls.items():
            connection = connections[name]
            for request in requests[start : start + _BLOCK]:
                seconds = connection.exchange(request.encode())
                assert b"imeout" in connection.body, bytes(connection.body)
                if start:
                    took[name].append(seconds)
    for connection in connections.values():
        connection.socket.close()
    return took
