"""`make faults`: many rounds of kills, with a table at the end; exit status 1 on any violation."""

import argparse
import secrets
import sys

from tests.acceptance.platform import end_when_terminated
from tests.faults.campaign import run_campaign

ROUNDS_A_PAUSE = 50


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.run", description=__doc__)
    parser.add_argument("--rounds", type=int, default=1000, help="how many processes to kill")
    parser.add_argument("--pauses", type=int, help="pauses of a worker (one in 50 rounds)")
    parser.add_argument("--keep-logs", action="store_true", help="also when nothing is wrong")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6))
    arguments = parser.parse_args()
    end_when_terminated()
    pauses = arguments.pauses
    if pauses is None:
        pauses = max(1, arguments.rounds // ROUNDS_A_PAUSE)
    print(f"{arguments.rounds} rounds, {pauses} pauses, seed {arguments.seed}", flush=True)
    report = run_campaign(
        arguments.rounds, arguments.seed, pauses=pauses, keep_logs=arguments.keep_logs
    )
    print("\n".join(["", *report.lines()]), flush=True)
    return 1 if report.violations else 0


if __name__ == "__main__":
    sys.exit(main())
