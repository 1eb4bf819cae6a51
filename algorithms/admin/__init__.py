"""Algorithms and their calls in the admin portal."""

from algorithms.admin import algorithms, calls, categories, environments, platform, queue

__all__ = ["algorithms", "calls", "categories", "environments", "platform", "queue"]
