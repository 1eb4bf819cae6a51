"""The threads that have a connection to the database, and the work of the planes in theirs."""

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import ParamSpec, TypeVar

from django.db import connection

P = ParamSpec("P")
R = TypeVar("R")

# Of each process that serves HTTP, which workers do for the algorithms that they run.
PLANE_THREADS = 6
REQUEST_THREADS = 12
# Requests that wait for a build or for runners, and pushes that show one.
WAITING_REQUEST_THREADS = 16
PUSH_THREADS = 16
# The listener for changes, and loops that write records, run queued calls and send webhooks.
_SINGLE_THREADS = 5
# Commands, a second web server while the first is going, somebody with psql.
_OTHERS = 20

# No server is back so soon after its connections were cut.
_TRUSTED_SECONDS = 0.1
_last_use = threading.local()

_executor = ThreadPoolExecutor(PLANE_THREADS, thread_name_prefix="database")


def most_connections(*, web_processes: int, worker_threads: int) -> int:
    """What the platform on one machine may have open at the same time."""
    each = (
        PLANE_THREADS + REQUEST_THREADS + WAITING_REQUEST_THREADS + PUSH_THREADS + _SINGLE_THREADS
    )
    return (web_processes + 1) * each + worker_threads + _OTHERS


async def in_database_thread(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Run `function`, which uses the ORM, in the caller's context; the event loop goes on."""
    call = partial(copy_context().run, _with_connection, partial(function, *args, **kwargs))
    return await asyncio.get_running_loop().run_in_executor(_executor, call)


def await_database(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """The same from another thread, which waits for it.

    Threads that wait for storages have no connections of their own: there would be too many.
    """
    call = partial(copy_context().run, _with_connection, partial(function, *args, **kwargs))
    return _executor.submit(call).result()


def _with_connection(function: Callable[[], R]) -> R:
    idle = time.monotonic() - getattr(_last_use, "at", 0.0)
    doubtful = connection.errors_occurred or idle > _TRUSTED_SECONDS
    if connection.connection is not None and doubtful:
        if not connection.is_usable():
            connection.close()
        connection.errors_occurred = False
    try:
        return function()
    finally:
        _last_use.at = time.monotonic()
