"""Failed authentications, counted by address and by account over all processes.

Whoever presents a good key is never asked for a count: only failures cost a round trip. Keys
cannot be guessed, so a good one is taken from any address; passwords can, so behind too many
failures none is looked at.
"""

import hashlib
import logging
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache

import redis
from django.conf import settings

from algoport.errors import UserError
from algoport.http.clients import UNKNOWN

logger = logging.getLogger(__name__)

WINDOW_SECONDS = 300
MOST_FAILURES_OF_ADDRESS = 200
MOST_FAILURES_OF_ACCOUNT = 20
_MOST_COUNTED_HERE = 10_000


class TooManyFailures(UserError):
    """Too many attempts that failed came from the address, or were made on the account."""

    code, status = 2002, 429
    message = "Too many failed attempts. Wait {seconds} seconds and try again."

    def __init__(self, seconds: int) -> None:
        super().__init__(seconds=seconds)
        self._seconds = seconds

    def headers(self) -> dict[str, str]:
        return {"Retry-After": str(self._seconds)}


@dataclass(frozen=True)
class Attempt:
    """Where an attempt to authenticate comes from, and on which account it is made, if it says."""

    address: str = UNKNOWN
    account: str = ""

    def limits(self) -> dict[str, int]:
        """How many failures each counter that it belongs to may have."""
        limits = {}
        if self.address != UNKNOWN:
            limits[f"address:{self.address}"] = MOST_FAILURES_OF_ADDRESS
        if self.account:
            # Names come from outside, and are as long as somebody likes.
            digest = hashlib.sha256(self.account.lower().encode()).hexdigest()
            limits[f"account:{digest}"] = MOST_FAILURES_OF_ACCOUNT
        return limits


@dataclass
class _Counts:
    """Of one window, in this process: what counts while Valkey does not answer."""

    window: int = 0
    counts: dict[str, int] = field(default_factory=dict)


_own = _Counts()


def check_attempt(attempt: Attempt) -> None:
    """Raise TooManyFailures before a password of one who has failed too often is looked at."""
    limits = attempt.limits()
    if not limits:
        return
    names = [_key(name) for name in limits]
    try:
        found = [int(count or 0) for count in _valkey().mget(names)]
    except redis.RedisError as exc:
        found = [_count_here(name, 0) for name in names]
        logger.warning("failed attempts are counted by this process alone: %s", exc)
    if any(count >= most for count, most in zip(found, limits.values(), strict=True)):
        raise TooManyFailures(_seconds_left())


def count_failure(attempt: Attempt) -> None:
    """Raise TooManyFailures in place of the refusal of one who has failed too often by now."""
    limits = attempt.limits()
    if not limits:
        return
    found = count_in_window(limits)
    if any(count > most for count, most in zip(found, limits.values(), strict=True)):
        raise TooManyFailures(_seconds_left())


def count_in_window(names: Iterable[str]) -> list[int]:
    """Count one more of each of these; how many they are in this window, over all processes."""
    keys = [_key(name) for name in names]
    try:
        with _valkey().pipeline(transaction=False) as pipeline:
            for key in keys:
                pipeline.incr(key)
                pipeline.expire(key, WINDOW_SECONDS)
            return [int(count) for count in pipeline.execute()[::2]]
    except redis.RedisError as exc:
        logger.warning("failed attempts are counted by this process alone: %s", exc)
        return [_count_here(key, 1) for key in keys]


@cache
def _valkey() -> redis.Redis:
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=0.5, socket_connect_timeout=0.5)


def _key(name: str) -> str:
    return f"failures:{_window()}:{name}"


def _window() -> int:
    return int(time.time()) // WINDOW_SECONDS


def _seconds_left() -> int:
    return WINDOW_SECONDS - int(time.time()) % WINDOW_SECONDS


def _count_here(name: str, more: int) -> int:
    if _own.window != _window() or len(_own.counts) > _MOST_COUNTED_HERE:
        _own.window, _own.counts = _window(), {}
    _own.counts[name] = _own.counts.get(name, 0) + more
    return _own.counts[name]
