"""Algorithms and their calls in the admin portal."""

from algorithms.admin import algorithms, calls, platform, queue

__all__ = ["algorithms", "calls", "platform", "queue"]
