"""The protocol's form of a moment."""

from datetime import UTC, datetime


def to_milliseconds(moment: datetime) -> str:
    """`2022-05-08T22:43:09.050Z`."""
    utc = moment.astimezone(UTC)
    return f"{utc:%Y-%m-%dT%H:%M:%S}.{utc.microsecond // 1000:03d}Z"
