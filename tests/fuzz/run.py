"""python -m tests.fuzz.run: try every operation for longer than the tests do."""

import argparse

from tests.acceptance.platform import end_when_terminated, running_platform
from tests.doubles.seaweed import running_seaweed
from tests.fuzz.objects import make_objects
from tests.fuzz.running import SEED, Report, run
from tests.fuzz.sampling import Extent


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--examples", type=int, default=100)
    options.add_argument("--seed", type=int, default=SEED)
    options.add_argument("--key", choices=("standard", "admin", "none"), action="append")
    given = options.parse_args()
    end_when_terminated()
    failed = False
    with (
        running_seaweed() as storage,
        running_platform(ALGOPORT_CONNECTOR_HOSTS=f"127.0.0.1:{storage.port}") as platform,
    ):
        objects = make_objects(platform, storage)
        keys = {"standard": objects.keeper.key, "admin": objects.admin_key, "none": None}
        for name in given.key or keys:
            report = run(objects, keys[name], Extent(given.examples, given.seed))
            failed = _tell(name, report) or failed
    raise SystemExit(failed)


def _tell(name: str, report: Report) -> bool:
    for failure in report.failures:
        print(failure, end="\n\n")
    print(f"{name}: {report.requests} requests, {len(report.failures)} failures")
    for operation in sorted(set(report.answers) - report.succeeded()):
        print(f"  never succeeded: {operation} {dict(report.answers[operation])}")
    return bool(report.failures)


if __name__ == "__main__":
    main()
