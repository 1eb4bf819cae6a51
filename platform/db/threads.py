"""Database work of the asynchronous planes: a fixed set of threads with lasting connections."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import ParamSpec, TypeVar

from django.db import connection

P = ParamSpec("P")
R = TypeVar("R")

_THREADS = 6
_executor = ThreadPoolExecutor(_THREADS, thread_name_prefix="database")


async def in_database_thread(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Run `function`, which uses the ORM, in the caller's context; the event loop goes on."""

    def call() -> R:
        if connection.connection is not None and connection.errors_occurred:
            if not connection.is_usable():
                connection.close()
            connection.errors_occurred = False
        return function(*args, **kwargs)

    return await asyncio.get_running_loop().run_in_executor(_executor, copy_context().run, call)
