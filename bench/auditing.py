"""What the audit of data accesses costs: the same requests with it and without, in turn."""

from pathlib import Path

import requests

from bench.load import Request, run_load
from bench.measure import Measure
from tests.acceptance.platform import Account, Platform, running_platform, wait_until

ROUNDS = 9
SECONDS = 5
_SIZE = 1000
_UNAUDITED = Path(__file__).with_name("unaudited")


def audit() -> list[Measure]:
    """Reads of a small hosted file a second; writing the records to the database is part of it."""
    with running_platform() as with_it, running_platform(PYTHONPATH=str(_UNAUDITED)) as without:
        sides = {"with": with_it, "without": without}
        accounts = {name: platform.account("bench") for name, platform in sides.items()}
        loads = {name: _prepare(platform, accounts[name]) for name, platform in sides.items()}
        for request in loads.values():
            run_load(request, connections=16, seconds=2)
        wait_until(lambda: _records(with_it, accounts["with"]), 10, "records are written")
        assert _records(without, accounts["without"]) == 0
        pairs = [
            _pair(sides, loads, list(sides) if number % 2 else list(reversed(sides)))
            for number in range(ROUNDS)
        ]
    # By the ratio of each pair: what else the machine does comes and goes slower than that.
    pairs.sort(key=lambda rates: rates["with"] / rates["without"])
    middle = pairs[ROUNDS // 2]
    name = "data reads with audit / without"
    return [Measure(name, middle["with"], "/s", middle["without"], 0.95, more_is_better=True)]


def _pair(
    sides: dict[str, Platform], loads: dict[str, Request], order: list[str]
) -> dict[str, float]:
    """Reads a second of both, one after the other, neither beside the other's writing."""
    rates = {}
    for name in order:
        rates[name] = run_load(loads[name], connections=16, seconds=SECONDS).per_second
        wait_until(lambda side=sides[name]: _is_written(side), 10, "records are written")
    return rates


def _is_written(platform: Platform) -> bool:
    return not any((platform.data / "journal" / "data").glob("*.*"))


def _prepare(platform: Platform, account: Account) -> Request:
    account.client.dir("data://.my/audit").create()
    account.client.file("data://.my/audit/f").put(b"x" * _SIZE)
    port = int(platform.url.rsplit(":", 1)[1])
    headers = {"Authorization": f"Simple {account.key}"}
    return Request(port, "/v1/data/.my/audit/f", b"", headers, "GET")


def _records(platform: Platform, account: Account) -> int:
    headers = {"Authorization": f"Simple {account.key}"}
    url = f"{platform.url}/v1/users/{account.name}/data-accesses"
    answer = requests.get(url, headers=headers, timeout=10)
    answer.raise_for_status()
    return len(answer.json()["results"])


def main() -> None:
    for measure in audit():
        print(measure.line())


if __name__ == "__main__":
    main()
