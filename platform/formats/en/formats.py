"""Moments as pages show them that do not say how: with their seconds, in UTC, and short."""

DATETIME_FORMAT = "Y-m-d H:i:s"
DATE_FORMAT = "Y-m-d"
TIME_FORMAT = "H:i:s"
