"""Django's cache, in Valkey so that all processes share what they count in it."""

import logging
from typing import Any

from django.core.cache.backends.base import DEFAULT_TIMEOUT, BaseCache
from django.core.cache.backends.locmem import LocMemCache
from django.core.cache.backends.redis import RedisCache
from redis import RedisError

logger = logging.getLogger(__name__)


class SharedCache(BaseCache):
    """Valkey's; while that cannot be reached, each process counts for itself.

    What is kept here are the limits on attempts to sign in: without the broker people still get
    in, and guessers are still held up.
    """

    def __init__(self, location: str, params: dict[str, Any]) -> None:
        super().__init__(params)
        self._shared = RedisCache(location, params)
        self._own = LocMemCache(f"instead of {location}", params)

    def add(
        self, key: str, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None
    ) -> bool:
        return bool(self._either("add", key, value, timeout, version))

    def get(self, key: str, default: Any = None, version: int | None = None) -> Any:
        return self._either("get", key, default, version)

    def set(
        self, key: str, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None
    ) -> None:
        self._either("set", key, value, timeout, version)

    def touch(self, key: str, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        return bool(self._either("touch", key, timeout, version))

    def delete(self, key: str, version: int | None = None) -> bool:
        return bool(self._either("delete", key, version))

    def clear(self) -> None:
        """Nothing: the broker's own rows lie in the same database."""
        raise NotImplementedError("what is in this cache ends by itself")

    def _either(self, operation: str, *args: Any) -> Any:
        try:
            return getattr(self._shared, operation)(*args)
        except RedisError as exc:
            logger.warning("the cache cannot be reached, this process counts alone: %s", exc)
            return getattr(self._own, operation)(*args)
