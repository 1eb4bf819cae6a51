"""Gives Python 3.11 back what released Algorithmia packages still call.

The ADK reports an algorithm's exception with `traceback.format_exception(etype=..., value=...,
tb=...)`, the old client's handler asks `inspect.getargspec`. Both are gone from Python; without
them the algorithm's process would die instead of reporting (wire.md 8). Nothing is done, and
nothing imported, before one of those packages is.
"""

import sys

_PACKAGES = ("Algorithmia", "adk")


class _Mender:
    """Sees every import; mends Python at the first one of a package that needs it."""

    def find_spec(self, name, path=None, target=None):
        if name in _PACKAGES:
            sys.meta_path.remove(self)
            _mend()
        return None


def _mend():
    import inspect
    import traceback

    original = traceback.format_exception

    def format_exception(*args, **kwargs):
        """`traceback.format_exception`, also with its keywords of Python 3.9."""
        if "etype" in kwargs:
            args = (kwargs.pop("etype"), kwargs.pop("value"), kwargs.pop("tb"), *args)
        return original(*args, **kwargs)

    traceback.format_exception = format_exception
    if not hasattr(inspect, "getargspec"):
        inspect.getargspec = lambda function: inspect.getfullargspec(function)[:4]


sys.meta_path.insert(0, _Mender())
