"""Charts as shapes of an SVG, in units of its view box: the page draws them without a script."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from algorithms.metering.algorithm_usage import Interval

WIDTH, HEIGHT = 720, 160
_GAP = 2


@dataclass(frozen=True, slots=True)
class Bar:
    """An interval's calls: all of them, and from the bottom those that failed."""

    interval: Interval
    x: float
    width: float
    y: float
    height: float
    failed_y: float
    failed_height: float


@dataclass(frozen=True, slots=True)
class BarChart:
    top: int
    bars: list[Bar]


@dataclass(frozen=True, slots=True)
class LineChart:
    """Two lines of seconds, as data of paths; there is none where nothing was called."""

    top: float
    p50: str
    p99: str


def bars_of(intervals: Sequence[Interval]) -> BarChart:
    """How many calls there were in each interval."""
    top = _round_up(max((each.figures.calls for each in intervals), default=0) or 1)
    width = WIDTH / len(intervals)
    bars = []
    for number, each in enumerate(intervals):
        height = HEIGHT * each.figures.calls / top
        failed = HEIGHT * each.figures.errors / top
        bars.append(
            Bar(
                interval=each,
                x=round(number * width + _GAP / 2, 2),
                width=round(width - _GAP, 2),
                y=round(HEIGHT - height, 2),
                height=round(height, 2),
                failed_y=round(HEIGHT - failed, 2),
                failed_height=round(failed, 2),
            )
        )
    return BarChart(int(top), bars)


def lines_of(intervals: Sequence[Interval]) -> LineChart:
    """How long calls took in each interval."""
    p99 = [each.figures.p99 for each in intervals]
    top = _round_up(max((value for value in p99 if value is not None), default=0) or 1)
    p50 = [each.figures.p50 for each in intervals]
    return LineChart(top, _path(p50, top), _path(p99, top))


def _path(values: Sequence[float | None], top: float) -> str:
    """A line through the middles of the intervals, with gaps; one alone is a short stroke."""
    step = WIDTH / len(values)
    parts: list[str] = []
    for number, value in enumerate(values):
        if value is None:
            continue
        y = round(HEIGHT - HEIGHT * value / top, 2)
        goes_on = number > 0 and values[number - 1] is not None
        if goes_on:
            parts.append(f"L{round((number + 0.5) * step, 2)} {y}")
        else:
            parts.append(f"M{round((number + 0.3) * step, 2)} {y}")
            parts.append(f"L{round((number + 0.7) * step, 2)} {y}")
    return "".join(parts)


def _round_up(value: float) -> float:
    """To 1, 2 or 5 times a power of ten: a top that people can read."""
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= value * 0.999999)
