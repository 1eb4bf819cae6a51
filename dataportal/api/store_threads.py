"""Blocking work with storages, away from the event loop and shared between accounts."""

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

_executor = ThreadPoolExecutor(_THREADS, thread_name_prefix="stores")


class _Shares:
    """How many calls of each account are in progress; only those of accounts with any are kept."""

    def __init__(self) -> None:
        self._semaphores: dict[UUID, asyncio.Semaphore] = {}
        self._users: defaultdict[UUID, int] = defaultdict(int)

    async def run(self, account: UUID, function: Callable[..., R], *args: Any, **named: Any) -> R:
        semaphore = self._semaphores.setdefault(account, asyncio.Semaphore(_MOST_OF_ACCOUNT))
        self._users[account] += 1
        try:
            async with semaphore:
                context = copy_context()
                call = asyncio.get_running_loop().run_in_executor(
                    _executor, lambda: context.run(function, *args, **named)
                )
                # Threads cannot be interrupted: the share is in use until this one is done.
                return await _to_its_end(call)
        finally:
            self._users[account] -= 1
            if not self._users[account]:
                del self._users[account], self._semaphores[account]


async def _to_its_end(call: "asyncio.Future[R]") -> R:
    try:
        return await asyncio.shield(call)
    except asyncio.CancelledError:
        await asyncio.wait([call])
        if not call.cancelled():
            call.exception()
        raise


_shares = _Shares()


async def in_store_thread(account: UUID, function: Callable[..., R], *args: Any, **named: Any) -> R:
    """Run `function` for the account's storage; its calls wait for each other past a limit."""
    return await _shares.run(account, function, *args, **named)


def in_background(function: Callable[[], None]) -> None:
    """Have it done some time, by whatever thread is free."""
    _executor.submit(function)
