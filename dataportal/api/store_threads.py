"""Blocking work with storages, away from the event loop."""

import asyncio
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any, TypeVar
from uuid import UUID

R = TypeVar("R")

_THREADS = 48
# A storage that answers slowly must not take the threads of all others.
_MOST_OF_ACCOUNT = 12
# The platform's own files come from one disk, whoever asks.
_FILE_THREADS = 8

_executor = ThreadPoolExecutor(_THREADS, thread_name_prefix="stores")
_file_executor = ThreadPoolExecutor(_FILE_THREADS, thread_name_prefix="files")


class _Shares:
    """How many calls of each account are in progress; only those of accounts with any are kept."""

    def __init__(self) -> None:
        self._semaphores: dict[UUID, asyncio.Semaphore] = {}
        self._users: defaultdict[UUID, int] = defaultdict(int)

    async def run(self, account: UUID, function: Callable[..., R], *args: Any) -> R:
        semaphore = self._semaphores.setdefault(account, asyncio.Semaphore(_MOST_OF_ACCOUNT))
        self._users[account] += 1
        try:
            async with semaphore:
                # Threads cannot be interrupted: the share is in use until this one is done.
                return await _to_its_end(_executor, function, *args)
        finally:
            self._users[account] -= 1
            if not self._users[account]:
                del self._users[account], self._semaphores[account]


async def _to_its_end(executor: ThreadPoolExecutor, function: Callable[..., R], *args: Any) -> R:
    context = copy_context()
    call = asyncio.get_running_loop().run_in_executor(executor, context.run, function, *args)
    try:
        return await asyncio.shield(call)
    except asyncio.CancelledError:
        await asyncio.wait([call])
        if not call.cancelled():
            call.exception()
        raise


_shares = _Shares()


async def in_store_thread(account: UUID, function: Callable[..., R], *args: Any) -> R:
    """Run `function` for the account's storage; its calls wait for each other past a limit."""
    return await _shares.run(account, function, *args)


async def in_file_thread(function: Callable[..., R], *args: Any) -> R:
    """Run `function`, which reads or writes the platform's own files."""
    return await _to_its_end(_file_executor, function, *args)


def in_background(function: Callable[[], object]) -> None:
    """Have it done some time, by whatever thread is free."""
    _executor.submit(function)
