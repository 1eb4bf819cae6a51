"""Amounts from plain numbers to Prometheus' text."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from algoport import metrics
from tests.metrics import value_of

ROOT = Path(__file__).resolve().parents[2]
COUNT = """
import algoport, django, sys
django.setup()
from algoport import metrics
metrics.count_call("ok", 0.0007, {"run": 0.0005})
metrics.calls_waiting.set(3)
metrics.flush()
if sys.argv[1:]:
    print(metrics.exposition().decode())
"""


def text() -> str:
    return metrics.exposition().decode()


def test_a_call_is_counted_once() -> None:
    before = text()
    metrics.count_call("timeout", 0.0015, {"auth": 0.5, "run": 1.0})
    after, again = text(), text()
    for series, amount in (
        ('algoport_calls_total{outcome="timeout"}', 1),
        ('algoport_call_seconds_bucket{le="0.001"}', 0),
        ('algoport_call_seconds_bucket{le="0.002"}', 1),
        ('algoport_call_seconds_bucket{le="+Inf"}', 1),
        ("algoport_call_seconds_count", 1),
        ("algoport_call_seconds_sum", 0.0015),
        ('algoport_call_phase_seconds_total{phase="run"}', 1.0),
    ):
        assert value_of(after, series) - value_of(before, series) == pytest.approx(amount), series
        assert value_of(again, series) == value_of(after, series)


def test_answers_are_counted_by_class() -> None:
    count = metrics.http_requests.counter("git")
    series = 'algoport_http_requests_total{plane="git",status_class="%s"}'
    before = text()
    for status in (404, 200, 204, 799):
        count(status)
    for name, amount in (("4xx", 1), ("2xx", 2), ("other", 1), ("5xx", 0)):
        assert value_of(text(), series % name) - value_of(before, series % name) == amount


def test_levels_are_set() -> None:
    metrics.runners.set("idle", 4)
    assert value_of(text(), 'algoport_runners{state="idle"}') == 4
    metrics.runners.set("idle", 0)
    assert value_of(text(), 'algoport_runners{state="idle"}') == 0


def test_other_labels_are_refused() -> None:
    with pytest.raises(KeyError):
        metrics.calls.count("demo/Hello")
    with pytest.raises(KeyError):
        metrics.runners.set("demo", 1)


def test_processes_are_summed_and_the_dead_have_no_levels(tmp_path: Path) -> None:
    def run(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-c", COUNT, *arguments],
            cwd=ROOT,
            env=os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)},
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    run()
    summed = run("tell")
    assert value_of(summed, 'algoport_calls_total{outcome="ok"}') == 2
    assert value_of(summed, 'algoport_call_seconds_bucket{le="0.001"}') == 2
    assert value_of(summed, "algoport_calls_waiting") == 3
    assert summed.count("algoport_process_resident_bytes{") == 1
