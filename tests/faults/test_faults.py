"""A short campaign of kills; `make faults` makes long ones."""

import secrets

import pytest

from tests.faults.campaign import run_campaign

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("faults"), pytest.mark.timeout(300)]
ROUNDS = 16


def test_nothing_is_lost_or_done_twice() -> None:
    seed = secrets.randbelow(10**6)
    print(f"python -m tests.faults.run --rounds {ROUNDS} --pauses 1 --seed {seed}")
    report = run_campaign(ROUNDS, seed, pauses=1, longest=1.8)
    print("\n".join(report.lines()))
    assert report.violations == []
    assert report.rounds >= ROUNDS / 2 and len(report.kills) >= 4
    counts = report.counts
    # A platform that does nothing would keep all promises.
    for what in ("sync finished", "async finished", "files read", "results whose run was seen"):
        assert counts[what] >= 10, what
    assert counts["calls taken over in pauses"] >= 1
    assert counts["attempts taken from lost workers"] >= 1
