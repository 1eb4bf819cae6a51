"""The protocol's form of a moment."""

from datetime import UTC, datetime


def to_milliseconds(moment: datetime) -> str:
    """`2022-05-08T22:43:09.050Z`."""
    return f"{to_plain_milliseconds(moment)}Z"


def to_plain_milliseconds(moment: datetime) -> str:
    """`2020-12-21T21:47:53.239`, in UTC: the form that environments are told in (wire.md 5)."""
    utc = moment.astimezone(UTC)
    return f"{utc:%Y-%m-%dT%H:%M:%S}.{utc.microsecond // 1000:03d}"


def to_plain_seconds(moment: datetime) -> str:
    """`2021-10-22T16:41:32`, in UTC: the form that organizations are told in (wire.md 5)."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S}"
