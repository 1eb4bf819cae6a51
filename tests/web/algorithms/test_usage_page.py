"""The Usage tab: what is counted, for whom, and how it is drawn."""

import re
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from algoport.accounts.models import User
from algorithms.constants import CallKind
from algorithms.metering import algorithm_usage
from algorithms.metering.algorithm_usage import Figures, Interval, Span, usage_of_algorithm
from algorithms.models import Algorithm, CallRecord
from algorithms.web.charts import HEIGHT, WIDTH, bars_of, lines_of
from tests.factories.algorithms import make_version
from tests.plans import forget_statistics, plan_of

USAGE = "/algorithms/demo/Hello/usage"
CHART = 'preserveAspectRatio="none" role="img"'
NOW = timezone.now()


def record(algorithm: Algorithm, caller: Any, hours: float = 1, **fields: Any) -> CallRecord:
    """A call that began so many hours ago."""
    values: dict[str, Any] = {
        "request_id": uuid.uuid4(),
        "session_id": uuid.uuid4(),
        "caller_id": getattr(caller, "pk", caller),
        "algorithm_id": algorithm.pk,
        "build_id": uuid.uuid4(),
        "version": "1.0.0",
        "kind": CallKind.SYNC,
        "started_at": NOW - timedelta(hours=hours),
        "total_seconds": 0.25,
        **dict.fromkeys(("queue_seconds", "start_seconds", "load_seconds", "run_seconds"), 0),
        "status": 200,
        "error_type": "",
        "bytes_in": 1,
        "bytes_out": 1,
    }
    return CallRecord(**(values | fields))


@pytest.fixture
def calls(algorithm: Algorithm, demo: User, guest: User) -> None:
    rows = [record(algorithm, demo, 0.5, total_seconds=n / 100) for n in range(1, 101)]
    rows += [record(algorithm, guest, 5, version="a" * 40, error_type="Bad") for _ in range(3)]
    rows += [record(algorithm, guest, 24 * 6), record(algorithm, uuid.uuid4(), 24 * 20)]
    rows += [record(algorithm, demo, 24 * 31)]
    CallRecord.objects.bulk_create(rows)
    # Of something else.
    other = record(algorithm, demo)
    other.algorithm_id = uuid.uuid4()
    other.save(force_insert=True)


def test_figures(calls: None, algorithm: Algorithm) -> None:
    day = usage_of_algorithm(algorithm, Span.DAY, NOW)
    assert day.total == Figures(103, 3, 0.49, 0.99) and day.is_whole
    assert len(day.intervals) == 24 and day.intervals[-1].end == NOW == day.end
    at = {n: each.figures.calls for n, each in enumerate(day.intervals) if each.figures.calls}
    assert at == {23: 100, 19: 3}
    assert day.intervals[23].figures == Figures(100, 0, 0.5, 0.99)
    calls = {each.name: each.figures.calls for each in day.callers}
    assert list(calls.items()) == [("demo", 100), ("guest", 3)]
    assert [(each.name, each.figures.errors) for each in day.versions] == [
        ("1.0.0", 0),
        ("aaaaaaaa", 3),
    ]
    assert usage_of_algorithm(algorithm, Span.WEEK, NOW).total.calls == 104
    month = usage_of_algorithm(algorithm, Span.MONTH, NOW)
    assert month.total.calls == 105 and uuid.UUID(month.callers[-1].name)
    earlier = usage_of_algorithm(algorithm, Span.DAY, NOW - timedelta(days=100))
    assert earlier.total == Figures() and earlier.callers == []


def test_no_more_than_the_newest_are_looked_at(
    calls: None, algorithm: Algorithm, browser: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(algorithm_usage, "MOST_CALLS", 100)
    day = usage_of_algorithm(algorithm, Span.DAY, NOW)
    assert day.total.calls == 100 and day.total.errors == 0 and not day.is_whole
    assert "earlier ones are missing" in browser.get(USAGE).content.decode()


def test_the_page(calls: None, browser: Client) -> None:
    text = browser.get(USAGE).content.decode()
    assert "Calls of the last 24 hours" in text and text.count(CHART) == 2
    assert '<dd class="bad">3</dd>' in text and "<dd>490 ms</dd>" in text
    assert text.count('<rect class="ok"') == 2 and text.count('<rect class="failed"') == 1
    assert "style=" not in text and "<details>" in text
    month = browser.get(USAGE, {"span": "30d"}).content.decode()
    assert "Calls of the last 30 days" in month and '?span=30d" aria-current="true"' in month
    for wrong in ("", "1y", "a\x00"):
        assert "last 24 hours" in browser.get(USAGE, {"span": wrong}).content.decode()


def test_nobody_has_called(browser: Client, algorithm: Algorithm) -> None:
    text = browser.get(USAGE).content.decode()
    assert "Nobody has called it" in text and CHART not in text


def test_who_may_see_it(browser: Client, visitor: Client, algorithm: Algorithm) -> None:
    assert visitor.get(USAGE).status_code == 404
    make_version(algorithm)
    assert visitor.get(USAGE).status_code == 403
    assert USAGE not in visitor.get("/algorithms/demo/Hello").content.decode()
    assert USAGE in browser.get("/algorithms/demo/Hello").content.decode()
    assert Client().get(USAGE).headers["Location"].startswith("/signin")


def test_queries_and_their_index(calls: None, algorithm: Algorithm, browser: Client) -> None:
    with CaptureQueriesContext(connection) as queries:
        browser.get(USAGE, {"span": "30d"})
    assert len(queries) <= 13
    forget_statistics()
    (sql,) = [each["sql"] for each in queries if "by_version" in each["sql"]]
    table = CallRecord._meta.db_table
    scans = [node["Node Type"] for node in plan_of(sql) if node.get("Relation Name") == table]
    assert scans == ["Index Scan"]


def intervals(*figures: Figures) -> list[Interval]:
    return [Interval(NOW, NOW, each) for each in figures]


def test_bars() -> None:
    chart = bars_of(intervals(Figures(), Figures(30, 15, 1, 1)))
    empty, full = chart.bars
    assert chart.top == 50 and empty.height == 0
    assert full.x + full.width <= WIDTH and full.y + full.height == HEIGHT
    assert (full.height, full.failed_height) == (HEIGHT * 0.6, HEIGHT * 0.3)
    assert bars_of(intervals(Figures())).top == 1


def test_lines_have_gaps_where_nothing_was_called() -> None:
    some, none = Figures(1, 0, 0.1, 0.2), Figures()
    chart = lines_of(intervals(some, some, none, some))
    assert chart.top == 0.2
    assert len(re.findall("M", chart.p50)) == 2 and chart.p50.count("L") == 3
    assert chart.p99.startswith("M54.0 0.0") and lines_of(intervals(none)).p50 == ""
