"""Gives Python 3.11 back what released Algorithmia packages still call.

The ADK reports an algorithm's exception with `traceback.format_exception(etype=..., value=...,
tb=...)`, the old client's handler asks `inspect.getargspec`. Both are gone from Python; without
them the algorithm's process would die instead of reporting (wire.md 8).
"""

import inspect
import traceback

_format_exception = traceback.format_exception


def format_exception(*args, **kwargs):
    """`traceback.format_exception`, also with its keywords of Python 3.9."""
    if "etype" in kwargs:
        args = (kwargs.pop("etype"), kwargs.pop("value"), kwargs.pop("tb"), *args)
    return _format_exception(*args, **kwargs)


traceback.format_exception = format_exception
if not hasattr(inspect, "getargspec"):
    inspect.getargspec = lambda function: inspect.getfullargspec(function)[:4]
