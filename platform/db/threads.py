"""Database work of the asynchronous planes: a fixed set of threads with lasting connections."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import ParamSpec, TypeVar

from django.db import connection

P = ParamSpec("P")
R = TypeVar("R")

_THREADS = 6
_executor = ThreadPoolExecutor(_THREADS, thread_name_prefix="database")


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
    if connection.connection is not None and connection.errors_occurred:
        if not connection.is_usable():
            connection.close()
        connection.errors_occurred = False
    return function()
